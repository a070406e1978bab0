namespace Punchline.Quic.Paths;

/// <summary>
/// Finds how large a datagram one path carries (RFC 8899 section 5, DPLPMTUD): the largest size first, as it usually passes, then
/// by halves between what passed and what did not (section 5.3.2), one probe at a time, so that they are a round trip apart
/// (sections 3 and 8). RFC 9000 section 14.3 has what is QUIC's: packets are acknowledged, so nothing is confirmed by timers.
/// </summary>
internal sealed class MtuDiscovery
{
    /// <summary>What every path must carry (RFC 9000 sections 14, 14.2 and 14.3): BASE_PLPMTU.</summary>
    internal const int BaseSize = 1200;

    /// <summary>Losses of one size before it counts as too large (MAX_PROBES, RFC 8899 section 5.1.2).</summary>
    private const int MaxProbes = 3;

    /// <summary>The search ends when it could gain no more than this: under 2 % of a datagram.</summary>
    private const int Precision = 16;

    /// <summary>A path may widen; look again this long after a search ended (PMTU_RAISE_TIMER, RFC 8899 section 5.1.1).</summary>
    private static readonly TimeSpan RaiseAfter = TimeSpan.FromMinutes(10);

    private int _largest;
    private int _tooLarge;
    private int _probe;
    private int _losses;
    private bool _inFlight;

    /// <param name="largest">The largest size worth trying, in bytes.</param>
    internal MtuDiscovery(int largest)
    {
        _largest = Math.Max(BaseSize, largest);
        _tooLarge = _largest + 1;
        _probe = _largest;
    }

    /// <summary>The largest datagram known to pass, in bytes.</summary>
    internal int Current { get; private set; } = BaseSize;

    /// <summary>When to look again after the search has ended.</summary>
    internal Instant RaiseAt { get; private set; } = Instant.Never;

    /// <summary>True once the search begins: when the path carries data.</summary>
    internal bool IsEnabled { get; set; }

    /// <summary>The size of the probe that should leave now; 0 for none.</summary>
    internal int DueProbe => IsEnabled && !_inFlight && !RaiseAt.IsSet && _probe > Current ? _probe : 0;

    /// <summary>The peer takes no more than this (max_udp_payload_size); before the search begins.</summary>
    internal void Limit(int largest)
    {
        _largest = Math.Max(BaseSize, Math.Min(_largest, largest));
        _tooLarge = _largest + 1;
        _probe = _largest;
    }

    internal void OnProbeSent() => _inFlight = true;

    internal void OnProbeAcknowledged(int size, Instant now)
    {
        _inFlight = false;
        Current = Math.Max(Current, size);
        _losses = 0;
        Next(now);
    }

    internal void OnProbeLost(Instant now)
    {
        _inFlight = false;
        if (++_losses < MaxProbes)
            return;
        RuleOut(_probe, now);
    }

    /// <summary>The system refused a datagram of this size; less than every path must carry is no news (RFC 9000 section 14.2.1).</summary>
    internal void OnTooLarge(int size, Instant now)
    {
        _inFlight = false;
        if (size <= BaseSize)
            return;
        if (size <= Current)
            Current = BaseSize;
        RuleOut(size, now);
    }

    /// <summary>Nothing large arrives any more (RFC 8899 section 4.3): back to what every path must carry.</summary>
    internal void OnBlackHole(Instant now)
    {
        if (Current == BaseSize)
            return;
        int was = Current;
        Current = BaseSize;
        RuleOut(was, now);
    }

    internal void OnTimeout(Instant now)
    {
        if (RaiseAt > now)
            return;
        RaiseAt = Instant.Never;
        _tooLarge = _largest + 1;
        _losses = 0;
        _probe = _largest;
    }

    private void RuleOut(int size, Instant now)
    {
        _tooLarge = Math.Min(_tooLarge, size);
        _losses = 0;
        Next(now);
    }

    private void Next(Instant now)
    {
        if (_tooLarge - Current <= Precision || Current == _largest)
        {
            RaiseAt = Current == _largest ? Instant.Never : now + RaiseAfter;
            _probe = Current;
            return;
        }
        // After a black hole this is a new search, whenever the one before it ended (RFC 8899 section 5.2, from BASE to SEARCHING).
        RaiseAt = Instant.Never;
        _probe = (Current + _tooLarge) / 2;
    }
}
