namespace Punchline.Quic.Streams;

/// <summary>Flow control of the connection as a whole, both ways (RFC 9000 sections 4.1 and 19.9): the sums over all streams that ever were.</summary>
internal sealed class ConnectionFlow(ulong initialWindow, ulong maxWindow)
{
    private ReceiveWindow _window = new(initialWindow, maxWindow);
    private ulong _received;
    private bool _announceAgain;

    /// <summary>The smoothed round-trip time, zero while unknown.</summary>
    public TimeSpan SmoothedRtt { get; set; }

    /// <summary>The peer's MAX_DATA.</summary>
    public ulong SendLimit { get; private set; }

    /// <summary>New bytes that went out, each counted once.</summary>
    public ulong Sent { get; private set; }

    /// <summary>New bytes that may still go out.</summary>
    public ulong SendCredit => SendLimit - Sent;

    /// <summary>Bytes that may still come in.</summary>
    public ulong ReceiveCredit => _window.Limit - _received;

    /// <summary>True if a MAX_DATA frame is due.</summary>
    public bool IsMaxDataPending => _announceAgain || _window.IsAnnouncementDue;

    /// <summary>Takes the peer's limit; one that does not raise it has no effect (section 4.1). Returns true if it rose.</summary>
    public bool RaiseSendLimit(ulong limit)
    {
        if (limit <= SendLimit)
            return false;
        SendLimit = limit;
        return true;
    }

    /// <summary>Counts new bytes that go out.</summary>
    public void OnSent(ulong count) => Sent += count;

    /// <summary>Counts how far a stream's highest offset has moved. The caller has compared with <see cref="ReceiveCredit"/>.</summary>
    public void OnReceived(ulong count, Instant now)
    {
        _received += count;
        _window.OnReceived(now);
    }

    /// <summary>Returns credit for bytes that were read or that nobody will read.</summary>
    public void Consume(ulong count, Instant now)
    {
        if (count != 0)
            _window.Consume(count, now, SmoothedRtt);
    }

    /// <summary>A stream's window has grown: the connection's is at least 1.5 times as large, so that it can be used.</summary>
    public void WidenFor(ulong streamWindow) => _window.Widen(streamWindow + streamWindow / 2);

    /// <summary>The value for a MAX_DATA frame that goes out now.</summary>
    public ulong AnnounceMaxData()
    {
        _announceAgain = false;
        return _window.Announce();
    }

    /// <summary>A MAX_DATA frame was lost: if it was the newest, the newest value is sent again (section 13.3).</summary>
    public void OnMaxDataLost(ulong limit) => _announceAgain |= limit == _window.Limit;
}
