using System.Security.Cryptography;
using Punchline.Quic.Paths;
using Punchline.Quic.Recovery;
using Punchline.Quic.Wire;

namespace Punchline.Quic;

/// <summary>
/// The connection ids that the peer issued and we send to (RFC 9000 section 5.1). Each path that carries more than
/// opening probes has one of its own, so that who watches two networks cannot join what he sees (section 9.5);
/// all opening probes share one (docs/wire/punch.md).
/// </summary>
internal sealed class PeerConnectionIds
{
    /// <summary>
    /// RETIRE_CONNECTION_ID frames that may be unacknowledged at once, sent or waiting. A peer that replaces its ids faster
    /// than it hears us say so has made us hold enough (RFC 9000 section 5.1.2).
    /// </summary>
    private const int MaxUnacknowledgedRetirements = 4 * LocalConnectionIds.MaxActive;

    private readonly List<Entry> _entries = new(LocalConnectionIds.MaxActive);
    private readonly List<ulong> _retirements = [];
    private readonly List<ulong> _unacknowledged = [];
    private ulong _retirePriorTo;
    private ulong _highestSeen;
    private ulong _seen = 1; // sequence number 0 came with the handshake

    /// <summary>Who sends to an id.</summary>
    private enum Use : byte
    {
        Free,
        Path,
        OpeningProbes,
    }

    private sealed class Entry(ulong sequence, ConnectionId id)
    {
        internal readonly ulong Sequence = sequence;
        internal ConnectionId Id = id;
        internal byte[]? ResetToken;
        internal Use Use;
        internal PathState? Path;
    }

    /// <summary>True if RETIRE_CONNECTION_ID frames wait to be sent.</summary>
    internal bool HasFramesToSend => _retirements.Count > 0;

    /// <summary>The id that the client chose, or that the peer's first packet carried: sequence number 0.</summary>
    internal void SetFirst(in ConnectionId id, PathState path)
    {
        if (_entries.Count == 0)
            _entries.Add(new Entry(0, id) { Use = Use.Path, Path = path });
        else
            _entries[0].Id = id;
    }

    /// <summary>The first id's stateless reset token, from the server's transport parameters.</summary>
    internal void SetFirstResetToken(ReadOnlySpan<byte> token) => _entries[0].ResetToken = token.ToArray();

    /// <summary>The id of the server's preferred_address, which has sequence number 1 (RFC 9000 section 5.1.1): as good as any other.</summary>
    internal void AddPreferred(PreferredAddress preferred)
    {
        WasSeen(1);
        _entries.Add(new Entry(1, preferred.ConnectionId) { ResetToken = preferred.ResetToken });
    }

    /// <summary>The id to send to on a path; takes a fresh one if it has none yet.</summary>
    /// <returns>False if the peer has issued no more.</returns>
    internal bool TryGetFor(PathState path, out ConnectionId id) => TryGet(Use.Path, path, takesFree: true, out id);

    /// <summary>True if <see cref="TryGetFor"/> would find an id; takes none.</summary>
    internal bool CanGetFor(PathState path) => Find(Use.Path, path) is not null || Find(Use.Free, null) is not null;

    /// <summary>The id that all opening probes share.</summary>
    internal bool TryGetForOpeningProbes(out ConnectionId id) => TryGet(Use.OpeningProbes, null, takesFree: true, out id);

    /// <summary>The id for a probe: the path's own if it has one or a fresh one is called for, else the one that opening probes share.</summary>
    internal bool TryGetForProbe(PathState path, bool fresh, out ConnectionId id) =>
        TryGet(Use.Path, path, takesFree: fresh, out id) || TryGetForOpeningProbes(out id);

    /// <summary>A path takes over another one's id: the peer moved and has issued none to spare.</summary>
    internal void Move(PathState from, PathState to)
    {
        if (Find(Use.Path, from) is { } entry)
            entry.Path = to;
    }

    /// <summary>The path is given up: the id that it used is retired, as no other path may use it (RFC 9000 section 9.5).</summary>
    internal void Release(PathState path)
    {
        if (Find(Use.Path, path) is { } entry)
            Retire(_entries.IndexOf(entry));
    }

