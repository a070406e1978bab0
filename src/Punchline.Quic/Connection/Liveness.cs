namespace Punchline.Quic;

/// <summary>What silence means: a keep-alive, a warning, and in the end the idle timeout (RFC 9000 section 10.1).</summary>
internal sealed class Liveness(TimeSpan idleTimeout, TimeSpan keepAlive, TimeSpan unreachableAfter)
{
    /// <summary>An idle timeout is never shorter than this many probe timeouts (RFC 9000 section 10.1).</summary>
    private const int MinimumProbeTimeouts = 3;

    /// <summary>
    /// Who hears its peer and only acknowledges learns nothing of its own way out, which may have died alone (a NAT's mapping, a
    /// cut in one direction): after so many times the keep-alive it asks for an acknowledgement itself.
    /// </summary>
    private const int KeepAlivesUnasked = 3;

    private TimeSpan _idleTimeout = idleTimeout;
    private Instant _heardAt;
    private Instant _activeAt;
    private Instant _keepAliveFrom;
    private Instant _askedAt;
    private bool _sentSinceHeard;

    /// <summary>The longest silence that the connection survives; zero for ever.</summary>
    internal TimeSpan IdleTimeout => _idleTimeout;

    internal bool IsUnreachable { get; private set; }

    internal void Start(Instant now) => (_heardAt, _activeAt, _keepAliveFrom, _askedAt) = (now, now, now, now);

    /// <summary>The peer's max_idle_timeout: the smaller of both counts, zero means none (RFC 9000 section 10.1).</summary>
    internal void OnPeerTimeout(TimeSpan peers)
    {
        if (peers > TimeSpan.Zero && (_idleTimeout == TimeSpan.Zero || peers < _idleTimeout))
            _idleTimeout = peers;
    }

    /// <summary>A packet arrived.</summary>
    /// <returns>True if the peer was unreachable and is heard again.</returns>
    internal bool OnHeard(Instant now)
    {
        (_heardAt, _activeAt, _keepAliveFrom) = (now, now, now);
        _sentSinceHeard = false;
        bool back = IsUnreachable;
        IsUnreachable = false;
        return back;
    }

    /// <summary>An ack-eliciting packet left: the first since something arrived restarts the idle timer (RFC 9000 section 10.1).</summary>
    internal void OnAckElicitingSent(Instant now)
    {
        if (!_sentSinceHeard)
            _activeAt = now;
        _sentSinceHeard = true;
        _keepAliveFrom = _askedAt = now;
    }

    /// <summary>A keep-alive is on its way; the next is due after as much silence again.</summary>
    internal void OnKeepAlive(Instant now) => _keepAliveFrom = _askedAt = now;

    internal Instant IdleDeadline(TimeSpan probeTimeout) => _idleTimeout == TimeSpan.Zero
        ? Instant.Never
        : _activeAt + TimeSpan.FromTicks(Math.Max(_idleTimeout.Ticks, MinimumProbeTimeouts * probeTimeout.Ticks));

    internal Instant KeepAliveDeadline => keepAlive == TimeSpan.Zero
        ? Instant.Never
        : Instant.Min(_keepAliveFrom + keepAlive, _askedAt + (KeepAlivesUnasked * keepAlive));

    /// <summary>When a sender that waits for credit says so again (RFC 9000 section 4.1): with the keep-alives, without any in good time.</summary>
    internal Instant BlockedDeadline => keepAlive != TimeSpan.Zero ? KeepAliveDeadline
        : _idleTimeout != TimeSpan.Zero ? _keepAliveFrom + (_idleTimeout / 2) : Instant.Never;

    internal Instant UnreachableDeadline => IsUnreachable ? Instant.Never : _heardAt + unreachableAfter;

    /// <summary>True once, when the peer has been silent for too long.</summary>
    internal bool TryDeclareUnreachable(Instant now)
    {
        if (now < UnreachableDeadline)
            return false;
        IsUnreachable = true;
        return true;
    }
}
