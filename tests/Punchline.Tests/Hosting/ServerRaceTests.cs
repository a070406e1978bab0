using Punchline.Endpoint;
using Punchline.Hosting;
using Punchline.Quic;
using Xunit;

namespace Punchline.Tests.Hosting;

/// <summary>Of several servers the nearest to both sides is used, in virtual time.</summary>
public sealed class ServerRaceTests
{
    private static readonly TimeSpan Far = TimeSpan.FromMilliseconds(110);
    private static readonly TimeSpan Near = TimeSpan.FromMilliseconds(60);

    private readonly Driver _driver = new();

    [Fact]
    public void A_single_server_is_used_at_once()
    {
        var race = new ServerRace(_driver, 1);
        var only = new Racer();
        race.OnEstablished(only, Far);
        Assert.Equal("used", only.Fate);
        Assert.Empty(_driver.Timers);
    }

    [Fact]
    public void The_shorter_round_trip_wins_though_it_comes_later()
    {
        var race = new ServerRace(_driver, 2);
        var (first, second) = (new Racer(), new Racer());
        _driver.Pass(TimeSpan.FromMilliseconds(150));
        race.OnEstablished(first, Far);
        Assert.Null(first.Fate);
        _driver.Pass(TimeSpan.FromMilliseconds(110));
        race.OnEstablished(second, Near);
        Assert.Equal(("gone", "used"), (first.Fate, second.Fate));
        Assert.Empty(_driver.Timers);
    }

    [Fact]
    public void Nobody_waits_for_a_server_that_has_failed_or_is_silent()
    {
        var race = new ServerRace(_driver, 3);
        var first = new Racer();
        _driver.Pass(TimeSpan.FromMilliseconds(50));
        race.OnEstablished(first, Near);
        race.OnFailed();
        Assert.Null(first.Fate);
        _driver.Pass(TimeSpan.FromMilliseconds(249));
        Assert.Null(first.Fate);
        _driver.Pass(TimeSpan.FromMilliseconds(1));
        Assert.Equal("used", first.Fate);
        // And when the silent one comes at last, it is too late.
        var late = new Racer();
        race.OnEstablished(late, TimeSpan.FromMilliseconds(1));
        Assert.Equal("gone", late.Fate);
    }

    [Fact]
    public void The_wait_is_five_round_trips_from_the_start_and_a_quarter_of_a_second_at_most()
    {
        Instant start = Instant.Zero + TimeSpan.FromSeconds(1);
        Instant now = start + TimeSpan.FromMilliseconds(40);
        Assert.Equal(start + TimeSpan.FromMilliseconds(50), ServerRace.DeadlineFor(start, now, TimeSpan.FromMilliseconds(10)));
        Assert.Equal(now + TimeSpan.FromMilliseconds(250), ServerRace.DeadlineFor(start, now, TimeSpan.FromMilliseconds(200)));
        Assert.Equal(now, ServerRace.DeadlineFor(start, now, TimeSpan.FromMilliseconds(1)));
    }

    [Fact]
    public void One_that_ends_while_it_waits_is_not_used()
    {
        var race = new ServerRace(_driver, 2);
        var (first, second) = (new Racer(), new Racer());
        race.OnEstablished(first, Near);
        race.OnClosed(first);
        race.OnFailed();
        race.OnEstablished(second, Far);
        Assert.Equal((null, "used"), (first.Fate, second.Fate));
    }

    private sealed class Racer : IRacer
    {
        public string? Fate { get; private set; }

        public void Use() => Fate = "used";

        public void GiveWay() => Fate = "gone";
    }

    private sealed class Driver : IDriver
    {
        public List<IDriverTimer> Timers { get; } = [];

        public Instant Now { get; private set; } = Instant.Zero + TimeSpan.FromSeconds(1);

        public bool Post(WorkItem item) => throw new NotSupportedException();

        public void AddTimer(IDriverTimer timer) => Timers.Add(timer);

        public void RemoveTimer(IDriverTimer timer) => Timers.Remove(timer);

        public void Pass(TimeSpan time)
        {
            Now += time;
            foreach (IDriverTimer timer in Timers.Where(timer => timer.NextTimeout <= Now).ToArray())
                timer.OnTimeout(Now);
        }
    }
}
