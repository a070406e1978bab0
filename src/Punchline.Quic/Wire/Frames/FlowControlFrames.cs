namespace Punchline.Quic.Wire;

/// <summary>What the peer may send at most on the whole connection: MAX_DATA (RFC 9000 section 19.9).</summary>
/// <param name="Maximum">Bytes since the connection began.</param>
internal readonly record struct MaxDataFrame(ulong Maximum)
{
    public int Length => 1 + VarInt.Length(Maximum);

    public static bool TryRead(scoped ref WireReader r, out MaxDataFrame f)
    {
        bool read = r.TryReadVarInt(out ulong maximum);
        f = new MaxDataFrame(maximum);
        return read;
    }

    public void Write(scoped ref WireWriter w)
    {
        w.WriteVarInt(FrameTypes.MaxData);
        w.WriteVarInt(Maximum);
    }
}

/// <summary>What the peer may send at most on one stream: MAX_STREAM_DATA (RFC 9000 section 19.10).</summary>
/// <param name="Maximum">Bytes since the stream began.</param>
internal readonly record struct MaxStreamDataFrame(StreamId Id, ulong Maximum)
{
    public int Length => 1 + VarInt.Length(Id.Value) + VarInt.Length(Maximum);

    public static bool TryRead(scoped ref WireReader r, out MaxStreamDataFrame f)
    {
        f = default;
        if (!r.TryReadVarInt(out ulong id) || !r.TryReadVarInt(out ulong maximum))
            return false;
        f = new MaxStreamDataFrame(new StreamId(id), maximum);
        return true;
    }

    public void Write(scoped ref WireWriter w)
    {
        w.WriteVarInt(FrameTypes.MaxStreamData);
        w.WriteVarInt(Id.Value);
        w.WriteVarInt(Maximum);
    }
}

/// <summary>How many streams the peer may open in all: MAX_STREAMS (RFC 9000 section 19.11).</summary>
/// <param name="Maximum">A count since the connection began, at most <see cref="Limit"/>.</param>
internal readonly record struct MaxStreamsFrame(bool Bidirectional, ulong Maximum)
{
    /// <summary>More streams than this have no id within 62 bits: FRAME_ENCODING_ERROR (RFC 9000 section 4.6).</summary>
    public const ulong Limit = 1UL << 60;

    public int Length => 1 + VarInt.Length(Maximum);

    public static bool TryRead(scoped ref WireReader r, ulong type, out MaxStreamsFrame f)
    {
        bool read = r.TryReadVarInt(out ulong maximum);
        f = new MaxStreamsFrame(type == FrameTypes.MaxStreamsBidirectional, maximum);
        return read && maximum <= Limit;
    }

    public void Write(scoped ref WireWriter w)
    {
        w.WriteVarInt(Bidirectional ? FrameTypes.MaxStreamsBidirectional : FrameTypes.MaxStreamsUnidirectional);
        w.WriteVarInt(Maximum);
    }
}

/// <summary>The connection's limit holds the sender back: DATA_BLOCKED (RFC 9000 section 19.12).</summary>
/// <param name="Maximum">The limit at which it stands.</param>
internal readonly record struct DataBlockedFrame(ulong Maximum)
{
    public int Length => 1 + VarInt.Length(Maximum);

    public static bool TryRead(scoped ref WireReader r, out DataBlockedFrame f)
    {
        bool read = r.TryReadVarInt(out ulong maximum);
        f = new DataBlockedFrame(maximum);
        return read;
    }

    public void Write(scoped ref WireWriter w)
    {
        w.WriteVarInt(FrameTypes.DataBlocked);
        w.WriteVarInt(Maximum);
    }
}

/// <summary>A stream's limit holds the sender back: STREAM_DATA_BLOCKED (RFC 9000 section 19.13).</summary>
/// <param name="Maximum">The limit at which it stands.</param>
internal readonly record struct StreamDataBlockedFrame(StreamId Id, ulong Maximum)
{
    public int Length => 1 + VarInt.Length(Id.Value) + VarInt.Length(Maximum);

    public static bool TryRead(scoped ref WireReader r, out StreamDataBlockedFrame f)
    {
        f = default;
        if (!r.TryReadVarInt(out ulong id) || !r.TryReadVarInt(out ulong maximum))
            return false;
        f = new StreamDataBlockedFrame(new StreamId(id), maximum);
        return true;
    }

    public void Write(scoped ref WireWriter w)
    {
        w.WriteVarInt(FrameTypes.StreamDataBlocked);
        w.WriteVarInt(Id.Value);
        w.WriteVarInt(Maximum);
    }
}

/// <summary>The count of streams holds the sender back: STREAMS_BLOCKED (RFC 9000 section 19.14).</summary>
/// <param name="Maximum">The limit at which it stands, at most <see cref="MaxStreamsFrame.Limit"/>.</param>
internal readonly record struct StreamsBlockedFrame(bool Bidirectional, ulong Maximum)
{
    public int Length => 1 + VarInt.Length(Maximum);

    public static bool TryRead(scoped ref WireReader r, ulong type, out StreamsBlockedFrame f)
    {
        bool read = r.TryReadVarInt(out ulong maximum);
        f = new StreamsBlockedFrame(type == FrameTypes.StreamsBlockedBidirectional, maximum);
        return read && maximum <= MaxStreamsFrame.Limit;
    }

    public void Write(scoped ref WireWriter w)
    {
        w.WriteVarInt(Bidirectional ? FrameTypes.StreamsBlockedBidirectional : FrameTypes.StreamsBlockedUnidirectional);
        w.WriteVarInt(Maximum);
    }
}
