using Punchline.Testing;
using Punchline.Traversal;
using Xunit;

namespace Punchline.Tests.Traversal;

/// <summary>What leaves in an attempt keeps to the bounds, whatever the peer says (docs/wire/punch.md section 7).</summary>
public sealed class ShotsTests
{
    private static readonly TimeSpan RoundTrip = TimeSpan.FromMilliseconds(100);

    [Fact]
    public void A_spray_tries_distinct_ports_once_each_at_the_published_rate()
    {
        Shot[] shots = Shots.Spray(new SeededRandomness(1));
        Assert.Equal(TraversalLimits.SprayedPorts, shots.Length);
        Assert.Equal(shots.Length, shots.Select(shot => shot.Port).Distinct().Count());
        Assert.All(shots, shot => Assert.True(shot is { Socket: 0, TimeToLive: 0, Port: >= 1024 }));
        AssertPaced(shots);
        // All of the range, and not the same for the next attempt.
        Assert.InRange(shots.Average(shot => shot.Port), 31_000, 36_000);
        Assert.NotEqual(shots, Shots.Spray(new SeededRandomness(2)));
    }

    [Fact]
    public void The_side_that_opens_sends_twice_from_each_socket_to_one_port()
    {
        Shot[] shots = Shots.Open(40_000, TraversalLimits.OpenedSockets, RoundTrip);
        Assert.Equal(2 * TraversalLimits.OpenedSockets, shots.Length);
        Assert.All(shots, shot => Assert.Equal(40_000, shot.Port));
        AssertPaced(shots);
        // The first dies on the way; the second arrives, within 15 s, and when the peer has tried its last port.
        foreach (IGrouping<int, Shot> socket in shots.GroupBy(shot => shot.Socket))
        {
            Shot[] each = [.. socket];
            Assert.Equal([TraversalLimits.OpeningTimeToLive, 0], each.Select(shot => (int)shot.TimeToLive));
            Assert.InRange(each[1].At - each[0].At, TimeSpan.FromSeconds(1), TimeSpan.FromSeconds(15));
        }
        Assert.True(shots.Where(shot => shot.TimeToLive == 0).Min(shot => shot.At) > Shots.Spray(new SeededRandomness(1))[^1].At);
    }

    [Fact]
    public void An_exchange_opens_every_port_in_order_before_anything_arrives()
    {
        Shot[] shots = Shots.Exchange([20_001, 20_002, 20_003], RoundTrip);
        Assert.Equal([20_001, 20_002, 20_003], shots[..3].Select(shot => (int)shot.Port));
        Assert.All(shots[..3], shot => Assert.Equal((TimeSpan.Zero, TraversalLimits.OpeningTimeToLive), (shot.At, shot.TimeToLive)));
        Assert.All(shots[3..], shot => Assert.True(shot.TimeToLive == 0 && shot.At >= RoundTrip / 2));
        Assert.Equal(18, shots.Length);
    }

    [Theory]
    [InlineData(0)]
    [InlineData(22)]
    [InlineData(1_023)]
    public void A_port_below_1024_is_never_tried(ushort port)
    {
        Assert.Empty(Shots.Exchange([port], RoundTrip));
        Assert.Empty(Shots.Open(port, TraversalLimits.OpenedSockets, RoundTrip));
        Assert.All(Shots.Exchange([port, 1_024], RoundTrip), shot => Assert.Equal(1_024, shot.Port));
    }

    [Fact]
    public void A_round_trip_of_a_minute_delays_no_probe_beyond_the_attempt()
    {
        TimeSpan absurd = TimeSpan.FromMinutes(1);
        Assert.True(Shots.Exchange([40_000], absurd)[^1].At <= TimeSpan.FromSeconds(4));
        Assert.True(Shots.SprayTime(absurd) <= TimeSpan.FromSeconds(8));
    }

    /// <summary>200 a second, in whichever second.</summary>
    private static void AssertPaced(Shot[] shots)
    {
        for (int i = 0; i < shots.Length; i++)
        {
            Assert.True(i == 0 || shots[i - 1].At <= shots[i].At);
            Assert.True(shots.Skip(i).TakeWhile(shot => shot.At < shots[i].At + TimeSpan.FromSeconds(1)).Count() <= 200);
        }
    }
}
