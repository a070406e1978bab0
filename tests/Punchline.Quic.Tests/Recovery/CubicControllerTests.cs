using Punchline.Quic.Recovery;
using Xunit;

namespace Punchline.Quic.Tests.Recovery;

/// <summary>RFC 9438 and RFC 9002 section 7.</summary>
public class CubicControllerTests
{
    private const int Size = 1200;
    private const double Beta = 0.7;
    private const double C = 0.4;

    private readonly CubicController _cubic = new(Size);
    private readonly RttEstimator _rtt = new(RttEstimator.DefaultInitial);
    private Instant _now = new(10_000_000);
    private ulong _pn;

    public CubicControllerTests() => _rtt.Update(Rtt, TimeSpan.Zero, _now);

    private static TimeSpan Rtt => TimeSpan.FromMilliseconds(100);

    /// <summary>A round trip in which a whole window is sent and acknowledged, evenly.</summary>
    private void Round(bool applicationLimited = false)
    {
        int packets = (int)(_cubic.Window / Size);
        long window = _cubic.Window;
        for (int i = 0; i < packets; i++)
        {
            _now += Rtt / packets;
            _cubic.OnPacketSent(_now - Rtt, _pn, Size, window);
            _cubic.OnPacketAcked(_now, _pn++, Size, _now - Rtt, _rtt, window, applicationLimited);
        }
    }

    /// <summary>Slow start to this window, then a loss and the end of its recovery period.</summary>
    private void LoseAt(long window)
    {
        while (_cubic.Window < window)
            _cubic.OnPacketAcked(_now, _pn++, Size, _now, _rtt, window, false);
        _cubic.OnCongestionEvent(_now, _now, isEcn: false);
        _now += Rtt + TimeSpan.FromTicks(1);
    }

    [Theory]
    // RFC 9002 section 7.2
    [InlineData(1200, 12000)]
    [InlineData(1452, 14520)]
    [InlineData(1500, 14720)]
    [InlineData(9000, 18000)]
    public void The_initial_window_follows_the_datagram_size(int size, long window)
    {
        Assert.Equal(window, new CubicController(size).Window);
        var cubic = new CubicController(1200);
        cubic.OnDatagramSizeChanged(size);
        Assert.Equal(window, cubic.Window);
    }

    [Fact]
    public void A_window_in_use_is_not_calculated_anew()
    {
        Round();
        long window = _cubic.Window;
        _cubic.OnDatagramSizeChanged(1400);
        Assert.Equal(window, _cubic.Window);
        _cubic.OnDatagramSizeChanged(100_000);
        Assert.Equal(200_000, _cubic.Window);
    }

    [Fact]
    public void Slow_start_doubles_each_round()
    {
        Assert.True(_cubic.InSlowStart);
        Assert.Null(_cubic.SlowStartThreshold);
        Round();
        Assert.Equal(24_000, _cubic.Window);
        Round();
        Assert.Equal(48_000, _cubic.Window);
    }

    [Fact]
    public void A_loss_leaves_seven_tenths_once_in_a_recovery_period()
    {
        Instant sentBefore = _now;
        Round();
        _cubic.OnCongestionEvent(_now, _now - Rtt, isEcn: false);
        Assert.Equal(16_800, _cubic.Window);
        Assert.Equal(16_800, _cubic.SlowStartThreshold);
        Assert.False(_cubic.InSlowStart);
        // Packets sent before the reduction: neither a second reduction nor growth.
        _cubic.OnCongestionEvent(_now, _now, isEcn: true);
        _cubic.OnPacketAcked(_now, _pn++, Size, sentBefore, _rtt, 24_000, false);
        Assert.Equal(16_800, _cubic.Window);
        // One sent after it.
        _now += Rtt;
        _cubic.OnCongestionEvent(_now, _now, isEcn: true);
        Assert.Equal(11_760, _cubic.Window);
    }

    [Fact]
    public void The_window_never_falls_below_two_datagrams()
    {
        for (int i = 0; i < 20; i++)
        {
            _now += Rtt;
            _cubic.OnCongestionEvent(_now, _now, isEcn: false);
        }
        Assert.Equal(2 * Size, _cubic.Window);
    }

    [Fact]
    public void The_window_never_exceeds_its_bound()
    {
        for (int i = 0; i < 100; i++)
            _cubic.OnPacketAcked(_now, _pn++, 10 << 20, _now, _rtt, long.MaxValue, false);
        Assert.Equal(CubicController.MaxWindow, _cubic.Window);
    }

