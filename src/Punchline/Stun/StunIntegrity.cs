using System.Buffers.Binary;
using System.Security.Cryptography;

namespace Punchline.Stun;

/// <summary>
/// The three checksums of a message. Each covers what precedes it, with the header's length field as if the message ended
/// with the checksum's own attribute (RFC 8489 sections 14.5 to 14.7).
/// </summary>
internal static class StunIntegrity
{
    /// <summary>Bytes of MESSAGE-INTEGRITY's value.</summary>
    public const int Sha1Length = HMACSHA1.HashSizeInBytes;

    /// <summary>Bytes of MESSAGE-INTEGRITY-SHA256's value as we write it; when read, it may be cut.</summary>
    public const int Sha256Length = HMACSHA256.HashSizeInBytes;

    /// <summary>The shortest cut that is allowed (RFC 8489 section 14.6); a multiple of 4 in any case.</summary>
    private const int MinSha256Length = 16;

    /// <summary>"STUN" in ASCII, so that a CRC of the application below does not look like ours.</summary>
    private const uint FingerprintMask = 0x5354_554E;

    /// <summary>FINGERPRINT's value for the message before it.</summary>
    public static uint Fingerprint(ReadOnlySpan<byte> before)
    {
        Span<byte> covered = stackalloc byte[before.Length];
        CopyWithLength(before, sizeof(uint), covered);
        return Crc32.Of(covered) ^ FingerprintMask;
    }

    /// <summary>MESSAGE-INTEGRITY's value for the message before it, 20 bytes.</summary>
    public static void ComputeSha1(ReadOnlySpan<byte> key, ReadOnlySpan<byte> before, Span<byte> destination)
    {
        Span<byte> covered = stackalloc byte[before.Length];
        CopyWithLength(before, Sha1Length, covered);
#pragma warning disable CA5350 // The protocol's own algorithm; MESSAGE-INTEGRITY-SHA256 is the newer one.
        HMACSHA1.HashData(key, covered, destination);
#pragma warning restore CA5350
    }

    /// <summary>MESSAGE-INTEGRITY-SHA256's value for the message before it.</summary>
    /// <param name="valueLength">The attribute's length, which enters the header's length field.</param>
    /// <param name="destination">32 bytes.</param>
    public static void ComputeSha256(ReadOnlySpan<byte> key, ReadOnlySpan<byte> before, int valueLength, Span<byte> destination)
    {
        Span<byte> covered = stackalloc byte[before.Length];
        CopyWithLength(before, valueLength, covered);
        HMACSHA256.HashData(key, covered, destination);
    }

    /// <summary>Compares in constant time.</summary>
    public static bool VerifySha1(ReadOnlySpan<byte> key, ReadOnlySpan<byte> before, ReadOnlySpan<byte> value)
    {
        Span<byte> expected = stackalloc byte[Sha1Length];
        ComputeSha1(key, before, expected);
        return CryptographicOperations.FixedTimeEquals(expected, value);
    }

    /// <summary>Compares in constant time what is there of the value.</summary>
    public static bool VerifySha256(ReadOnlySpan<byte> key, ReadOnlySpan<byte> before, ReadOnlySpan<byte> value)
    {
        if (value.Length is < MinSha256Length or > Sha256Length || value.Length % 4 != 0)
            return false;
        Span<byte> expected = stackalloc byte[Sha256Length];
        ComputeSha256(key, before, value.Length, expected);
        return CryptographicOperations.FixedTimeEquals(expected[..value.Length], value);
    }

    private static void CopyWithLength(ReadOnlySpan<byte> before, int valueLength, Span<byte> covered)
    {
        // The stack holds it: no message is longer than StunMessage.MaxLength.
        before.CopyTo(covered);
        int length = before.Length - StunMessage.HeaderLength + StunMessage.AttributeHeaderLength + valueLength;
        BinaryPrimitives.WriteUInt16BigEndian(covered[2..], (ushort)length);
    }
}
