namespace Punchline.Quic.Wire;

/// <summary>
/// NEW_CONNECTION_ID (RFC 9000 section 19.15): another name by which the peer may address us.
/// <code>
/// Type (i) = 0x18, Sequence Number (i), Retire Prior To (i), Length (8), Connection ID (8..160), Stateless Reset Token (128)
/// </code>
/// </summary>
internal readonly ref struct NewConnectionIdFrame
{
    /// <summary>The length of a stateless reset token, in bytes (RFC 9000 section 10.3).</summary>
    public const int ResetTokenLength = 16;

    /// <summary>A frame to be written.</summary>
    /// <param name="retirePriorTo">At most the sequence.</param>
    /// <param name="id">1 to 20 bytes.</param>
    /// <param name="resetToken">16 bytes.</param>
    public NewConnectionIdFrame(ulong sequence, ulong retirePriorTo, ConnectionId id, ReadOnlySpan<byte> resetToken)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThan(retirePriorTo, sequence);
        ArgumentOutOfRangeException.ThrowIfZero(id.Length, nameof(id));
        ArgumentOutOfRangeException.ThrowIfNotEqual(resetToken.Length, ResetTokenLength, nameof(resetToken));
        Sequence = sequence;
        RetirePriorTo = retirePriorTo;
        Id = id;
        ResetToken = resetToken;
    }

    public ulong Sequence { get; }

    /// <summary>Ids with a lower sequence are to be retired; at most <see cref="Sequence"/>.</summary>
    public ulong RetirePriorTo { get; }

    /// <summary>1 to 20 bytes.</summary>
    public ConnectionId Id { get; }

    /// <summary>16 bytes; after reading a slice of the packet.</summary>
    public ReadOnlySpan<byte> ResetToken { get; }

    public int Length => 1 + VarInt.Length(Sequence) + VarInt.Length(RetirePriorTo) + 1 + Id.Length + ResetTokenLength;

    public static bool TryRead(scoped ref WireReader r, out NewConnectionIdFrame f)
    {
        f = default;
        if (!r.TryReadVarInt(out ulong sequence) || !r.TryReadVarInt(out ulong retirePriorTo) || !r.TryReadByte(out byte length)
            || !r.TryReadBytes(length, out ReadOnlySpan<byte> id) || !r.TryReadBytes(ResetTokenLength, out ReadOnlySpan<byte> token))
        {
            return false;
        }
        // Both are FRAME_ENCODING_ERROR.
        if (length is 0 or > ConnectionId.MaxLength || retirePriorTo > sequence)
            return false;
        f = new NewConnectionIdFrame(sequence, retirePriorTo, new ConnectionId(id), token);
        return true;
    }

    public void Write(scoped ref WireWriter w)
    {
        w.WriteVarInt(FrameTypes.NewConnectionId);
        w.WriteVarInt(Sequence);
        w.WriteVarInt(RetirePriorTo);
        ConnectionId id = Id;
        w.WriteByte((byte)id.Length);
        w.WriteBytes(id.Span);
        w.WriteBytes(ResetToken);
    }
}

/// <summary>RETIRE_CONNECTION_ID (RFC 9000 section 19.16): a name of the peer's that we use no more.</summary>
internal readonly record struct RetireConnectionIdFrame(ulong Sequence)
{
    public int Length => 1 + VarInt.Length(Sequence);

    public static bool TryRead(scoped ref WireReader r, out RetireConnectionIdFrame f)
    {
        bool read = r.TryReadVarInt(out ulong sequence);
        f = new RetireConnectionIdFrame(sequence);
        return read;
    }

    public void Write(scoped ref WireWriter w)
    {
        w.WriteVarInt(FrameTypes.RetireConnectionId);
        w.WriteVarInt(Sequence);
    }
}
