using System.Buffers.Binary;

namespace Punchline.Quic.Wire;

/// <summary>
/// Reads network bytes from front to back. Every read either succeeds and moves on, or returns false and
/// leaves the position where it was; nothing that a peer sends makes it throw.
/// </summary>
internal ref struct WireReader(ReadOnlySpan<byte> bytes)
{
    private readonly ReadOnlySpan<byte> _bytes = bytes;
    private int _position;

    /// <summary>The number of bytes read.</summary>
    public readonly int Position => _position;

    /// <summary>The number of bytes left.</summary>
    public readonly int Remaining => _bytes.Length - _position;

    /// <summary>True if nothing is left.</summary>
    public readonly bool IsEmpty => _position == _bytes.Length;

    /// <summary>What is left, without reading it.</summary>
    public readonly ReadOnlySpan<byte> Rest => _bytes[_position..];

    /// <summary>The next byte, without reading it.</summary>
    public readonly bool TryPeekByte(out byte value)
    {
        if (IsEmpty)
        {
            value = 0;
            return false;
        }
        value = _bytes[_position];
        return true;
    }

    public bool TryReadByte(out byte value)
    {
        if (!TryPeekByte(out value))
            return false;
        _position++;
        return true;
    }

    /// <summary>Two bytes, big endian.</summary>
    public bool TryReadUInt16(out ushort value)
    {
        if (!BinaryPrimitives.TryReadUInt16BigEndian(Rest, out value))
            return false;
        _position += sizeof(ushort);
        return true;
    }

    /// <summary>Four bytes, big endian.</summary>
    public bool TryReadUInt32(out uint value)
    {
        if (!BinaryPrimitives.TryReadUInt32BigEndian(Rest, out value))
            return false;
        _position += sizeof(uint);
        return true;
    }

    /// <summary>Eight bytes, big endian.</summary>
    public bool TryReadUInt64(out ulong value)
    {
        if (!BinaryPrimitives.TryReadUInt64BigEndian(Rest, out value))
            return false;
        _position += sizeof(ulong);
        return true;
    }

    /// <summary>A variable-length integer (RFC 9000 section 16).</summary>
    public bool TryReadVarInt(out ulong value)
    {
        if (!VarInt.TryRead(Rest, out value, out int length))
            return false;
        _position += length;
        return true;
    }

    /// <summary>A run of bytes, as a slice of the input. The length is compared in 64 bits before it is narrowed.</summary>
    public bool TryReadBytes(ulong length, out ReadOnlySpan<byte> value)
    {
        if (length > (ulong)Remaining)
        {
            value = default;
            return false;
        }
        value = _bytes.Slice(_position, (int)length);
        _position += (int)length;
        return true;
    }

    /// <summary>Moves past bytes that the caller has seen in <see cref="Rest"/>; going past the end is a programming error.</summary>
    public void Skip(int count)
    {
        if ((uint)count > (uint)Remaining)
            throw new InvalidOperationException("Skipping more than remains.");
        _position += count;
    }
}
