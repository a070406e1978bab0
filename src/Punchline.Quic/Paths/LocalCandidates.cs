using Punchline.Quic.Recovery;
using Punchline.Quic.Wire;

namespace Punchline.Quic.Paths;

/// <summary>The candidates that we tell the peer, with the CANDIDATE and CANDIDATE_GONE frames that are still to arrive.</summary>
internal sealed class LocalCandidates
{
    /// <summary>As many as live, and as many that take their places when the network changes.</summary>
    private const int MaxEntries = 2 * CandidateRules.MaxLive;

    private readonly List<Entry> _entries = new(CandidateRules.MaxLive);
    private ulong _nextSequence;

    private enum Telling : byte
    {
        /// <summary>For a place among those that the peer takes; it has no sequence number yet.</summary>
        Waiting,
        Lost,
        Sent,
        GoneUnsent,
        GoneSent,
    }

    private record struct Entry(ulong Sequence, Candidate Candidate, Telling Telling);

    internal bool HasFramesToSend { get; private set; }

    /// <summary>Adds a candidate unless its address is known. It is told as soon as the peer has a place for it, those that were added before first.</summary>
    internal void Add(Candidate candidate)
    {
        if (_entries.Count >= MaxEntries || _entries.Exists(entry => entry.Telling < Telling.GoneUnsent && entry.Candidate.Address == candidate.Address))
            return;
        _entries.Add(new Entry(0, candidate, Telling.Waiting));
        HasFramesToSend = true;
    }

    internal void Remove(UdpAddress address)
    {
        for (int i = _entries.Count - 1; i >= 0; i--)
        {
            Entry entry = _entries[i];
            if (entry.Candidate.Address != address || entry.Telling >= Telling.GoneUnsent)
                continue;
            if (entry.Telling == Telling.Waiting)
            {
                _entries.RemoveAt(i);
                continue;
            }
            _entries[i] = entry with { Telling = Telling.GoneUnsent };
            HasFramesToSend = true;
        }
    }

    /// <summary>Those that are not withdrawn.</summary>
    internal Candidate[] Live() => [.. _entries.Where(entry => entry.Telling < Telling.GoneUnsent).Select(entry => entry.Candidate)];

    /// <summary>Writes what fits of the frames that are due.</summary>
    /// <param name="writer">Where to.</param>
    /// <param name="sent">Is told what was written.</param>
    /// <param name="limit">How many the peer takes. Withdrawn ones count until it surely knows, so that it never sees more.</param>
    internal void WriteFrames(scoped ref WireWriter writer, SentFrameList sent, int limit)
    {
        int held = _entries.Count(static entry => entry.Telling != Telling.Waiting);
        for (int i = 0; i < _entries.Count; i++)
        {
            Entry entry = _entries[i];
            if (entry.Telling == Telling.Lost || (entry.Telling == Telling.Waiting && held < limit))
            {
                ulong sequence = entry.Telling == Telling.Lost ? entry.Sequence : _nextSequence;
                var frame = new CandidateFrame(sequence, entry.Candidate);
                if (frame.Length > writer.Remaining)
                    return;
                frame.Write(ref writer);
                sent.Add(new SentFrame(SentFrameKind.Candidate, sequence, 0, 0, false));
                _entries[i] = new Entry(sequence, entry.Candidate, Telling.Sent);
                if (entry.Telling == Telling.Lost)
                    continue;
                _nextSequence++;
                held++;
            }
            else if (entry.Telling == Telling.GoneUnsent)
            {
                var frame = new CandidateGoneFrame(entry.Sequence);
                if (frame.Length > writer.Remaining)
                    return;
                frame.Write(ref writer);
                sent.Add(new SentFrame(SentFrameKind.CandidateGone, entry.Sequence, 0, 0, false));
                _entries[i] = entry with { Telling = Telling.GoneSent };
            }
        }
        HasFramesToSend = false;
    }

    internal void OnLost(in SentFrame frame)
    {
        int index = IndexOf(frame.Id);
        if (index < 0)
            return;
        Telling telling = _entries[index].Telling;
        if (frame.Kind == SentFrameKind.Candidate && telling == Telling.Sent)
            _entries[index] = _entries[index] with { Telling = Telling.Lost };
        else if (frame.Kind == SentFrameKind.CandidateGone && telling == Telling.GoneSent)
            _entries[index] = _entries[index] with { Telling = Telling.GoneUnsent };
        else
            return;
        HasFramesToSend = true;
    }

    internal void OnAcked(in SentFrame frame)
    {
        if (frame.Kind != SentFrameKind.CandidateGone || IndexOf(frame.Id) is not (>= 0 and int index))
            return;
        _entries.RemoveAt(index);
        HasFramesToSend |= _entries.Exists(static entry => entry.Telling == Telling.Waiting);
    }

    private int IndexOf(ulong sequence) => _entries.FindIndex(entry => entry.Telling != Telling.Waiting && entry.Sequence == sequence);
}
