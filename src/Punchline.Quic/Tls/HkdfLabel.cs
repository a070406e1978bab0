using System.Buffers.Binary;
using System.Security.Cryptography;

namespace Punchline.Quic.Tls;

/// <summary>HKDF-Expand-Label with SHA-256 (RFC 9846 section 7.1).</summary>
internal static class HkdfLabel
{
    /// <summary>The longest label that we use, in bytes, with room to spare.</summary>
    private const int MaxLabelLength = 32;

    private static ReadOnlySpan<byte> Prefix => "tls13 "u8;

    /// <summary>Fills <paramref name="output"/> with HKDF-Expand-Label(secret, label, context, output.Length).</summary>
    /// <param name="label">The label without "tls13 ".</param>
    /// <param name="context">Empty or a transcript hash.</param>
    public static void Expand(ReadOnlySpan<byte> secret, ReadOnlySpan<byte> label, ReadOnlySpan<byte> context, Span<byte> output)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThan(label.Length, MaxLabelLength, nameof(label));
        ArgumentOutOfRangeException.ThrowIfGreaterThan(context.Length, TlsCodes.HashLength, nameof(context));
        Span<byte> info = stackalloc byte[2 + 1 + 6 + MaxLabelLength + 1 + TlsCodes.HashLength];
        BinaryPrimitives.WriteUInt16BigEndian(info, (ushort)output.Length);
        info[2] = (byte)(Prefix.Length + label.Length);
        Prefix.CopyTo(info[3..]);
        label.CopyTo(info[(3 + Prefix.Length)..]);
        int length = 3 + Prefix.Length + label.Length;
        info[length++] = (byte)context.Length;
        context.CopyTo(info[length..]);
        length += context.Length;
        HKDF.Expand(HashAlgorithmName.SHA256, secret, output, info[..length]);
    }
}
