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

    /// <summary>Writes the frame up to its data, which the caller writes next.</summary>
    public static void WriteHeader(scoped ref WireWriter w, int dataLength)
    {
        w.WriteVarInt(FrameTypes.DatagramWithLength);
        w.WriteVarInt((ulong)dataLength);
    }
}