    [Fact]
    public void Growth_follows_the_cubic_curve()
    {
        // Large enough that Reno is slower all the way.
        const long Maximum = 4000 * Size;
        LoseAt(Maximum);
        double start = (double)_cubic.Window / Size;
        Assert.Equal(Maximum * Beta / Size, start, 0.01);
        double k = Math.Cbrt((4000 - start) / C);
        Assert.Equal(14.42, k, 0.01);

        Round();
        Instant epoch = _now - Rtt;
        for (int i = 0; i < 250; i++)
        {
            Round();
            double t = (_now - epoch).TotalSeconds;
            double curve = (C * Math.Pow(t - k, 3)) + 4000;
            // The window runs to where the curve is a round trip later; it may not be off by more than that.
            double ahead = (C * Math.Pow(t + 0.1 - k, 3)) + 4000;
            Assert.InRange((double)_cubic.Window / Size, Math.Min(curve, ahead) * 0.995, Math.Max(curve, ahead) * 1.005);
        }
        // Concave, plateau, convex: 25 s lie beyond K.
        Assert.True(_cubic.Window > Maximum);
    }

    [Fact]
    public void A_small_window_grows_like_Reno()
    {
        const long Maximum = 20 * Size;
        LoseAt(Maximum);
        const double Alpha = 3 * (1 - Beta) / (1 + Beta);
        double estimate = (double)_cubic.Window / Size;
        Assert.Equal(14, estimate, 0.01);
        double k = Math.Cbrt(6 / C);
        bool cubicOvertook = false;
        for (int i = 1; i < 20 && !cubicOvertook; i++)
        {
            Round();
            // Section 4.3: alpha segments each round, one segment once the old window is reached.
            estimate += estimate < 20 ? Alpha : 1;
            double curve = (C * Math.Pow((i * 0.1) - k, 3)) + 20;
            cubicOvertook = curve > estimate;
            Assert.Equal(Math.Max(estimate, curve), (double)_cubic.Window / Size, 0.6);
        }
    }

    [Fact]
    public void Reno_alpha_becomes_one_where_the_loss_was()
    {
        // With 4 ms round trips the curve is far below Reno for seconds.
        var rtt = new RttEstimator(RttEstimator.DefaultInitial);
        rtt.Update(TimeSpan.FromMilliseconds(4), TimeSpan.Zero, _now);
        LoseAt(20 * Size);
        double Growth()
        {
            long before = _cubic.Window;
            int packets = (int)(before / Size);
            for (int i = 0; i < packets; i++)
            {
                _now += TimeSpan.FromMilliseconds(4) / packets;
                _cubic.OnPacketAcked(_now, _pn++, Size, _now, rtt, before, false);
            }
            return (double)(_cubic.Window - before) / packets / Size * packets;
        }

        Assert.Equal(0.529, Growth(), 0.05);
        while (_cubic.Window < 21 * Size)
            Growth();
        Assert.Equal(1, Growth(), 0.06);
    }

    [Fact]
    public void Fast_convergence_gives_way_when_the_old_maximum_was_not_reached()
    {
        LoseAt(1000 * Size);
        Round();
        long second = _cubic.Window;
        Assert.True(second < 1000 * Size);
        _cubic.OnCongestionEvent(_now, _now, isEcn: false);
        _now += Rtt + TimeSpan.FromTicks(1);
        Assert.Equal(second * Beta, _cubic.Window, 1.0);
        // The plateau is at 0.85 of where the loss was, not at all of it.
        double plateau = second * (1 + Beta) / 2;
        double k = Math.Cbrt((plateau - _cubic.Window) / Size / C);
        Instant until = _now + TimeSpan.FromSeconds(k);
        while (_now < until)
            Round();
        Assert.Equal(plateau, _cubic.Window, plateau * 0.01);
    }

    [Fact]
    public void Persistent_congestion_leaves_the_minimum_and_starts_slowly()
    {
        LoseAt(100 * Size);
        _cubic.OnPersistentCongestion(_now);
        Assert.Equal(2 * Size, _cubic.Window);
        Assert.True(_cubic.InSlowStart);
        Round();
        Assert.Equal(4 * Size, _cubic.Window);
        while (_cubic.InSlowStart)
            Round();
        // Up to the threshold of the loss before, and no further by slow start.
        Assert.InRange(_cubic.Window, 70 * Size, 71 * Size);
        long window = _cubic.Window;
        Round();
        Assert.InRange(_cubic.Window, window, window + (2 * Size));
    }

    [Fact]
    public void A_window_that_is_not_used_does_not_grow()
    {
        Round(applicationLimited: true);
        Assert.Equal(12_000, _cubic.Window);
        LoseAt(1000 * Size);
        long window = _cubic.Window;
        for (int i = 0; i < 100; i++)
            Round(applicationLimited: true);
        Assert.Equal(window, _cubic.Window);
        // The curve stood still meanwhile: no leap now.
        Round();
        Round();
        Assert.InRange(_cubic.Window, window, window * 1.1);
    }

    [Fact]
    public void Idle_time_does_not_run_the_curve_on()
    {
        LoseAt(1000 * Size);
        Round();
        long window = _cubic.Window;
        _now += TimeSpan.FromSeconds(60);
        _cubic.OnPacketSent(_now, _pn, Size, Size);
        _now += Rtt;
        Round();
        Assert.InRange(_cubic.Window, window, window * 1.1);
    }
}
