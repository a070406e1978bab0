using System.Security.Cryptography;

namespace Punchline.Quic;

/// <summary>What a peer is known by: the SHA-256 of its public key.</summary>
public static class PeerIdentity
{
    /// <summary>The length of a peer id, in bytes.</summary>
    public const int IdLength = 32;

    /// <summary>The length of the DER SubjectPublicKeyInfo of an uncompressed P-256 point, in bytes (RFC 5480).</summary>
    public const int PublicKeyInfoLength = P256Point.PublicKeyInfoLength;

    /// <summary>The peer id of a public key.</summary>
    /// <param name="publicKeyInfo">The 91 bytes of <see cref="ISigner.PublicKeyInfo"/>.</param>
    /// <returns>32 bytes.</returns>
    /// <exception cref="ArgumentException">It has another length.</exception>
    public static byte[] ComputeId(ReadOnlySpan<byte> publicKeyInfo)
    {
        ArgumentOutOfRangeException.ThrowIfNotEqual(publicKeyInfo.Length, PublicKeyInfoLength, nameof(publicKeyInfo));
        return SHA256.HashData(publicKeyInfo);
    }
}
