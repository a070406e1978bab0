namespace Punchline.Quic.Wire;

/// <summary>CANDIDATE (docs/wire/punch.md): an address at which the sender may be reachable.</summary>
/// <param name="Sequence">The sender's number for it, never used for another address.</param>
internal readonly record struct CandidateFrame(ulong Sequence, Candidate Candidate)
{
    public int Length => VarInt.Length(FrameTypes.Candidate) + VarInt.Length(Sequence) + 1 + WireAddress.Length(Candidate.Address);

    public static bool TryRead(scoped ref WireReader r, out CandidateFrame f)
    {
        f = default;
        if (!r.TryReadVarInt(out ulong sequence) || !r.TryReadByte(out byte kind) || kind > (byte)CandidateKind.Mapped
            || !WireAddress.TryRead(ref r, out UdpAddress address))
        {
            return false;
        }
        f = new CandidateFrame(sequence, new Candidate(address, (CandidateKind)kind));
        return true;
    }

    public void Write(scoped ref WireWriter w)
    {
        w.WriteVarInt(FrameTypes.Candidate);
        w.WriteVarInt(Sequence);
        w.WriteByte((byte)Candidate.Kind);
        WireAddress.Write(ref w, Candidate.Address);
    }
}

/// <summary>CANDIDATE_GONE (docs/wire/punch.md): a candidate of the sender's is no longer one.</summary>
internal readonly record struct CandidateGoneFrame(ulong Sequence)
{
    public int Length => VarInt.Length(FrameTypes.CandidateGone) + VarInt.Length(Sequence);

    public static bool TryRead(scoped ref WireReader r, out CandidateGoneFrame f)
    {
        bool read = r.TryReadVarInt(out ulong sequence);
        f = new CandidateGoneFrame(sequence);
        return read;
    }

    public void Write(scoped ref WireWriter w)
    {
        w.WriteVarInt(FrameTypes.CandidateGone);
        w.WriteVarInt(Sequence);
    }
}

/// <summary>PUNCH (docs/wire/punch.md): the sender begins a round of probes; the peer should, too.</summary>
internal readonly record struct PunchFrame(ulong Round)
{
    public int Length => VarInt.Length(FrameTypes.Punch) + VarInt.Length(Round);

    public static bool TryRead(scoped ref WireReader r, out PunchFrame f)
    {
        bool read = r.TryReadVarInt(out ulong round);
        f = new PunchFrame(round);
        return read;
    }

    public void Write(scoped ref WireWriter w)
    {
        w.WriteVarInt(FrameTypes.Punch);
        w.WriteVarInt(Round);
    }
}

/// <summary>OBSERVED_ADDRESS (docs/wire/punch.md): where the peer's packets on this path come from.</summary>
internal readonly record struct ObservedAddressFrame(ulong Sequence, UdpAddress Address)
{
    public int Length => VarInt.Length(FrameTypes.ObservedAddress) + VarInt.Length(Sequence) + WireAddress.Length(Address);

    public static bool TryRead(scoped ref WireReader r, out ObservedAddressFrame f)
    {
        f = default;
        if (!r.TryReadVarInt(out ulong sequence) || !WireAddress.TryRead(ref r, out UdpAddress address))
            return false;
        f = new ObservedAddressFrame(sequence, address);
        return true;
    }

    public void Write(scoped ref WireWriter w)
    {
        w.WriteVarInt(FrameTypes.ObservedAddress);
        w.WriteVarInt(Sequence);
        WireAddress.Write(ref w, Address);
    }
}
