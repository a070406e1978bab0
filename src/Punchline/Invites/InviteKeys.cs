using System.Security.Cryptography;
using System.Text;

namespace Punchline.Invites;

/// <summary>What is derived from an invite's (or a friend's) secret: one key for each use, so that none tells of another.</summary>
internal static class InviteKeys
{
    public const int DoorKeyLength = 16;
    public const int RelayKeyLength = 32;
    public const int EndProofLength = 16;

    /// <summary>Seals tokens (docs/wire/door.md).</summary>
    public static byte[] Door(ReadOnlySpan<byte> secret)
    {
        byte[] key = new byte[DoorKeyLength];
        HKDF.DeriveKey(HashAlgorithmName.SHA256, secret, key, salt: [], "punchline door v1"u8);
        return key;
    }

    /// <summary>
    /// What the host shows once the invite has ended, and never before: only holders of the secret could have made it, and it stays true,
    /// so it needs no nonce (docs/wire/door.md).
    /// </summary>
    public static byte[] EndProof(ReadOnlySpan<byte> secret)
    {
        byte[] proof = new byte[EndProofLength];
        HKDF.DeriveKey(HashAlgorithmName.SHA256, secret, proof, salt: [], "punchline ended v1"u8);
        return proof;
    }

    /// <summary>Proves the invite to one server, which learns nothing that another server or the host would take (docs/wire/control.md).</summary>
    /// <param name="dialledName"><see cref="ServerAddress.DialledName"/>.</param>
    public static byte[] Relay(ReadOnlySpan<byte> secret, string dialledName)
    {
        byte[] key = new byte[RelayKeyLength];
        HKDF.DeriveKey(HashAlgorithmName.SHA256, secret, key, salt: [], Encoding.UTF8.GetBytes("punchline relay v1" + dialledName));
        return key;
    }
}
