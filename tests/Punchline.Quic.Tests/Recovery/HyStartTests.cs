using Punchline.Quic.Recovery;
using Xunit;

namespace Punchline.Quic.Tests.Recovery;

/// <summary>RFC 9406, seen through the window of <see cref="CubicController"/>.</summary>
public class HyStartTests
{
    private const int Size = 1200;
    private const int PacketsPerRound = 20;

    private readonly CubicController _cubic = new(Size);
    private readonly RttEstimator _rtt = new(RttEstimator.DefaultInitial);
    private Instant _now = new(10_000_000);
    private ulong _sent;
    private ulong _acked;

    /// <summary>One round: what was sent is acknowledged with this round-trip time, packet by packet, and the next round's is sent.</summary>
    private long Round(double rttMs, int packets = PacketsPerRound)
    {
        long before = _cubic.Window;
        while (_sent < _acked + (ulong)packets)
            Send();
        ulong end = _sent;
        while (_acked < end)
        {
            _now += TimeSpan.FromMilliseconds(0.1);
            _rtt.Update(TimeSpan.FromMilliseconds(rttMs), TimeSpan.Zero, _now);
            Send();
            _cubic.OnPacketAcked(_now, _acked++, Size, _now, _rtt, before, false);
        }
        return (_cubic.Window - before) / Size;
    }

    private void Send() => _cubic.OnPacketSent(_now, _sent++, Size, 100 * Size);

    [Fact]
    public void A_steady_round_trip_never_ends_slow_start()
    {
        for (int i = 0; i < 50; i++)
            Assert.Equal(PacketsPerRound, Round(i % 2 == 0 ? 50 : 53));
        Assert.True(_cubic.InSlowStart);
    }

    [Fact]
    public void A_growing_queue_slows_growth_to_a_quarter_and_ends_slow_start_after_five_rounds()
    {
        for (int i = 0; i < 3; i++)
            Assert.Equal(PacketsPerRound, Round(50));
        // An eighth of 50 ms is the growth that counts: 56.25 ms. Eight samples are needed to be sure.
        Assert.InRange(Round(56.3), 9, 11);
        for (int i = 0; i < 3; i++)
            Assert.Equal(PacketsPerRound / 4, Round(57));
        Assert.True(_cubic.InSlowStart);
        Round(57);
        Round(57);
        Assert.False(_cubic.InSlowStart);
        Assert.NotNull(_cubic.SlowStartThreshold);
        // No reduction: congestion avoidance goes on from there.
        long window = _cubic.Window;
        Round(57);
        Assert.InRange(_cubic.Window, window, window + (2 * Size));
    }

    [Theory]
    // below and at the threshold: a floor of 4 ms for short round trips, a ceiling of 16 ms for long ones
    [InlineData(10, 13.9, false)]
    [InlineData(10, 14.0, true)]
    [InlineData(80, 89.9, false)]
    [InlineData(80, 90.0, true)]
    [InlineData(400, 415.9, false)]
    [InlineData(400, 416.0, true)]
    public void The_growth_that_counts_is_bounded(double before, double after, bool slows)
    {
        for (int i = 0; i < 3; i++)
            Round(before);
        Assert.Equal(slows, Round(after) < PacketsPerRound);
    }

    [Fact]
    public void Jitter_is_forgiven()
    {
        for (int i = 0; i < 3; i++)
            Round(50);
        Round(60);
        Assert.Equal(PacketsPerRound / 4, Round(60));
        Assert.True(Round(50) > PacketsPerRound / 4);
        for (int i = 0; i < 20; i++)
            Assert.Equal(PacketsPerRound, Round(50));
        Assert.True(_cubic.InSlowStart);
    }

    [Fact]
    public void Fewer_than_eight_samples_prove_nothing()
    {
        for (int i = 0; i < 3; i++)
            Round(50, packets: 7);
        for (int i = 0; i < 10; i++)
            Assert.Equal(7, Round(50 + (10 * i), packets: 7));
    }

    [Fact]
    public void It_is_for_the_first_slow_start_only()
    {
        Round(50);
        _cubic.OnCongestionEvent(_now, _now, isEcn: false);
        _cubic.OnPersistentCongestion(_now);
        long threshold = _cubic.SlowStartThreshold!.Value;
        for (int i = 0; _cubic.InSlowStart && i < 20; i++)
            Round(50 + (20 * i), packets: 10);
        Assert.Equal(threshold, _cubic.SlowStartThreshold);
        Assert.True(_cubic.Window >= threshold);
    }
}
