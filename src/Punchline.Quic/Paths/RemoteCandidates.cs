using Punchline.Quic.Wire;

namespace Punchline.Quic.Paths;

/// <summary>The peer's live candidates, and which of them the rules let us probe.</summary>
internal sealed class RemoteCandidates(ILocalNetwork network)
{
    /// <summary>Withdrawn numbers that are remembered, so that a late copy of a CANDIDATE does not revive one.</summary>
    private const int MaxGone = 4 * CandidateRules.MaxLive;

    private readonly Dictionary<ulong, Entry> _live = new(CandidateRules.MaxLive);
    private readonly Queue<ulong> _gone = new(MaxGone);

    private readonly record struct Entry(Candidate Candidate, bool MayProbe);

    /// <summary>CANDIDATE.</summary>
    /// <param name="frame">The frame.</param>
    /// <param name="probe">True if the candidate is new and may be probed.</param>
    internal QuicError? OnCandidate(in CandidateFrame frame, out bool probe)
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
        int privateOffLink = 0;
        foreach (Entry entry in _live.Values)
        {
            if (entry.MayProbe && entry.Candidate.Address.IsPrivate && !network.IsOnLink(entry.Candidate.Address))
                privateOffLink++;
        }
        probe = CandidateRules.MayProbe(frame.Candidate.Address, network, ref privateOffLink);
        _live.Add(frame.Sequence, new Entry(frame.Candidate, probe));
        return null;
    }

    /// <summary>CANDIDATE_GONE.</summary>
    internal bool OnGone(ulong sequence, out Candidate candidate)
    {
        if (!_gone.Contains(sequence))
        {
            if (_gone.Count == MaxGone)
                _gone.Dequeue();
            _gone.Enqueue(sequence);
        }
        bool known = _live.Remove(sequence, out Entry entry);
        candidate = entry.Candidate;
        return known;
    }
}
