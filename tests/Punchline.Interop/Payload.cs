using System.Security.Cryptography;
using Punchline.Testing;

namespace Punchline.Interop;

/// <summary>The bytes that travel: the same for everybody, without a pattern that a mistake could hit by chance.</summary>
internal static class Payload
{
    /// <summary>What "10 MB" is.</summary>
    public const int Large = 10_000_000;

    /// <summary>What one of many streams carries.</summary>
    public const int Small = 10_000;

    private static readonly byte[] Bytes = Make();

    /// <summary>The first bytes.</summary>
    public static ReadOnlyMemory<byte> First(int length) => Bytes.AsMemory(0, length);

    /// <summary>The SHA-256 of the first bytes in lower hexadecimal, as programs print it.</summary>
    public static string Sha256(int length) => Convert.ToHexStringLower(SHA256.HashData(First(length).Span));

    private static byte[] Make()
    {
        var bytes = new byte[Large];
        new SeededRandomness(1).FillPublic(bytes);
        return bytes;
    }
}
