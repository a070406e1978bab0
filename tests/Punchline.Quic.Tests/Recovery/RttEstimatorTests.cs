using Punchline.Quic.Recovery;
using Xunit;

namespace Punchline.Quic.Tests.Recovery;

public class RttEstimatorTests
{
    private static readonly Instant Now = new(10_000_000);

    private static TimeSpan Ms(double ms) => TimeSpan.FromMilliseconds(ms);

    [Fact]
    public void Starts_from_the_initial_round_trip()
    {
        var rtt = new RttEstimator(RttEstimator.DefaultInitial);
        Assert.False(rtt.HasSample);
        Assert.Equal(Ms(333), rtt.Smoothed);
        Assert.Equal(Ms(166.5), rtt.Variance);
        // RFC 9002 section 6.2.2: a handshake starts with a probe timeout of about 1 s.
        Assert.Equal(Ms(999), rtt.ProbeTimeout(TimeSpan.Zero));
    }

    [Fact]
    public void The_first_sample_replaces_the_assumption()
    {
        var rtt = new RttEstimator(RttEstimator.DefaultInitial);
        rtt.Update(Ms(100), Ms(30), Now);
        // Section 5.3: the first sample is not adjusted.
        Assert.Equal((Ms(100), Ms(100), Ms(50), Ms(100)), (rtt.Latest, rtt.Smoothed, rtt.Variance, rtt.Minimum));
        Assert.Equal(Now, rtt.FirstSampleAt);
    }

    [Theory]
    // sample, ack delay, then smoothed, variance, minimum, after a first sample of 100 ms
    [InlineData(100, 0, 100, 37.5, 100)]
    [InlineData(180, 0, 110, 57.5, 100)]
    // The delay is taken off as long as the minimum is not undercut.
    [InlineData(140, 20, 102.5, 42.5, 100)]
    [InlineData(120, 20, 100, 37.5, 100)]
    [InlineData(119, 20, 102.375, 42.25, 100)]
    // A smaller sample lowers the minimum at once, unadjusted.
    [InlineData(60, 20, 95, 47.5, 60)]
    public void Later_samples_are_averaged(double sample, double delay, double smoothed, double variance, double minimum)
    {
        var rtt = new RttEstimator(RttEstimator.DefaultInitial);
        rtt.Update(Ms(100), TimeSpan.Zero, Now);
        rtt.Update(Ms(sample), Ms(delay), Now);
        Assert.Equal(Ms(sample), rtt.Latest);
        Assert.Equal(Ms(smoothed), rtt.Smoothed);
        Assert.Equal(Ms(variance), rtt.Variance);
        Assert.Equal(Ms(minimum), rtt.Minimum);
    }

    [Fact]
    public void The_probe_timeout_has_a_floor_of_the_timer()
    {
        var rtt = new RttEstimator(Ms(100));
        for (int i = 0; i < 200; i++)
            rtt.Update(Ms(100), TimeSpan.Zero, Now);
        // The variance has died away: what remains is kGranularity.
        Assert.Equal(Ms(126), rtt.ProbeTimeout(Ms(25)));
    }

    [Fact]
    public void Loss_delay_is_nine_eighths_of_the_longer_of_latest_and_smoothed()
    {
        var rtt = new RttEstimator(RttEstimator.DefaultInitial);
        rtt.Update(Ms(80), TimeSpan.Zero, Now);
        Assert.Equal(Ms(90), rtt.LossDelay);
        rtt.Update(Ms(160), TimeSpan.Zero, Now);
        Assert.Equal(Ms(180), rtt.LossDelay);
        rtt.Update(Ms(40), TimeSpan.Zero, Now);
        Assert.Equal(rtt.Smoothed * 9 / 8, rtt.LossDelay);
    }

    [Fact]
    public void Loss_delay_is_never_below_the_timer()
    {
        var rtt = new RttEstimator(RttEstimator.DefaultInitial);
        rtt.Update(Ms(0.05), TimeSpan.Zero, Now);
        Assert.Equal(RttEstimator.Granularity, rtt.LossDelay);
    }

    [Fact]
    public void Absurd_values_neither_overflow_nor_turn_negative()
    {
        var rtt = new RttEstimator(RttEstimator.DefaultInitial);
        foreach (TimeSpan sample in new[] { TimeSpan.MaxValue, TimeSpan.MinValue, TimeSpan.Zero, TimeSpan.MaxValue })
        {
            rtt.Update(sample, TimeSpan.MaxValue, Now);
            Assert.InRange(rtt.Smoothed, TimeSpan.Zero, TimeSpan.FromSeconds(5));
            Assert.InRange(rtt.ProbeTimeout(Ms(25)), TimeSpan.Zero, TimeSpan.FromSeconds(20));
        }
    }

    [Fact]
    public void Persistent_congestion_renews_the_minimum()
    {
        var rtt = new RttEstimator(RttEstimator.DefaultInitial);
        rtt.Update(Ms(20), TimeSpan.Zero, Now);
        rtt.Update(Ms(200), TimeSpan.Zero, Now);
        rtt.OnPersistentCongestion();
        Assert.Equal(Ms(200), rtt.Minimum);
    }
}
