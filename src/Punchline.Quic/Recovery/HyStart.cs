namespace Punchline.Quic.Recovery;

/// <summary>
/// HyStart++ (RFC 9406): finds the end of slow start by the growth of the round-trip time, before packets are lost.
/// <code>
///  slow start ──── the round's minimum rose ────▶ conservative slow start ──── 5 rounds ────▶ congestion avoidance
///      ▲                                                   │
///      └──────── it fell again: that was jitter ───────────┘
/// </code>
/// </summary>
internal struct HyStart
{
    /// <summary>MIN_RTT_THRESH: less growth than this is jitter (RFC 9406 section 4.3).</summary>
    private static readonly TimeSpan MinThreshold = TimeSpan.FromMilliseconds(4);

    /// <summary>MAX_RTT_THRESH: more growth than this is a queue, however long the path (RFC 9406 section 4.3).</summary>
    private static readonly TimeSpan MaxThreshold = TimeSpan.FromMilliseconds(16);

    /// <summary>MIN_RTT_DIVISOR: the growth that counts is an eighth of the round trip (RFC 9406 section 4.3).</summary>
    private const int ThresholdDivisor = 8;

    /// <summary>N_RTT_SAMPLE: a round's minimum is trusted after this many samples (RFC 9406 section 4.3).</summary>
    private const int MinSamples = 8;

    /// <summary>CSS_GROWTH_DIVISOR: growth in conservative slow start is a quarter (RFC 9406 section 4.3).</summary>
    public const int GrowthDivisor = 4;

    /// <summary>CSS_ROUNDS: so many rounds of conservative slow start confirm the exit (RFC 9406 section 4.3).</summary>
    private const int ConservativeRounds = 5;

    private bool _started;
    private ulong _highestSent;
    private ulong _windowEnd;
    private long _samplesSeen;
    private int _roundSamples;
    private int _conservativeRound;
    private TimeSpan? _lastRoundMinimum;
    private TimeSpan? _roundMinimum;
    private TimeSpan _baseline;

    /// <summary>True in conservative slow start: growth is divided by <see cref="GrowthDivisor"/>.</summary>
    public bool IsConservative { get; private set; }

    /// <summary>A packet left. Numbers only need to grow within one path.</summary>
    public void OnPacketSent(ulong pn)
    {
        _highestSent = Math.Max(_highestSent, pn);
        if (_started)
            return;
        _started = true;
        _windowEnd = pn;
    }

    /// <summary>A packet was acknowledged in slow start.</summary>
    /// <returns>True if slow start is to end.</returns>
    public bool OnPacketAcked(ulong pn, RttEstimator rtt)
    {
        if (rtt.SampleCount != _samplesSeen)
        {
            // One sample for each ACK frame, however many packets it acknowledges.
            _samplesSeen = rtt.SampleCount;
            _roundSamples++;
            if (_roundMinimum is not { } minimum || rtt.Latest < minimum)
                _roundMinimum = rtt.Latest;
            Judge();
        }
        // RFC 9406 section 4.2: a round ends when what was the highest number sent at its start is acknowledged.
        if (pn < _windowEnd)
            return false;
        _windowEnd = _highestSent;
        _lastRoundMinimum = _roundMinimum;
        _roundMinimum = null;
        _roundSamples = 0;
        return IsConservative && ++_conservativeRound >= ConservativeRounds;
    }

    private void Judge()
    {
        if (_roundSamples < MinSamples || _roundMinimum is not { } minimum)
            return;
        if (IsConservative)
        {
            if (minimum >= _baseline)
                return;
            // The growth was jitter: back to slow start.
            IsConservative = false;
        }
        else if (_lastRoundMinimum is { } last && minimum >= last + Threshold(last))
        {
            _baseline = minimum;
            _conservativeRound = 0;
            IsConservative = true;
        }
    }

    private static TimeSpan Threshold(TimeSpan lastMinimum)
    {
        TimeSpan threshold = lastMinimum / ThresholdDivisor;
        return threshold < MinThreshold ? MinThreshold : threshold > MaxThreshold ? MaxThreshold : threshold;
    }
}
