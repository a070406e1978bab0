namespace Punchline.Quic.Recovery;

/// <summary>
/// Spreads what a path sends over the round trip (RFC 9002 section 7.7): a bucket that fills at a little more than window per
/// round-trip time and holds one burst. Each datagram takes its bytes out; the bucket may go below zero, so that
/// packets which are never held back (probes) are made up for by the next ones.
/// </summary>
internal sealed class Pacer
{
    /// <summary>N of RFC 9002 section 7.7: variations of the round-trip time do not leave the window unused.</summary>
    private const double Gain = 1.25;

    /// <summary>In slow start the window doubles within the round trip over which it is spread.</summary>
    private const double SlowStartGain = 2;

    /// <summary>What may always leave at once, in datagrams: the initial window (RFC 9002 section 7.7).</summary>
    private const int BurstDatagrams = 10;

    /// <summary>At a high rate a burst is this long, so that one wake-up fills one batch of segments (GSO).</summary>
    private const double BurstSeconds = 0.002;

    /// <summary>One batch: what a system takes in one call with segmentation offload, and what <see cref="Budget"/> gives at once.</summary>
    public const int MaxBatch = 64 << 10;

    /// <summary>
    /// What the bucket holds at rates at which even a batch is shorter than this: a timer of a system is not finer, and what
    /// it is late must not be lost.
    /// </summary>
    private const double TimerSeconds = 0.001;

    /// <summary>A shorter round trip is taken for this long: it is below the timer's granularity, and nothing is divided by zero.</summary>
    private static readonly TimeSpan MinRoundTrip = RttEstimator.Granularity;

    private readonly int _datagramSize;
    private readonly double _burstFloor;
    private double _bytesPerTick;
    private double _capacity;
    private double _credit;
    private Instant _filledAt;

    /// <summary>A pacer with a full bucket.</summary>
    /// <param name="maxDatagramSize">The path's datagram size in bytes.</param>
    /// <param name="window">The initial congestion window in bytes.</param>
    /// <param name="smoothedRtt">The initial round-trip time.</param>
    public Pacer(int maxDatagramSize, long window, TimeSpan smoothedRtt)
    {
        _datagramSize = maxDatagramSize;
        _burstFloor = Math.Min(BurstDatagrams * maxDatagramSize, MaxBatch);
        OnWindowOrRttChanged(window, smoothedRtt, slowStart: true);
        _credit = _capacity;
    }

    /// <summary>The rate in bytes per second.</summary>
    public double BytesPerSecond => _bytesPerTick * TimeSpan.TicksPerSecond;

    /// <summary>The most that may leave back to back, in bytes.</summary>
    public int Burst => (int)_capacity;

    /// <summary>
    /// A number of bytes worth waking up for: about a millisecond of the rate, at least a datagram, at most a batch. To be handed
    /// to <see cref="NextSendTime"/> when more than that waits.
    /// </summary>
    public int Quantum => (int)Math.Clamp(BytesPerSecond * TimerSeconds, _datagramSize, Math.Max(_datagramSize, MaxBatch));

    /// <summary>The congestion window, the round-trip time or the phase of the congestion controller changed.</summary>
    public void OnWindowOrRttChanged(long window, TimeSpan smoothedRtt, bool slowStart)
    {
        long ticks = Math.Max(smoothedRtt.Ticks, MinRoundTrip.Ticks);
        _bytesPerTick = (slowStart ? SlowStartGain : Gain) * Math.Max(window, 1) / ticks;
        double rate = BytesPerSecond;
        double ceiling = Math.Max(MaxBatch, rate * TimerSeconds);
        _capacity = Math.Clamp(rate * BurstSeconds, _burstFloor, ceiling);
    }

    /// <summary>How many bytes may leave now, at most <see cref="MaxBatch"/>; 0 if none.</summary>
    public int Budget(Instant now)
    {
        Fill(now);
        return (int)Math.Clamp(_credit, 0, MaxBatch);
    }

    /// <summary>Bytes in flight left.</summary>
    public void OnSent(Instant now, int bytes)
    {
        Fill(now);
        // Never deeper in debt than one burst: probes alone must not silence a path for long.
        _credit = Math.Max(_credit - bytes, -_capacity);
    }

    /// <summary>When so many bytes may leave.</summary>
    /// <param name="bytes">What waits; more than a batch counts as a batch.</param>
    /// <returns><paramref name="now"/> if they may leave at once.</returns>
    public Instant NextSendTime(Instant now, int bytes)
    {
        Fill(now);
        double missing = Math.Min(bytes, Math.Min(_capacity, MaxBatch)) - _credit;
        return missing <= 0 ? now : now + new TimeSpan((long)Math.Ceiling(missing / _bytesPerTick));
    }

    private void Fill(Instant now)
    {
        if (now <= _filledAt)
            return;
        _credit = Math.Min(_credit + ((now - _filledAt).Ticks * _bytesPerTick), _capacity);
        _filledAt = now;
    }
}
