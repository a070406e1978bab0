using Punchline.Quic.Recovery;
using Punchline.Quic.Wire;

namespace Punchline.Quic.Paths;

/// <summary>The candidates that we tell the peer, with the CANDIDATE and CANDIDATE_GONE frames that are still to arrive.</summary>
internal sealed class LocalCandidates
{
    /// <summary>Those that were withdrawn, and as many that wait for the peer to know.</summary>
    private const int MaxEntries = 2 * CandidateRules.MaxLive;

    private readonly List<Entry> _entries = new(MaxEntries);
    private ulong _nextSequence;

    private enum Telling : byte
    {
        Unsent,
        Sent,
        GoneUnsent,
        GoneSent,
    }

    private record struct Entry(ulong Sequence, Candidate Candidate, Telling Telling);

    internal bool HasFramesToSend { get; private set; }

    /// <summary>Adds a candidate unless its address is already told.</summary>
    /// <param name="candidate">The candidate.</param>
    /// <param name="limit">How many live ones the peer takes.</param>
    internal void Add(Candidate candidate, int limit)
    {
        int live = 0;
        foreach (Entry entry in _entries)
        {
            if (entry.Telling >= Telling.GoneUnsent)
                continue;
            if (entry.Candidate.Address == candidate.Address)
                return;
            live++;
        }
        if (live >= limit || _entries.Count >= MaxEntries)
            return;
        _entries.Add(new Entry(_nextSequence++, candidate, Telling.Unsent));
        HasFramesToSend = true;
    }

    internal void Remove(UdpAddress address)
    {
        for (int i = _entries.Count - 1; i >= 0; i--)
        {
            Entry entry = _entries[i];
            if (entry.Candidate.Address != address || entry.Telling >= Telling.GoneUnsent)
                continue;
            _entries[i] = entry with { Telling = Telling.GoneUnsent };
            HasFramesToSend = true;
        }
    }

    /// <summary>Writes what fits of the frames that are due.</summary>
    /// <param name="writer">Where to.</param>
    /// <param name="sent">What was written.</param>
    /// <param name="limit">
    /// How many the peer takes. Withdrawn ones count until it surely knows; what is beyond waits for them, as what was added before the limit was known does for ever.
    /// </param>
    internal void WriteFrames(scoped ref WireWriter writer, SentFrameList sent, int limit)
    {
        for (int i = 0; i < Math.Min(limit, _entries.Count); i++)
        {
            Entry entry = _entries[i];
            if (entry.Telling == Telling.Unsent)
            {
                var frame = new CandidateFrame(entry.Sequence, entry.Candidate);
                if (frame.Length > writer.Remaining)
                    return;
                frame.Write(ref writer);
                sent.Add(new SentFrame(SentFrameKind.Candidate, entry.Sequence, 0, 0, false));
                _entries[i] = entry with { Telling = Telling.Sent };
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
            _entries[index] = _entries[index] with { Telling = Telling.Unsent };
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
        HasFramesToSend |= _entries.Exists(static entry => entry.Telling is Telling.Unsent or Telling.GoneUnsent); // One that waited has its place.
    }

    private int IndexOf(ulong sequence) => _entries.FindIndex(entry => entry.Sequence == sequence);
}
