namespace Punchline.Quic.Streams;

/// <summary>
/// How many streams of one kind the peer may open (RFC 9000 section 4.6): the limit moves on as streams end, so
/// that always about the same number may be open. Ended streams need no record: every number below
/// <see cref="Opened"/> that is not open has ended.
/// </summary>
/// <param name="concurrent">How many may be open at once.</param>
internal sealed class RemoteStreams(int concurrent)
{
    // MAX_STREAMS goes out once an eighth of the streams has ended: a frame per stream would be noise.
    private const int AnnouncedPart = 8;

    private ulong _ended;
    private bool _announceAgain;

    /// <summary>The number of streams that the peer has opened.</summary>
    public ulong Opened { get; private set; }

    /// <summary>The limit that the peer was last told.</summary>
    public ulong Limit { get; private set; } = (ulong)concurrent;

    /// <summary>True if a MAX_STREAMS frame is due.</summary>
    public bool IsPending => _announceAgain || Next - Limit >= (ulong)Math.Max(1, concurrent / AnnouncedPart);

    private ulong Next => concurrent == 0 ? Limit : Math.Min(_ended + (ulong)concurrent, StreamLimits.MaxStreamCount);

    /// <summary>The peer opened the next stream.</summary>
    public ulong Open() => Opened++;

    /// <summary>One of them has ended.</summary>
    public void OnEnded() => _ended++;

    /// <summary>The value for a MAX_STREAMS frame that goes out now.</summary>
    public ulong Announce()
    {
        _announceAgain = false;
        return Limit = Next;
    }

    /// <summary>A MAX_STREAMS frame was lost: if it was the newest, the newest value is sent again (section 13.3).</summary>
    public void OnLost(ulong limit) => _announceAgain |= limit == Limit;
}

/// <summary>How many streams of one kind we may open (RFC 9000 section 4.6).</summary>
internal sealed class LocalStreams
{
    private ulong? _blockedAt;

    /// <summary>The number of streams that we have opened.</summary>
    public ulong Opened { get; private set; }

    /// <summary>The peer's limit.</summary>
    public ulong Limit { get; private set; }

    /// <summary>True if a STREAMS_BLOCKED frame is to go out.</summary>
    public bool IsBlockedPending { get; private set; }

    /// <summary>True if opening failed since the limit last rose.</summary>
    public bool IsOpenerWaiting => _blockedAt == Limit;

    /// <summary>Takes the next number, which no stream has had (RFC 9000 section 2.1), if the peer allows it; if not, says so to the peer once for each limit.</summary>
    public bool TryOpen(out ulong ordinal)
    {
        ordinal = Opened;
        if (Opened < Limit)
        {
            Opened++;
            return true;
        }
        IsBlockedPending |= _blockedAt != Limit;
        _blockedAt = Limit;
        return false;
    }

    /// <summary>Takes the peer's limit; one that does not raise it has no effect.</summary>
    /// <returns>True if an application waited for it.</returns>
    public bool Raise(ulong limit)
    {
        if (limit <= Limit)
            return false;
        bool waited = IsOpenerWaiting;
        Limit = limit;
        IsBlockedPending = false;
        return waited;
    }

    /// <summary>A STREAMS_BLOCKED frame goes out.</summary>
    public void OnBlockedSent() => IsBlockedPending = false;

    /// <summary>A STREAMS_BLOCKED frame was lost: sent again only while still blocked by the same limit (section 13.3).</summary>
    public void OnBlockedLost(ulong limit) => IsBlockedPending |= _blockedAt == limit && limit == Limit;
}
