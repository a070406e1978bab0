namespace Punchline.Quic.Wire;

/// <summary>RESET_STREAM (RFC 9000 section 19.4): the sender gives up its side of a stream.</summary>
/// <param name="Code">The application's error code.</param>
/// <param name="FinalSize">How many bytes of the stream count against flow control (section 4.5).</param>
internal readonly record struct ResetStreamFrame(StreamId Id, ulong Code, ulong FinalSize)
{
    public int Length => 1 + VarInt.Length(Id.Value) + VarInt.Length(Code) + VarInt.Length(FinalSize);

    public static bool TryRead(scoped ref WireReader r, out ResetStreamFrame f)
    {
        f = default;
        if (!r.TryReadVarInt(out ulong id) || !r.TryReadVarInt(out ulong code) || !r.TryReadVarInt(out ulong finalSize))
            return false;
        f = new ResetStreamFrame(new StreamId(id), code, finalSize);
        return true;
    }

    public void Write(scoped ref WireWriter w)
    {
        w.WriteVarInt(FrameTypes.ResetStream);
        w.WriteVarInt(Id.Value);
        w.WriteVarInt(Code);
        w.WriteVarInt(FinalSize);
    }
}

/// <summary>STOP_SENDING (RFC 9000 section 19.5): the receiver wants no more of a stream.</summary>
/// <param name="Code">The application's error code.</param>
internal readonly record struct StopSendingFrame(StreamId Id, ulong Code)
{
    public int Length => 1 + VarInt.Length(Id.Value) + VarInt.Length(Code);

    public static bool TryRead(scoped ref WireReader r, out StopSendingFrame f)
    {
        f = default;
        if (!r.TryReadVarInt(out ulong id) || !r.TryReadVarInt(out ulong code))
            return false;
        f = new StopSendingFrame(new StreamId(id), code);
        return true;
    }

    public void Write(scoped ref WireWriter w)
    {
        w.WriteVarInt(FrameTypes.StopSending);
        w.WriteVarInt(Id.Value);
        w.WriteVarInt(Code);
    }
}
