using System.Buffers.Binary;

namespace Punchline.Udp.Linux;

/// <summary>
/// The control messages beside a datagram (cmsg(3)), each at a multiple of 8 bytes.
/// <code>length(8, header included) level(4) type(4) data(…)</code>
/// </summary>
internal ref struct ControlWriter
{
    private const int Alignment = 8;
    private readonly Span<byte> _buffer;

    /// <summary>Starts at the front of a buffer, which must have room for everything that will be written.</summary>
    public ControlWriter(Span<byte> buffer) => _buffer = buffer;

    /// <summary>Bytes of a message's header.</summary>
    public const int HeaderLength = 16;

    /// <summary>Bytes written so far, padding included.</summary>
    public int Length { get; private set; }

    /// <summary>Bytes that a message takes, padding included (CMSG_SPACE).</summary>
    public static int Space(int dataLength) => HeaderLength + ((dataLength + Alignment - 1) & -Alignment);

    /// <summary>Adds a message and gives its data, zeroed, to be filled.</summary>
    public Span<byte> Add(int level, int type, int dataLength)
    {
        Span<byte> message = _buffer.Slice(Length, Space(dataLength));
        message.Clear();
        BinaryPrimitives.WriteInt64LittleEndian(message, HeaderLength + dataLength);
        BinaryPrimitives.WriteInt32LittleEndian(message[8..], level);
        BinaryPrimitives.WriteInt32LittleEndian(message[12..], type);
        Length += message.Length;
        return message.Slice(HeaderLength, dataLength);
    }

    /// <summary>Adds a message that is one number of 32 bits.</summary>
    public void AddInt32(int level, int type, int value) =>
        BinaryPrimitives.WriteInt32LittleEndian(Add(level, type, sizeof(int)), value);
}

/// <summary>Walks through the control messages that came with a datagram. Total: ends at the first that does not fit.</summary>
internal ref struct ControlReader
{
    private ReadOnlySpan<byte> _rest;

    /// <summary>Starts at the front of what the kernel wrote.</summary>
    public ControlReader(ReadOnlySpan<byte> control)
    {
        _rest = control;
        Data = default;
    }

    /// <summary>The current message's level.</summary>
    public int Level { get; private set; }

    /// <summary>The current message's type.</summary>
    public int Type { get; private set; }

    /// <summary>The current message's data.</summary>
    public ReadOnlySpan<byte> Data { get; private set; }

    /// <summary>Goes on to the next message.</summary>
    public bool TryNext()
    {
        if (_rest.Length < ControlWriter.HeaderLength)
            return false;
        long length = BinaryPrimitives.ReadInt64LittleEndian(_rest);
        if (length < ControlWriter.HeaderLength || length > _rest.Length)
            return false;
        Level = BinaryPrimitives.ReadInt32LittleEndian(_rest[8..]);
        Type = BinaryPrimitives.ReadInt32LittleEndian(_rest[12..]);
        Data = _rest[ControlWriter.HeaderLength..(int)length];
        _rest = _rest[Math.Min(ControlWriter.Space(Data.Length), _rest.Length)..];
        return true;
    }
}
