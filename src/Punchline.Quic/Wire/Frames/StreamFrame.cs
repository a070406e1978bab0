namespace Punchline.Quic.Wire;

/// <summary>
/// STREAM (RFC 9000 section 19.8). Written always with its length, so that another frame may follow.
/// <code>Type (i) = 0x08..0x0f, Stream ID (i), [ Offset (i) ], [ Length (i) ], Stream Data (..)</code>
/// </summary>
internal readonly ref struct StreamFrame
{
    private StreamFrame(StreamId id, ulong offset, ReadOnlySpan<byte> data, bool fin)
    {
        Id = id;
        Offset = offset;
        Data = data;
        Fin = fin;
    }

    public StreamId Id { get; }

    /// <summary>Where the data begins in the stream; the end is at most 2^62-1.</summary>
    public ulong Offset { get; }

    /// <summary>A slice of the packet.</summary>
    public ReadOnlySpan<byte> Data { get; }

    /// <summary>True if the stream ends with this frame's data.</summary>
    public bool Fin { get; }

    /// <summary>Reads the frame after its type. False also if the data would end beyond 2^62-1: FRAME_ENCODING_ERROR.</summary>
    public static bool TryRead(scoped ref WireReader r, ulong type, out StreamFrame f)
    {
        f = default;
        ulong offset = 0;
        if (!r.TryReadVarInt(out ulong id) || ((type & FrameTypes.StreamOffsetBit) != 0 && !r.TryReadVarInt(out offset)))
            return false;
        // Without the LEN bit the data reaches to the end of the packet.
        ulong length = (ulong)r.Remaining;
        if ((type & FrameTypes.StreamLengthBit) != 0 && !r.TryReadVarInt(out length))
            return false;
        if (!r.TryReadBytes(length, out ReadOnlySpan<byte> data) || length > VarInt.MaxValue - offset)
            return false;
        f = new StreamFrame(new StreamId(id), offset, data, (type & FrameTypes.StreamFinBit) != 0);
        return true;
    }

    /// <summary>The bytes of the frame before its data.</summary>
    public static int HeaderLength(StreamId id, ulong offset, int dataLength) =>
        1 + VarInt.Length(id.Value) + (offset == 0 ? 0 : VarInt.Length(offset)) + VarInt.Length((ulong)dataLength);

    /// <summary>Writes the frame up to its data, which the caller writes next.</summary>
    public static void WriteHeader(scoped ref WireWriter w, StreamId id, ulong offset, int dataLength, bool fin)
    {
        w.WriteVarInt(FrameTypes.StreamFirst | FrameTypes.StreamLengthBit
            | (offset == 0 ? 0 : FrameTypes.StreamOffsetBit) | (fin ? FrameTypes.StreamFinBit : 0));
        w.WriteVarInt(id.Value);
        if (offset != 0)
            w.WriteVarInt(offset);
        w.WriteVarInt((ulong)dataLength);
    }
}