    /// <summary>NEW_CONNECTION_ID (RFC 9000 section 19.15).</summary>
    /// <param name="frame">The frame.</param>
    /// <param name="current">The path in use: it must never be without an id while there is one.</param>
    internal QuicError? OnNewConnectionId(in NewConnectionIdFrame frame, PathState current)
    {
        if (_entries is [{ Id.Length: 0 }, ..])
            return Violation("issued a connection id although it uses none");
        // A repetition is no error (RFC 9000 section 19.15), whether the id is in use or was retired since. It may be the first to
        // ask for others to be retired: who sends a frame again may send it with its newest wish.
        bool isRepeat = WasSeen(frame.Sequence);
        foreach (Entry entry in _entries)
        {
            bool sameSequence = entry.Sequence == frame.Sequence;
            bool sameId = entry.Id == frame.Id;
            if (sameSequence != sameId)
                return Violation("issued one connection id twice, or two under one number");
            if (sameSequence && entry.ResetToken is { } known && !CryptographicOperations.FixedTimeEquals(known, frame.ResetToken))
                return Violation("changed a stateless reset token");
        }
        // RFC 9000 section 5.1.2: what is to go goes before the new one comes.
        if (frame.RetirePriorTo > _retirePriorTo)
        {
            _retirePriorTo = frame.RetirePriorTo;
            for (int i = _entries.Count - 1; i >= 0; i--)
            {
                if (_entries[i].Sequence < _retirePriorTo)
                    Retire(i);
            }
        }
        if (!isRepeat && frame.Sequence < _retirePriorTo)
        {
            OweRetirement(frame.Sequence); // It was replaced before it arrived: say so, once (RFC 9000 section 19.15).
        }
        else if (!isRepeat)
        {
            // RFC 9000 section 5.1.1.
            if (_entries.Count >= LocalConnectionIds.MaxActive)
                return QuicError.Transport(TransportErrorCode.ConnectionIdLimitError, "more connection ids than our limit", FrameTypes.NewConnectionId);
            _entries.Add(new Entry(frame.Sequence, frame.Id) { ResetToken = frame.ResetToken.ToArray() });
        }
        TryGetFor(current, out _);
        return _unacknowledged.Count > MaxUnacknowledgedRetirements
            ? QuicError.Transport(TransportErrorCode.ConnectionIdLimitError, "connection ids replaced too fast", FrameTypes.NewConnectionId)
            : null;
    }

    internal void WriteFrames(scoped ref WireWriter writer, SentFrameList sent)
    {
        while (_retirements.Count > 0)
        {
            var frame = new RetireConnectionIdFrame(_retirements[^1]);
            if (frame.Length > writer.Remaining)
                return;
            frame.Write(ref writer);
            sent.Add(new SentFrame(SentFrameKind.RetireConnectionId, frame.Sequence, 0, 0, false));
            _retirements.RemoveAt(_retirements.Count - 1);
        }
    }

    internal void OnRetirementAcked(ulong sequence)
    {
        _unacknowledged.Remove(sequence);
        _retirements.Remove(sequence);
    }

    internal void OnRetirementLost(ulong sequence)
    {
        if (_unacknowledged.Contains(sequence) && !_retirements.Contains(sequence))
            _retirements.Add(sequence);
    }

    /// <summary>True if the last 16 bytes of a datagram that nobody could open are a token of one of the ids in use (RFC 9000 section 10.3.1).</summary>
    internal bool IsStatelessReset(ReadOnlySpan<byte> datagram)
    {
        if (datagram.Length < ConnectionIdFactory.ResetTokenLength + 5)
            return false;
        ReadOnlySpan<byte> tail = datagram[^ConnectionIdFactory.ResetTokenLength..];
        bool match = false;
        foreach (Entry entry in _entries)
        {
            if (entry is { Use: not Use.Free, ResetToken: { } token })
                match |= CryptographicOperations.FixedTimeEquals(token, tail);
        }
        return match;
    }

    /// <summary>The id in this use, by this path if one path alone uses it; there is at most one, but for the free ones.</summary>
    private Entry? Find(Use use, PathState? path)
    {
        foreach (Entry entry in _entries)
        {
            if (entry.Use == use && entry.Path == path)
                return entry;
        }
        return null;
    }

    private bool TryGet(Use use, PathState? path, bool takesFree, out ConnectionId id)
    {
        Entry? entry = Find(use, path);
        if (entry is null && takesFree && Find(Use.Free, null) is { } free)
        {
            entry = free;
            (entry.Use, entry.Path) = (use, path);
        }
        id = entry?.Id ?? default;
        return entry is not null;
    }

    /// <summary>Notes a sequence number.</summary>
    /// <returns>True if it was noted before, or is too old to know.</returns>
    private bool WasSeen(ulong sequence)
    {
        if (sequence > _highestSeen)
        {
            ulong distance = sequence - _highestSeen;
            _seen = distance < 64 ? (_seen << (int)distance) | 1 : 1;
            _highestSeen = sequence;
            return false;
        }
        ulong age = _highestSeen - sequence;
        if (age >= 64 || (_seen & (1UL << (int)age)) != 0)
            return true;
        _seen |= 1UL << (int)age;
        return false;
    }

    /// <summary>From now on nothing is sent to the id, the packet that says so included (RFC 9000 section 19.16).</summary>
    private void Retire(int index)
    {
        OweRetirement(_entries[index].Sequence);
        _entries.RemoveAt(index);
    }

    private void OweRetirement(ulong sequence)
    {
        _retirements.Add(sequence);
        _unacknowledged.Add(sequence);
    }

    private static QuicError Violation(string reason) =>
        QuicError.Transport(TransportErrorCode.ProtocolViolation, reason, FrameTypes.NewConnectionId);
}
