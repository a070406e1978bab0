using System.Security.Cryptography;
using System.Text;
using Punchline.Quic.Tls;
using Punchline.Quic.Wire;

namespace Punchline.Protocol;

/// <summary>Who proves something towards a server.</summary>
internal enum ControlRole : byte
{
    Host = 1,
    Client = 2,
}

/// <summary>
/// What peers prove to a server. Each proof covers a label ‖ the role ‖ the server's name as dialled ‖ both nonces ‖ the message, so that
/// neither another server, nor another time, nor another purpose accepts it (docs/wire/control.md).
/// </summary>
internal static class ControlProof
{
    /// <summary>Makes a guess at a watched proof cost some 30 ms; our own cost is once at start.</summary>
    public const int PasswordRounds = 100_000;

    /// <summary>The bytes that a host's signature covers.</summary>
    public static byte[] HostSignatureInput(string name, ReadOnlySpan<byte> serverNonce, Register message) =>
        Covered("punchline control v1"u8, ControlRole.Host, name, serverNonce, message.Nonce, message.Content);

    /// <summary>The client's MAC, 32 bytes.</summary>
    public static byte[] OpenMac(ReadOnlySpan<byte> relayKey, string name, ReadOnlySpan<byte> serverNonce, Open message) =>
        HMACSHA256.HashData(relayKey, Covered("punchline open v1"u8, ControlRole.Client, name, serverNonce, message.Nonce, message.Content));

    /// <summary>The key that stands for a host password. Takes some 30 ms: once at start.</summary>
    public static byte[] PasswordKey(string password) =>
        Rfc2898DeriveBytes.Pbkdf2(Encoding.UTF8.GetBytes(password), "punchline host password v1"u8, PasswordRounds, HashAlgorithmName.SHA256, MacKeyLength);

    /// <summary>The proof of a host password, 32 bytes.</summary>
    public static byte[] PasswordProof(ReadOnlySpan<byte> passwordKey, string name, ReadOnlySpan<byte> serverNonce, Register message) =>
        HMACSHA256.HashData(passwordKey, Covered("punchline password v1"u8, ControlRole.Host, name, serverNonce, message.Nonce, message.Content));

    /// <summary>Checks a host's signature. Never throws: a key or signature that is none is a wrong one.</summary>
    public static bool VerifyHostSignature(ReadOnlySpan<byte> publicKey, ReadOnlySpan<byte> input, ReadOnlySpan<byte> signature) =>
        PeerAuthentication.VerifySignature(publicKey, input, signature);

    private const int MacKeyLength = 32;

    private static byte[] Covered(ReadOnlySpan<byte> label, ControlRole role, string name, ReadOnlySpan<byte> serverNonce, ReadOnlySpan<byte> peerNonce, ReadOnlySpan<byte> content)
    {
        Span<byte> buffer = stackalloc byte[label.Length + 2 + 256 + (2 * ControlCodec.NonceLength) + SHA256.HashSizeInBytes];
        var writer = new WireWriter(buffer);
        writer.WriteBytes(label);
        writer.WriteByte(0);
        writer.WriteByte((byte)role);
        writer.WriteShortText(name);
        writer.WriteBytes(serverNonce);
        writer.WriteBytes(peerNonce);
        Span<byte> digest = stackalloc byte[SHA256.HashSizeInBytes];
        SHA256.HashData(content, digest);
        writer.WriteBytes(digest);
        return writer.Written.ToArray();
    }
}
