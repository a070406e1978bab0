using System.Buffers.Binary;
using System.Security.Cryptography;
using System.Text;

namespace Punchline.Quic.Crypto;

/// <summary>
/// Secrets from secrets: HKDF-Expand-Label of TLS 1.3 (RFC 9846 section 7.1) with SHA-256, as QUIC uses it (RFC 9001 section 5).
/// </summary>
internal static class QuicKeyDerivation
{
    /// <summary>The length of every traffic secret: that of SHA-256.</summary>
    public const int SecretLength = 32;

    /// <summary>HkdfLabel: length, then label and context with a byte of length each (RFC 9846 section 7.1).</summary>
    private const int MaxInfoLength = sizeof(ushort) + 1 + byte.MaxValue + 1 + byte.MaxValue;

    private static ReadOnlySpan<byte> LabelPrefix => "tls13 "u8;

    /// <summary>RFC 9001 section 5.2: version 1's salt, the same for all, so that no middlebox reads Initials by accident.</summary>
    private static ReadOnlySpan<byte> InitialSalt =>
    [
        0x38, 0x76, 0x2c, 0xf7, 0xf5, 0x59, 0x34, 0xb3, 0x4d, 0x17,
        0x9a, 0xe6, 0xa4, 0xc8, 0x0c, 0xad, 0xcc, 0xbb, 0x7f, 0x0a,
    ];

    /// <summary>HKDF-Expand-Label with an empty context.</summary>
    /// <param name="label">ASCII without the prefix "tls13 ".</param>
    public static void ExpandLabel(ReadOnlySpan<byte> secret, string label, Span<byte> output)
    {
        Span<byte> ascii = stackalloc byte[byte.MaxValue];
        ExpandLabel(secret, ascii[..Encoding.ASCII.GetBytes(label, ascii)], [], output);
    }

    /// <inheritdoc cref="ExpandLabel(ReadOnlySpan{byte}, string, Span{byte})"/>
    public static void ExpandLabel(ReadOnlySpan<byte> secret, ReadOnlySpan<byte> label, Span<byte> output) =>
        ExpandLabel(secret, label, [], output);

    /// <summary>HKDF-Expand-Label.</summary>
    /// <param name="label">ASCII without the prefix "tls13 "; at most 249 bytes.</param>
    /// <param name="context">At most 255 bytes.</param>
    /// <param name="output">At most 255 hashes long.</param>
    public static void ExpandLabel(ReadOnlySpan<byte> secret, ReadOnlySpan<byte> label, ReadOnlySpan<byte> context, Span<byte> output)
    {
        Span<byte> info = stackalloc byte[MaxInfoLength];
        BinaryPrimitives.WriteUInt16BigEndian(info, checked((ushort)output.Length));
        int at = sizeof(ushort);
        info[at++] = checked((byte)(LabelPrefix.Length + label.Length));
        LabelPrefix.CopyTo(info[at..]);
        at += LabelPrefix.Length;
        label.CopyTo(info[at..]);
        at += label.Length;
        info[at++] = checked((byte)context.Length);
        context.CopyTo(info[at..]);
        at += context.Length;
        HKDF.Expand(HashAlgorithmName.SHA256, secret, output, info[..at]);
    }

    /// <summary>The secrets of Initial packets (RFC 9001 section 5.2), which everybody can compute.</summary>
    /// <param name="destination">The destination of the client's first Initial packet, or of the first one after a Retry.</param>
    /// <param name="client">32 bytes.</param>
    /// <param name="server">32 bytes.</param>
    public static void InitialSecrets(in ConnectionId destination, Span<byte> client, Span<byte> server)
    {
        Span<byte> initial = stackalloc byte[SecretLength];
        HKDF.Extract(HashAlgorithmName.SHA256, destination.Span, InitialSalt, initial);
        ExpandLabel(initial, "client in"u8, client[..SecretLength]);
        ExpandLabel(initial, "server in"u8, server[..SecretLength]);
    }

    /// <summary>The secret of the next key phase (RFC 9001 section 6.1).</summary>
    /// <param name="next">32 bytes.</param>
    public static void NextSecret(ReadOnlySpan<byte> secret, Span<byte> next) => ExpandLabel(secret, "quic ku"u8, next[..SecretLength]);
}
