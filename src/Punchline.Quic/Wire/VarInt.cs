using System.Buffers.Binary;

namespace Punchline.Quic.Wire;

/// <summary>
/// Variable-length integers (RFC 9000 section 16): the two highest bits of the first byte are the
/// logarithm of the length, the rest is the value in network byte order.
/// </summary>
internal static class VarInt
{
    /// <summary>The largest value, 2^62-1.</summary>
    public const ulong MaxValue = (1UL << 62) - 1;

    /// <summary>The longest encoding, in bytes.</summary>
    public const int MaxLength = 8;

    private const ulong Max1 = (1UL << 6) - 1;
    private const ulong Max2 = (1UL << 14) - 1;
    private const ulong Max4 = (1UL << 30) - 1;

    /// <summary>The length of the shortest encoding: 1, 2, 4 or 8 bytes.</summary>
    public static int Length(ulong v)
    {
        if (v <= Max1)
            return 1;
        if (v <= Max2)
            return 2;
        if (v <= Max4)
            return 4;
        ArgumentOutOfRangeException.ThrowIfGreaterThan(v, MaxValue);
        return 8;
    }

    /// <summary>Reads the integer at the start, whatever the length of its encoding.</summary>
    public static bool TryRead(ReadOnlySpan<byte> s, out ulong v, out int length)
    {
        v = 0;
        length = 0;
        if (s.IsEmpty)
            return false;
        int needed = 1 << (s[0] >> 6);
        if (s.Length < needed)
            return false;
        length = needed;
        v = needed switch
        {
            1 => s[0],
            2 => BinaryPrimitives.ReadUInt16BigEndian(s) & Max2,
            4 => BinaryPrimitives.ReadUInt32BigEndian(s) & Max4,
            _ => BinaryPrimitives.ReadUInt64BigEndian(s) & MaxValue,
        };
        return true;
    }

    /// <summary>Writes the shortest encoding and returns its length.</summary>
    public static int Write(Span<byte> d, ulong v)
    {
        int length = Length(v);
        Write(d, v, length);
        return length;
    }

    /// <summary>Writes an encoding of the given length (1, 2, 4 or 8 bytes), which must be able to hold the value.</summary>
    public static void Write(Span<byte> d, ulong v, int length)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThan(Length(v), length, nameof(v));
        switch (length)
        {
            case 1:
                d[0] = (byte)v;
                break;
            case 2:
                BinaryPrimitives.WriteUInt16BigEndian(d, (ushort)(v | 0x4000));
                break;
            case 4:
                BinaryPrimitives.WriteUInt32BigEndian(d, (uint)v | 0x8000_0000);
                break;
            case 8:
                BinaryPrimitives.WriteUInt64BigEndian(d, v | 0xc000_0000_0000_0000);
                break;
            default:
                throw new ArgumentOutOfRangeException(nameof(length), length, "An encoding has 1, 2, 4 or 8 bytes.");
        }
    }
}
