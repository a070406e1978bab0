using Punchline.Quic.Paths;
using Punchline.Testing;
using Xunit;

namespace Punchline.Quic.Tests.Paths;

/// <summary>When the path that is kept open is probed, and when it has failed.</summary>
public sealed class StandbyKeeperTests
{
    private static readonly TimeSpan Distance = TimeSpan.FromSeconds(15);
    private static readonly TimeSpan RoundTrip = TimeSpan.FromMilliseconds(30);

    private readonly StandbyKeeper _keeper = new();
    private readonly PathState _path = NewPath();
    private Instant _now = Instant.Zero + TimeSpan.FromHours(1);

    [Theory]
    [InlineData("", "P")]
    [InlineData("hhhh", "PPPPP")]
    [InlineData("..", "PPP")]
    [InlineData("...", "PPPF")]
    [InlineData("..h..", "PPPPPP")]
    [InlineData("..h...", "PPPPPPF")]
    public void Probes_without_an_answer_count_while_they_are_in_a_row(string heard, string steps)
    {
        _path.HeardAt = _now;
        _keeper.Choose(_now, _path, Distance);
        string taken = Due();
        foreach (char what in heard)
        {
            if (what == 'h')
                _path.HeardAt = _now + RoundTrip;
            taken += Due();
        }
        Assert.Equal(steps, taken);
        Assert.Equal(!steps.EndsWith('F'), _keeper.NextTimeout.IsSet);
        Assert.Equal(steps.EndsWith('F') ? null : _path, _keeper.Path);
    }

    [Fact]
    public void A_probe_is_due_at_the_distance_and_repeated_sooner()
    {
        _path.HeardAt = _now;
        _keeper.Choose(_now, _path, Distance);
        List<TimeSpan> waits = [];
        for (int i = 0; i <= StandbyKeeper.MaxMisses; i++)
        {
            Instant before = _now;
            Assert.Equal(StandbyStep.Nothing, _keeper.OnDue(_keeper.NextTimeout - TimeSpan.FromTicks(1), Distance));
            Due();
            waits.Add(_now - before);
        }
        Assert.Equal([Distance, Distance, StandbyKeeper.Repeat, StandbyKeeper.Repeat], waits);
    }

    [Fact]
    public void A_new_standby_begins_without_misses()
    {
        PathState other = NewPath();
        other.HeardAt = _now;
        _path.HeardAt = _now;
        _keeper.Choose(_now, _path, Distance);
        // The old one is probed, and found silent, after the new one was heard last.
        Assert.Equal("PPP", Due() + Due() + Due());
        _keeper.Choose(_now, other, Distance);
        Assert.Equal("PPPF", Due() + Due() + Due() + Due());
    }

    [Fact]
    public void The_same_choice_again_changes_nothing()
    {
        _path.HeardAt = _now;
        _keeper.Choose(_now, _path, Distance);
        Assert.Equal("PPP", Due() + Due() + Due());
        _keeper.Choose(_now, _path, Distance);
        Assert.Equal("F", Due());
    }

    [Fact]
    public void Without_a_path_nothing_is_due()
    {
        _keeper.Choose(_now, _path, Distance);
        _keeper.Choose(_now, null, Distance);
        Assert.False(_keeper.NextTimeout.IsSet);
        Assert.Equal(StandbyStep.Nothing, _keeper.OnDue(_now + Distance, Distance));
    }

    private string Due()
    {
        _now = _keeper.NextTimeout;
        return _keeper.OnDue(_now, Distance) switch { StandbyStep.Probe => "P", StandbyStep.Failed => "F", _ => "-" };
    }

    private static PathState NewPath() => new(new SimulatedPath(PathKind.Direct, default, default), PathStage.Validated, 1472);
}
