using System.Buffers.Binary;
using System.Text;
using Punchline.Quic;

namespace Punchline.Protocol;

/// <summary>
/// Writes the fields of one message of ours into a span that the caller made large enough: running out of room is a mistake of
/// the program, not of the network, and throws.
/// </summary>
internal ref struct WireWriter(Span<byte> buffer)
{
    private readonly Span<byte> _buffer = buffer;

    /// <summary>Bytes written so far.</summary>
    public int Length { get; private set; }

    /// <summary>What was written.</summary>
    public readonly ReadOnlySpan<byte> Written => _buffer[..Length];

    public void WriteByte(byte value) => Take(1)[0] = value;

    public void WriteUInt16(ushort value) => BinaryPrimitives.WriteUInt16BigEndian(Take(2), value);

    public void WriteUInt64(ulong value) => BinaryPrimitives.WriteUInt64BigEndian(Take(8), value);

    public void WriteBytes(scoped ReadOnlySpan<byte> value) => value.CopyTo(Take(value.Length));

    /// <summary>A variable-length integer in its shortest form (RFC 9000 section 16).</summary>
    public void WriteVarint(ulong value)
    {
        switch (value)
        {
            case < 1UL << 6:
                WriteByte((byte)value);
                break;
            case < 1UL << 14:
                WriteUInt16((ushort)(value | 0x4000));
                break;
            case < 1UL << 30:
                BinaryPrimitives.WriteUInt32BigEndian(Take(4), (uint)value | 0x8000_0000);
                break;
            default:
                ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual(value, 1UL << 62);
                WriteUInt64(value | 0xc000_0000_0000_0000);
                break;
        }
    }

    /// <summary>A text behind a length of one byte; longer ones are cut at a character.</summary>
    public void WriteShortText(string value)
    {
        int length = Fit(value, byte.MaxValue, out int chars);
        WriteByte((byte)length);
        Encoding.UTF8.GetBytes(value.AsSpan(0, chars), Take(length));
    }

    /// <summary>A text behind a varint; longer ones are cut at a character.</summary>
    public void WriteText(string value, int maxBytes)
    {
        int length = Fit(value, maxBytes, out int chars);
        WriteVarint((ulong)length);
        Encoding.UTF8.GetBytes(value.AsSpan(0, chars), Take(length));
    }

    /// <summary>family ‖ port ‖ address.</summary>
    public void WriteAddress(in UdpAddress value)
    {
        if (value.IsNone)
            throw new ArgumentException("There is no address to write.", nameof(value));
        WriteByte(value.IsIPv4 ? (byte)4 : (byte)6);
        WriteUInt16(value.Port);
        value.WriteAddress(Take(value.AddressLength));
    }

    private static int Fit(string value, int maxBytes, out int chars)
    {
        chars = 0;
        int bytes = 0;
        foreach (Rune rune in value.EnumerateRunes())
        {
            if (bytes + rune.Utf8SequenceLength > maxBytes)
                break;
            bytes += rune.Utf8SequenceLength;
            chars += rune.Utf16SequenceLength;
        }
        return bytes;
    }

    private Span<byte> Take(int count)
    {
        Span<byte> taken = _buffer.Slice(Length, count);
        Length += count;
        return taken;
    }
}
