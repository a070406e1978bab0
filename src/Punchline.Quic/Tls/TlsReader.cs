using System.Buffers.Binary;

namespace Punchline.Quic.Tls;

/// <summary>Reads the TLS presentation language (RFC 9846 section 3) from a span. Total: a read that does not fit returns false.</summary>
internal ref struct TlsReader(ReadOnlySpan<byte> bytes)
{
    private ReadOnlySpan<byte> _rest = bytes;

    public readonly bool IsAtEnd => _rest.IsEmpty;

    public bool TryReadByte(out byte value)
    {
        bool read = TryReadBytes(1, out var bytes);
        value = read ? bytes[0] : (byte)0;
        return read;
    }

    public bool TryReadUInt16(out ushort value)
    {
        bool read = TryReadBytes(2, out var bytes);
        value = read ? BinaryPrimitives.ReadUInt16BigEndian(bytes) : (ushort)0;
        return read;
    }

    public bool TryReadUInt24(out int value)
    {
        bool read = TryReadBytes(3, out var bytes);
        value = read ? bytes[0] << 16 | bytes[1] << 8 | bytes[2] : 0;
        return read;
    }

    public bool TryReadUInt32(out uint value)
    {
        bool read = TryReadBytes(4, out var bytes);
        value = read ? BinaryPrimitives.ReadUInt32BigEndian(bytes) : 0;
        return read;
    }

    public bool TryReadBytes(int count, out ReadOnlySpan<byte> bytes)
    {
        if (count > _rest.Length)
        {
            bytes = default;
            return false;
        }
        bytes = _rest[..count];
        _rest = _rest[count..];
        return true;
    }

    /// <summary>A vector whose length stands before it in one byte.</summary>
    public bool TryReadVector8(out ReadOnlySpan<byte> content)
    {
        content = default;
        return TryReadByte(out byte length) && TryReadBytes(length, out content);
    }

    /// <summary>A vector whose length stands before it in two bytes.</summary>
    public bool TryReadVector16(out ReadOnlySpan<byte> content)
    {
        content = default;
        return TryReadUInt16(out ushort length) && TryReadBytes(length, out content);
    }

    /// <summary>A vector whose length stands before it in three bytes.</summary>
    public bool TryReadVector24(out ReadOnlySpan<byte> content)
    {
        content = default;
        return TryReadUInt24(out int length) && TryReadBytes(length, out content);
    }
}
