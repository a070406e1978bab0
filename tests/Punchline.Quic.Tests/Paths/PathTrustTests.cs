using Punchline.Quic.Paths;
using Xunit;

namespace Punchline.Quic.Tests.Paths;

/// <summary>How long a path that died is left alone.</summary>
public sealed class PathTrustTests
{
    private readonly PathTrust _trust = new();
    private Instant _now = Instant.Zero + TimeSpan.FromHours(1);

    [Fact]
    public void The_first_death_is_forgiven()
    {
        Die(after: TimeSpan.FromSeconds(1));
        Assert.False(_trust.IsPausedAt(_now));
    }

    [Fact]
    public void Each_further_one_soon_after_the_choice_costs_a_longer_pause_up_to_a_longest()
    {
        Die(after: TimeSpan.FromSeconds(1));
        TimeSpan before = TimeSpan.Zero;
        for (int i = 0; i < 20; i++)
        {
            Die(after: TimeSpan.FromSeconds(1));
            TimeSpan pause = Pause();
            Assert.InRange(pause, TimeSpan.FromTicks(Math.Max(before.Ticks, PathTrust.FirstPause.Ticks)), PathTrust.LongestPause);
            before = pause;
        }
        Assert.Equal(PathTrust.LongestPause, before);
    }

    [Fact]
    public void One_that_has_served_begins_anew()
    {
        for (int i = 0; i < 5; i++)
            Die(after: TimeSpan.FromSeconds(1));
        Die(after: PathTrust.Served);
        Assert.False(_trust.IsPausedAt(_now));
        Die(after: TimeSpan.FromSeconds(1));
        Assert.Equal(PathTrust.FirstPause, Pause());
    }

    [Fact]
    public void In_another_network_nothing_is_held_against_it()
    {
        for (int i = 0; i < 5; i++)
            Die(after: TimeSpan.FromSeconds(1));
        _trust.Reset();
        Assert.False(_trust.IsPausedAt(_now));
        Die(after: TimeSpan.FromSeconds(1));
        Assert.False(_trust.IsPausedAt(_now));
    }

    private void Die(TimeSpan after)
    {
        _trust.OnChosen(_now);
        _now += after;
        _trust.OnDied(_now);
    }

    private TimeSpan Pause()
    {
        TimeSpan pause = TimeSpan.Zero;
        while (_trust.IsPausedAt(_now + pause))
            pause += TimeSpan.FromSeconds(1);
        return pause;
    }
}
