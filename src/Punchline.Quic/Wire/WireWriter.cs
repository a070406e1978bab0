using System.Buffers.Binary;
using System.Diagnostics.CodeAnalysis;

namespace Punchline.Quic.Wire;

/// <summary>
/// Writes network bytes from front to back into a span. The caller looks at <see cref="Remaining"/> before
/// it writes: running over the end is a programming error and throws <see cref="InvalidOperationException"/>.
/// </summary>
internal ref struct WireWriter(Span<byte> buffer)
{
    private readonly Span<byte> _buffer = buffer;
    private int _position;

    /// <summary>The number of bytes written.</summary>
    public readonly int Position => _position;

    /// <summary>The number of bytes that still fit.</summary>
    public readonly int Remaining => _buffer.Length - _position;

    /// <summary>What has been written.</summary>
    public readonly Span<byte> Written => _buffer[.._position];

    public void WriteByte(byte value) => Reserve(1)[0] = value;

    /// <summary>Two bytes, big endian.</summary>
    public void WriteUInt16(ushort value) => BinaryPrimitives.WriteUInt16BigEndian(Reserve(sizeof(ushort)), value);

    /// <summary>Four bytes, big endian.</summary>
    public void WriteUInt32(uint value) => BinaryPrimitives.WriteUInt32BigEndian(Reserve(sizeof(uint)), value);

    /// <summary>Eight bytes, big endian.</summary>
    public void WriteUInt64(ulong value) => BinaryPrimitives.WriteUInt64BigEndian(Reserve(sizeof(ulong)), value);

    /// <summary>The shortest variable-length integer (RFC 9000 section 16).</summary>
    public void WriteVarInt(ulong value) => WriteVarInt(value, VarInt.Length(value));

    /// <summary>A variable-length integer of the given length, which must be able to hold the value.</summary>
    public void WriteVarInt(ulong value, int length) => VarInt.Write(Reserve(length), value, length);

    public void WriteBytes(scoped ReadOnlySpan<byte> value) => value.CopyTo(Reserve(value.Length));

    /// <summary>Moves past bytes that the caller fills in itself, now or later.</summary>
    public Span<byte> Reserve(int n)
    {
        if ((uint)n > (uint)Remaining)
            ThrowOverflow();
        Span<byte> span = _buffer.Slice(_position, n);
        _position += n;
        return span;
    }

    [DoesNotReturn]
    private static void ThrowOverflow() => throw new InvalidOperationException("Writing more than fits.");
}
