namespace Punchline.Quic.Wire;

/// <summary>Packet numbers lose their upper bytes on the wire (RFC 9000 section 17.1, appendices A.2 and A.3).</summary>
internal static class PacketNumberCodec
{
    /// <summary>The most bytes of a packet number on the wire.</summary>
    public const int MaxLength = 4;

    /// <summary>How many bytes the peer needs to tell this number: enough for twice the numbers that are not acknowledged.</summary>
    /// <param name="largestAcked">The largest acknowledged number of the space; null if there is none.</param>
    public static int LengthFor(ulong pn, ulong? largestAcked)
    {
        ulong unacknowledged = largestAcked is { } acked ? pn - acked : pn + 1;
        for (int length = 1; length < MaxLength; length++)
        {
            if (unacknowledged <= 1UL << (8 * length - 1))
                return length;
        }
        return MaxLength;
    }

    /// <summary>Writes the lowest bytes of the number.</summary>
    /// <param name="length">1 to 4.</param>
    public static void Write(scoped ref WireWriter w, ulong pn, int length)
    {
        Span<byte> bytes = w.Reserve(length);
        for (int i = length - 1; i >= 0; i--)
        {
            bytes[i] = (byte)pn;
            pn >>= 8;
        }
    }

    /// <summary>Reads the bytes of a number whose header protection is removed.</summary>
    /// <param name="bytes">1 to 4 bytes.</param>
    public static ulong ReadTruncated(ReadOnlySpan<byte> bytes)
    {
        ulong value = 0;
        foreach (byte b in bytes)
            value = (value << 8) | b;
        return value;
    }

    /// <summary>The number closest to the next expected one that ends in these bytes.</summary>
    /// <param name="largestReceived">The largest number of the space in a packet that authenticated; null if there is none.</param>
    /// <param name="length">1 to 4, the bytes on the wire.</param>
    public static ulong Decode(ulong? largestReceived, ulong truncated, int length)
    {
        ulong expected = largestReceived is { } largest ? largest + 1 : 0;
        ulong window = 1UL << (8 * length);
        ulong half = window / 2;
        ulong candidate = (expected & ~(window - 1)) | truncated;
        // Written as sums, so that nothing goes below zero (appendix A.3).
        if (candidate + half <= expected && candidate < (1UL << 62) - window)
            return candidate + window;
        if (candidate > expected + half && candidate >= window)
            return candidate - window;
        return candidate;
    }
}
