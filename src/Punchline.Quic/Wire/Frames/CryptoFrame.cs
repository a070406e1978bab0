namespace Punchline.Quic.Wire;

/// <summary>
/// CRYPTO (RFC 9000 section 19.6): a piece of one encryption level's handshake bytes.
/// <code>Type (i) = 0x06, Offset (i), Length (i), Crypto Data (..)</code>
/// </summary>
internal readonly ref struct CryptoFrame
{
    private CryptoFrame(ulong offset, ReadOnlySpan<byte> data)
    {
        Offset = offset;
        Data = data;
    }

    /// <summary>Where the data begins in the level's handshake bytes; the end is at most 2^62-1.</summary>
    public ulong Offset { get; }

    /// <summary>A slice of the packet.</summary>
    public ReadOnlySpan<byte> Data { get; }

    /// <summary>Reads the frame after its type. False also if the data would end beyond 2^62-1: FRAME_ENCODING_ERROR.</summary>
    public static bool TryRead(scoped ref WireReader r, out CryptoFrame f)
    {
        f = default;
        if (!r.TryReadVarInt(out ulong offset) || !r.TryReadVarInt(out ulong length)
            || !r.TryReadBytes(length, out ReadOnlySpan<byte> data) || length > VarInt.MaxValue - offset)
        {
            return false;
        }
        f = new CryptoFrame(offset, data);
        return true;
    }

    /// <summary>The bytes of the frame before its data.</summary>
    public static int HeaderLength(ulong offset, int dataLength) => 1 + VarInt.Length(offset) + VarInt.Length((ulong)dataLength);

    /// <summary>Writes the frame up to its data, which the caller writes next.</summary>
    public static void WriteHeader(scoped ref WireWriter w, ulong offset, int dataLength)
    {
        w.WriteVarInt(FrameTypes.Crypto);
        w.WriteVarInt(offset);
        w.WriteVarInt((ulong)dataLength);
    }
}
