using System.Security.Cryptography;

namespace Punchline.Invites;

/// <summary>AES-GCM as a question with an answer: the base library knows a wrong tag only as an exception.</summary>
internal static class Sealing
{
    /// <summary>Decrypts ciphertext ‖ tag.</summary>
    /// <returns>False if the tag does not fit.</returns>
    public static bool TryDecrypt(AesGcm key, ReadOnlySpan<byte> nonce, ReadOnlySpan<byte> sealedBytes, Span<byte> plain, ReadOnlySpan<byte> associated)
    {
        int tag = sealedBytes.Length - DoorToken.TagLength;
        if (tag != plain.Length)
            return false;
        try
        {
            key.Decrypt(nonce, sealedBytes[..tag], sealedBytes[tag..], plain, associated);
            return true;
        }
        catch (AuthenticationTagMismatchException)
        {
            // Costs about 10 µs; the door bounds how often in a second it tries (Door.MaxFailuresPerSecond).
            return false;
        }
    }
}
