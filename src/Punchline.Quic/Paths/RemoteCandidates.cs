using Punchline.Quic.Wire;

namespace Punchline.Quic.Paths;

/// <summary>The peer's live candidates, and which of them the rules let us probe.</summary>
internal sealed class RemoteCandidates(ILocalNetwork network)
{
    /// <summary>Withdrawn numbers that are remembered, so that a late copy of a CANDIDATE does not revive one.</summary>
    private const int MaxGone = 4 * CandidateRules.MaxLive;

    private readonly Dictionary<ulong, Entry> _live = new(CandidateRules.MaxLive);
    private readonly Queue<ulong> _gone = new(MaxGone);
    private readonly HashSet<UdpAddress> _privateOffLink = new(CandidateRules.MaxPrivateOffLinkEver);

    /// <summary>When the allowance of candidates would be whole again, if no more came.</summary>
    private Instant _wholeAt = Instant.Zero;

    private readonly record struct Entry(Candidate Candidate, CandidateVerdict Verdict)
    {
        internal bool MayProbe => Verdict == CandidateVerdict.Probe;
    }

    /// <summary>CANDIDATE.</summary>
    /// <param name="frame">The frame.</param>
    /// <param name="now">The time.</param>
    /// <param name="probe">True if the candidate is new and may be probed.</param>
    internal QuicError? OnCandidate(in CandidateFrame frame, Instant now, out bool probe)
    {
        probe = false;
        if (_live.TryGetValue(frame.Sequence, out Entry known))
        {
            return known.Candidate == frame.Candidate ? null : QuicError.Transport(
                TransportErrorCode.ProtocolViolation, "one sequence number for two candidates", FrameTypes.Candidate);
        }
        if (_gone.Contains(frame.Sequence))
            return null;
        if (_live.Count >= CandidateRules.MaxLive)
            return QuicError.Transport(TransportErrorCode.ProtocolViolation, "more candidates than our limit", FrameTypes.Candidate);
        CandidateVerdict verdict = CandidateRules.Judge(frame.Candidate.Address, network);
        if (verdict == CandidateVerdict.Probe)
            verdict = !TryTake(now) ? CandidateVerdict.TooMany : !TryTakePrivate(frame.Candidate) ? CandidateVerdict.TooManyPrivate : verdict;
        probe = verdict == CandidateVerdict.Probe;
        _live.Add(frame.Sequence, new Entry(frame.Candidate, verdict));
        return null;
    }

    /// <summary>CANDIDATE_GONE.</summary>
    /// <param name="sequence">The number that the frame names.</param>
    /// <param name="candidate">The candidate that it was.</param>
    /// <returns>True if its address was to be probed and is not any more.</returns>
    internal bool OnGone(ulong sequence, out Candidate candidate)
    {
        if (!_gone.Contains(sequence))
        {
            if (_gone.Count == MaxGone)
                _gone.Dequeue();
            _gone.Enqueue(sequence);
        }
        _live.Remove(sequence, out Entry entry);
        candidate = entry.Candidate;
        // Its address may have come again under another number, in a packet that was faster.
        return entry.MayProbe && !IsLive(candidate.Address);
    }

    /// <summary>The live ones, those that may not be probed included.</summary>
    internal ToldCandidate[] Live() => [.. _live.Values.Select(entry => new ToldCandidate(entry.Candidate, entry.Verdict))];

    /// <summary>True if the peer says that it may be there, and we may look.</summary>
    internal bool IsLive(UdpAddress address)
    {
        foreach (Entry entry in _live.Values)
        {
            if (entry.MayProbe && entry.Candidate.Address == address)
                return true;
        }
        return false;
    }

    /// <summary>
    /// Takes one of the candidates that a peer may bring (<see cref="CandidateRules.Burst"/>, then one in a
    /// <see cref="CandidateRules.NewInterval"/>): each one that may be probed costs its owner a look into the routing table.
    /// </summary>
    private bool TryTake(Instant now)
    {
        Instant whole = Instant.Max(_wholeAt, now);
        if (whole - now > (CandidateRules.Burst - 1) * CandidateRules.NewInterval)
            return false;
        _wholeAt = whole + CandidateRules.NewInterval;
        return true;
    }

    /// <summary>
    /// A private address beyond our links counts while it is live, and for as long as the connection lasts: what was withdrawn
    /// was probed all the same, and whoever tells and withdraws one after the other would look around in our network.
    /// </summary>
    private bool TryTakePrivate(in Candidate candidate)
    {
        UdpAddress address = candidate.Address;
        if (!CandidateRules.IsPrivateOffLink(address, network))
            return true;
        bool isMapped = candidate.Kind == CandidateKind.Mapped;
        int live = 0;
        foreach (Entry entry in _live.Values)
        {
            if (entry.MayProbe && entry.Candidate.Kind == CandidateKind.Mapped == isMapped && CandidateRules.IsPrivateOffLink(entry.Candidate.Address, network))
                live++;
        }
        if (live >= (isMapped ? CandidateRules.MaxPrivateMapped : CandidateRules.MaxPrivateOffLink))
            return false;
        return _privateOffLink.Contains(address)
            || (_privateOffLink.Count < CandidateRules.MaxPrivateOffLinkEver && _privateOffLink.Add(address));
    }
}
