namespace Punchline.Quic.Recovery;

/// <summary>The round-trip time of one path, from samples of packets sent and acknowledged on it (RFC 9002 section 5).</summary>
/// <param name="initial">Assumed until the first sample, <see cref="DefaultInitial"/> when nothing better is known.</param>
internal sealed class RttEstimator(TimeSpan initial)
{
    /// <summary>kInitialRtt (RFC 9002 section 6.2.2): a handshake then starts with a probe timeout of 1 s.</summary>
    public static readonly TimeSpan DefaultInitial = TimeSpan.FromMilliseconds(333);

    /// <summary>kGranularity (RFC 9002 section 6.1.2): no timer is finer than this.</summary>
    public static readonly TimeSpan Granularity = TimeSpan.FromMilliseconds(1);

    /// <summary>kTimeThreshold (RFC 9002 section 6.1.2) as a fraction: 9/8 round trips of reordering are tolerated.</summary>
    private const int TimeThresholdNumerator = 9;
    private const int TimeThresholdDenominator = 8;

    /// <summary>
    /// No sample counts for more. A longer one tells of a process or a machine that slept, and not of a path. The first sample makes
    /// a probe timeout of three times its length, and a connection outlives its peer by three of those (RFC 9000 sections 10.1 and
    /// 10.2): with this bound that is 45 s and no longer than the idle timeout, without it a minute's sleep would make it ten.
    /// </summary>
    private static readonly TimeSpan MaxSample = TimeSpan.FromSeconds(5);

    /// <summary>True once a sample has been taken.</summary>
    public bool HasSample => FirstSampleAt is not null;

    /// <summary>When the first sample was taken.</summary>
    public Instant? FirstSampleAt { get; private set; }

    /// <summary>How many samples were taken; congestion control sees by it which acknowledgements brought a new one.</summary>
    public long SampleCount { get; private set; }

    /// <summary>The latest sample, unadjusted; zero before the first.</summary>
    public TimeSpan Latest { get; private set; }

    /// <summary>The moving average, adjusted for the peer's delays.</summary>
    public TimeSpan Smoothed { get; private set; } = initial;

    /// <summary>The mean deviation, rttvar.</summary>
    public TimeSpan Variance { get; private set; } = initial / 2;

    /// <summary>The smallest sample, unadjusted; the initial guess before the first.</summary>
    public TimeSpan Minimum { get; private set; } = initial;

    /// <summary>How long after its sending a packet counts as lost when a later one was acknowledged (RFC 9002 section 6.1.2).</summary>
    public TimeSpan LossDelay
    {
        get
        {
            TimeSpan delay = Max(Latest, Smoothed) * TimeThresholdNumerator / TimeThresholdDenominator;
            return Max(delay, Granularity);
        }
    }

    /// <summary>Takes a sample (RFC 9002 section 5.3).</summary>
    /// <param name="sample">From sending to acknowledgement of the largest acknowledged packet.</param>
    /// <param name="ackDelay">The delay that the peer reported, already bounded by max_ack_delay once the handshake is confirmed.</param>
    /// <param name="now">The time of the acknowledgement.</param>
    public void Update(TimeSpan sample, TimeSpan ackDelay, Instant now)
    {
        sample = Clamp(sample);
        ackDelay = Clamp(ackDelay);
        SampleCount++;
        Latest = sample;
        if (!HasSample)
        {
            // The first sample replaces whatever was assumed: no history of another path stays.
            FirstSampleAt = now;
            Minimum = sample;
            Smoothed = sample;
            Variance = sample / 2;
            return;
        }
        // Section 5.2: the minimum ignores what the peer says of its delays.
        Minimum = Min(Minimum, sample);
        // Section 5.3: a delay that would take the sample below the minimum is not believed.
        TimeSpan adjusted = sample >= Minimum + ackDelay ? sample - ackDelay : sample;
        // The deviation is from the average before this sample, as in appendix A.7 and RFC 6298 section 2.3.
        Variance = new TimeSpan(((3 * Variance.Ticks) + Math.Abs(Smoothed.Ticks - adjusted.Ticks)) / 4);
        Smoothed = new TimeSpan(((7 * Smoothed.Ticks) + adjusted.Ticks) / 8);
    }

    /// <summary>The probe timeout without backoff (RFC 9002 section 6.2.1).</summary>
    /// <param name="maxAckDelay">The peer's max_ack_delay; zero for the Initial and Handshake spaces.</param>
    public TimeSpan ProbeTimeout(TimeSpan maxAckDelay) => Smoothed + Max(Variance * 4, Granularity) + maxAckDelay;

    /// <summary>
    /// The network changed beneath us: the minimum starts anew from the latest sample (RFC 9002 section 5.2), so that a longer
    /// round trip does not count as persistent congestion again and again.
    /// </summary>
    public void OnPersistentCongestion() => Minimum = Latest;

    private static TimeSpan Clamp(TimeSpan value) => value < TimeSpan.Zero ? TimeSpan.Zero : Min(value, MaxSample);

    private static TimeSpan Min(TimeSpan a, TimeSpan b) => a < b ? a : b;

    private static TimeSpan Max(TimeSpan a, TimeSpan b) => a > b ? a : b;
}
