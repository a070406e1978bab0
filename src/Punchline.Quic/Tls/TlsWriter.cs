using System.Buffers.Binary;

namespace Punchline.Quic.Tls;

/// <summary>
/// Writes the TLS presentation language (RFC 9846 section 3) into a growing buffer.
/// A vector is a <c>using</c> scope: its length is filled in when the scope ends.
/// </summary>
internal sealed class TlsWriter
{
    /// <summary>Holds a hello or the server's whole flight with one certificate of ours without growing.</summary>
    private const int InitialCapacity = 1024;

    private byte[] _buffer = new byte[InitialCapacity];
    private int _length;

    /// <summary>What was written so far; valid until the next write.</summary>
    public ReadOnlySpan<byte> Written => _buffer.AsSpan(0, _length);

    public byte[] ToArray() => Written.ToArray();

    public void Byte(byte value) => Reserve(1)[0] = value;

    public void UInt16(ushort value) => BinaryPrimitives.WriteUInt16BigEndian(Reserve(2), value);

    public void UInt32(uint value) => BinaryPrimitives.WriteUInt32BigEndian(Reserve(4), value);

    public void Bytes(ReadOnlySpan<byte> bytes) => bytes.CopyTo(Reserve(bytes.Length));

    /// <summary>Begins a handshake message: type and 24-bit length (RFC 9846 section 4).</summary>
    public Vector Message(HandshakeType type)
    {
        Byte((byte)type);
        return Vector24();
    }

    /// <summary>Begins an extension: type and 16-bit length (RFC 9846 section 4.3).</summary>
    public Vector Extension(ExtensionType type)
    {
        UInt16((ushort)type);
        return Vector16();
    }

    public Vector Vector8() => new(this, 1);

    public Vector Vector16() => new(this, 2);

    public Vector Vector24() => new(this, 3);

    private Span<byte> Reserve(int count)
    {
        if (_buffer.Length - _length < count)
            Array.Resize(ref _buffer, Math.Max(_buffer.Length * 2, _length + count));
        _length += count;
        return _buffer.AsSpan(_length - count, count);
    }

    /// <summary>An open vector; disposing it writes its length.</summary>
    internal readonly ref struct Vector
    {
        private readonly TlsWriter _writer;
        private readonly int _start;
        private readonly int _prefixLength;

        public Vector(TlsWriter writer, int prefixLength)
        {
            _writer = writer;
            _prefixLength = prefixLength;
            writer.Reserve(prefixLength);
            _start = writer._length;
        }

        public void Dispose()
        {
            int length = _writer._length - _start;
            // What we write is bounded by TlsOptions and by the peer's bounded messages, so this is a defect of ours and not input.
            if (length >= 1 << (8 * _prefixLength))
                throw new InvalidOperationException("A TLS vector is longer than its length prefix can say.");
            for (int i = 1; i <= _prefixLength; i++)
            {
                _writer._buffer[_start - i] = (byte)length;
                length >>= 8;
            }
        }
    }
}
