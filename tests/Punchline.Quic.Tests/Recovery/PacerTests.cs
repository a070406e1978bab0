using Punchline.Quic.Recovery;
using Xunit;

namespace Punchline.Quic.Tests.Recovery;

/// <summary>RFC 9002 section 7.7.</summary>
public class PacerTests
{
    private const int Size = 1200;

    private static readonly Instant Start = new(10_000_000);

    private static TimeSpan Ms(double ms) => TimeSpan.FromMilliseconds(ms);

    private static Pacer Steady(long window, double rttMs, bool slowStart = false)
    {
        var pacer = new Pacer(Size, window, Ms(rttMs));
        pacer.OnWindowOrRttChanged(window, Ms(rttMs), slowStart);
        return pacer;
    }

    [Theory]
    [InlineData(100_000, 50, false, 2_500_000)]
    [InlineData(100_000, 50, true, 4_000_000)]
    // A round trip below the timer's granularity counts as that.
    [InlineData(100_000, 0.01, false, 125_000_000)]
    [InlineData(100_000, 0, false, 125_000_000)]
    public void The_rate_is_a_little_more_than_window_per_round_trip(long window, double rttMs, bool slowStart, double rate) =>
        Assert.Equal(rate, Steady(window, rttMs, slowStart).BytesPerSecond, 1.0);

    [Fact]
    public void An_initial_window_may_leave_at_once_and_no_more()
    {
        Pacer pacer = Steady(12_000, 100);
        Assert.Equal(10 * Size, pacer.Budget(Start));
        pacer.OnSent(Start, 10 * Size);
        Assert.Equal(0, pacer.Budget(Start));
        // After any idle time as well.
        Assert.Equal(10 * Size, pacer.Budget(Start + TimeSpan.FromHours(1)));
    }

    [Fact]
    public void Single_datagrams_leave_evenly_and_do_not_drift()
    {
        Pacer pacer = Steady(100_000, 50);
        Instant now = Start;
        pacer.OnSent(now, pacer.Budget(now));
        TimeSpan interval = Ms(0.48);
        for (int i = 1; i <= 100_000; i++)
        {
            Instant next = pacer.NextSendTime(now, Size);
            // Rounded up to the clock's ticks, and rounding does not add up.
            Assert.InRange((next - Start).Ticks, interval.Ticks * i, (interval.Ticks * i) + 2);
            now = next;
            Assert.True(pacer.Budget(now) >= Size);
            pacer.OnSent(now, Size);
        }
    }

    [Fact]
    public void A_late_wake_up_loses_no_rate_within_a_burst()
    {
        Pacer pacer = Steady(1_000_000, 50);
        Instant now = Start;
        pacer.OnSent(now, pacer.Budget(now));
        long sent = 0;
        for (int i = 0; i < 10_000; i++)
        {
            now += Ms(1.7);
            int budget = pacer.Budget(now);
            pacer.OnSent(now, budget);
            sent += budget;
        }
        Assert.Equal(25_000_000 * 17.0, sent, 10.0 * Size);
    }

    [Fact]
    public void A_fast_path_may_send_what_a_millisecond_of_its_rate_is_batch_by_batch()
    {
        // 10 Gbit/s
        Pacer pacer = Steady(50_000_000, 50);
        Instant now = Start;
        Assert.Equal(1_250_000, pacer.Burst);
        Assert.Equal(Pacer.MaxBatch, pacer.Budget(now));
        Assert.Equal(Pacer.MaxBatch, pacer.Quantum);
        long sent = 0;
        for (int budget; (budget = pacer.Budget(now)) > 0; sent += budget)
            pacer.OnSent(now, budget);
        // The bucket was filled at the initial, faster rate of slow start; it holds no more than the burst.
        Assert.InRange(sent, 1_249_000, 2_000_000);
    }

    [Theory]
    [InlineData(100_000, 50, 12_000)]
    [InlineData(500_000, 50, 25_000)]
    [InlineData(5_000_000, 50, 125_000)]
    [InlineData(2_000_000, 50, 65_536)]
    public void The_burst_follows_the_rate_within_its_bounds(long window, double rttMs, int burst) =>
        Assert.Equal(burst, Steady(window, rttMs).Burst);

    [Fact]
    public void Waiting_for_a_batch_is_waiting_for_less_than_a_burst()
    {
        Pacer pacer = Steady(1_000_000, 50);
        pacer.OnSent(Start, pacer.Budget(Start));
        AssertAbout(Start + Ms(1), pacer.NextSendTime(Start, pacer.Quantum));
        Instant all = pacer.NextSendTime(Start, int.MaxValue);
        AssertAbout(Start + Ms(2), all);
        Assert.True(pacer.Budget(all) >= 49_999);
    }

    [Fact]
    public void Probes_beyond_the_budget_are_made_up_for()
    {
        Pacer pacer = Steady(100_000, 50);
        pacer.OnSent(Start, pacer.Budget(Start));
        pacer.OnSent(Start, 2 * Size);
        Assert.Equal(0, pacer.Budget(Start));
        AssertAbout(Start + Ms(3 * 0.48), pacer.NextSendTime(Start, Size));
        // But not for ever.
        for (int i = 0; i < 1000; i++)
            pacer.OnSent(Start, Size);
        AssertAbout(Start + Ms(11 * 0.48), pacer.NextSendTime(Start, Size));
    }

    /// <summary>Equal but for rounding up to the clock's tick.</summary>
    private static void AssertAbout(Instant expected, Instant actual) =>
        Assert.InRange(actual.Ticks, expected.Ticks, expected.Ticks + 1);

    [Fact]
    public void An_empty_window_or_a_clock_that_stands_still_does_no_harm()
    {
        Pacer pacer = Steady(0, 50);
        pacer.OnSent(Start, pacer.Budget(Start));
        Assert.True(pacer.NextSendTime(Start, Size) > Start);
        Assert.Equal(0, pacer.Budget(Start));
        Assert.Equal(0, pacer.Budget(Start - Ms(500)));
    }
}
