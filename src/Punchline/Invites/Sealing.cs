using System.Security.Cryptography;

namespace Punchline.Invites;

/// <summary>
/// AES-GCM as a question with an answer: the base library knows a wrong tag only as an exception, which costs several times the
/// cryptography, and whoever watches can send wrong tags.
/// </summary>
internal static class Sealing
{
    /// <summary>What is sealed at most: the facts of a Retry token are 90 bytes.</summary>
    private const int MaxLength = 128;

    /// <summary>Decrypts ciphertext ‖ tag.</summary>
    /// <returns>False if the tag does not fit; the plain text is cleared then.</returns>
    public static bool TryDecrypt(AesGcm key, ReadOnlySpan<byte> nonce, ReadOnlySpan<byte> sealedBytes, Span<byte> plain, ReadOnlySpan<byte> associated)
    {
        int length = sealedBytes.Length - DoorToken.TagLength;
        if (length != plain.Length || length > MaxLength)
            return false;
        // GCM encrypts by a key stream (NIST SP 800-38D section 7.1): the second encryption undoes the first, and that of
        // the outcome has the tag that belongs to it. Nothing of this leaves, so the nonce is not used twice on the wire.
        Span<byte> tag = stackalloc byte[DoorToken.TagLength];
        Span<byte> again = stackalloc byte[MaxLength];
        key.Encrypt(nonce, sealedBytes[..length], plain, tag);
        key.Encrypt(nonce, plain, again[..length], tag, associated);
        if (CryptographicOperations.FixedTimeEquals(tag, sealedBytes[length..]))
            return true;
        plain.Clear();
        return false;
    }
}
