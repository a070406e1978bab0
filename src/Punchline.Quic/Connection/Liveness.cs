namespace Punchline.Quic;

/// <summary>
/// What silence means: a keep-alive, a warning, and in the end the idle timeout (RFC 9000 section 10.1). Where both sides have agreed on a longer
/// silence, it means nothing as long as it lasts: then only what goes unanswered counts.
/// </summary>
internal sealed class Liveness(TimeSpan idleTimeout, TimeSpan heartbeat, TimeSpan unreachableAfter)
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
    private Instant _firstUnansweredAt;
    private Instant _watchedFrom;
    private TimeSpan? _agreed;
    private bool _sentSinceHeard;

    /// <summary>The silence that both sides have agreed on; zero if there is none.</summary>
    internal TimeSpan Quiet { get; private set; }

    /// <summary>The longest silence that the connection survives; zero for ever.</summary>
    internal TimeSpan IdleTimeout => _idleTimeout;

    internal bool IsUnreachable { get; private set; }

    /// <summary>The heartbeat rests: the peer's silence says nothing.</summary>
    private bool IsQuiet => _agreed is not null;

    private TimeSpan KeepAlive => _agreed ?? heartbeat;

    internal void Start(Instant now) => (_heardAt, _activeAt, _keepAliveFrom, _askedAt) = (now, now, now, now);

    /// <summary>Both sides let the connection be silent for so long; zero if they have not agreed on that.</summary>
    /// <param name="now">The time.</param>
    /// <param name="quiet">How long the peer may be silent as well as we.</param>
    /// <param name="isBusy">Our own heartbeat goes on all the same, as how soon a dead peer is noticed matters now.</param>
    internal void Agree(Instant now, TimeSpan quiet, bool isBusy)
    {
        if (IsQuiet)
            _watchedFrom = now; // The silence up to now was agreed on.
        if (quiet < Quiet && !_sentSinceHeard)
            _activeAt = now; // So it was for the idle timeout, which would else end the connection at once.
        Quiet = quiet;
        // Who sends no keep-alives goes on without.
        _agreed = heartbeat == TimeSpan.Zero || isBusy || quiet <= heartbeat ? null : quiet;
    }

    /// <summary>From when on silence counts on a path that was last heard at a time: what was agreed on does not.</summary>
    internal Instant SilentSince(Instant heardAt) => Instant.Max(heardAt, IsQuiet && _sentSinceHeard ? _firstUnansweredAt : _watchedFrom);

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
            _activeAt = _firstUnansweredAt = now;
        _sentSinceHeard = true;
        _keepAliveFrom = _askedAt = now;
    }

    /// <summary>A keep-alive is on its way; the next is due after as much silence again.</summary>
    internal void OnKeepAlive(Instant now) => _keepAliveFrom = _askedAt = now;

    internal Instant IdleDeadline(TimeSpan probeTimeout) => _idleTimeout == TimeSpan.Zero
        ? Instant.Never
        : _activeAt + TimeSpan.FromTicks(Math.Max(_idleTimeout.Ticks, MinimumProbeTimeouts * probeTimeout.Ticks)) + (_sentSinceHeard ? TimeSpan.Zero : Quiet);

    internal Instant KeepAliveDeadline => KeepAlive == TimeSpan.Zero
        ? Instant.Never
        : Instant.Min(_keepAliveFrom + KeepAlive, _askedAt + (KeepAlivesUnasked * KeepAlive));

    /// <summary>When a sender that waits for credit says so again (RFC 9000 section 4.1): with the keep-alives, without any in good time.</summary>
    internal Instant BlockedDeadline => KeepAlive != TimeSpan.Zero ? KeepAliveDeadline
        : _idleTimeout != TimeSpan.Zero ? _keepAliveFrom + (_idleTimeout / 2) : Instant.Never;

    internal Instant UnreachableDeadline => IsUnreachable ? Instant.Never
        : !IsQuiet ? Instant.Max(_heardAt, _watchedFrom) + unreachableAfter
        : _sentSinceHeard ? _firstUnansweredAt + unreachableAfter : Instant.Never;

    /// <summary>True once, when the peer has been silent for too long.</summary>
    internal bool TryDeclareUnreachable(Instant now)
    {
        if (now < UnreachableDeadline)
            return false;
        IsUnreachable = true;
        return true;
    }
}
