namespace Punchline.Quic.Wire;

/// <summary>
/// DATAGRAM (RFC 9221 section 4). Written always with its length.
/// <code>Type (i) = 0x30..0x31, [ Length (i) ], Datagram Data (..)</code>
/// </summary>
internal readonly ref struct DatagramFrame
{
    private DatagramFrame(ReadOnlySpan<byte> data) => Data = data;

    /// <summary>A slice of the packet; may be empty.</summary>
    public ReadOnlySpan<byte> Data { get; }

    /// <summary>Reads the frame after its type.</summary>
    public static bool TryRead(scoped ref WireReader r, ulong type, out DatagramFrame f)
    {
        f = default;
        ulong length = (ulong)r.Remaining;
        if (type == FrameTypes.DatagramWithLength && !r.TryReadVarInt(out length))
            return false;
        if (!r.TryReadBytes(length, out ReadOnlySpan<byte> data))
            return false;
        f = new DatagramFrame(data);
        return true;
    }

    /// <summary>The bytes of the frame before its data.</summary>
    public static int HeaderLength(int dataLength) => 1 + VarInt.Length((ulong)dataLength);

    /// <summary>The most data that one frame may carry, in bytes; 0 for none.</summary>
    /// <param name="room">Room for the frame in a packet, in bytes: at most what two bytes of length can say.</param>
    /// <param name="peersLimit">The peer's max_datagram_frame_size, type and length of the frame included (RFC 9221 section 3).</param>
    public static int LargestData(int room, ulong peersLimit)
    {
        int frame = (int)Math.Min((ulong)Math.Max(0, room), peersLimit);
        return Math.Max(0, frame - HeaderLength(frame));
    }

    /// <summary>Writes the frame up to its data, which the caller writes next.</summary>
    public static void WriteHeader(scoped ref WireWriter w, int dataLength)
    {
        w.WriteVarInt(FrameTypes.DatagramWithLength);
        w.WriteVarInt((ulong)dataLength);
    }
}
