using Punchline.Hosting;
using Punchline.Quic;
using Xunit;

namespace Punchline.Tests.Hosting;

/// <summary>What people hear of a peer's path: few, true, and the last one surely.</summary>
public sealed class PathNewsTests
{
    private static readonly NetworkPath Relay = new FakePath(PathKind.Relay);
    private static readonly NetworkPath Direct = new FakePath(PathKind.Direct);
    private static readonly NetworkPath Better = new FakePath(PathKind.Direct);

    private readonly PathNews _news = new();
    private readonly HashSet<NetworkPath> _unmeasured = [];
    private readonly List<(double At, NetworkPath Path)> _told = [];
    private Instant _now = Instant.Zero + TimeSpan.FromSeconds(100);

    private sealed class FakePath(PathKind kind) : NetworkPath
    {
        public override PathKind Kind => kind;
        public override UdpAddress RemoteAddress => default;
    }

    [Fact]
    public void The_first_changes_are_told_at_once()
    {
        foreach (NetworkPath path in new[] { Relay, Direct, Better })
        {
            Take(path);
            Run(0.01);
        }
        Assert.Equal([Relay, Direct, Better], _told.Select(t => t.Path));
        Assert.Equal(Instant.Never, _news.NextTimeout);
    }

    [Fact]
    public void Flapping_is_told_once_a_second_and_how_it_ends_surely()
    {
        Take(Relay);
        for (int i = 0; i < 1_000; i++)
        {
            Take(i % 2 == 0 ? Direct : Better);
            Run(0.01);
        }
        Take(Relay);
        Run(5);
        Assert.InRange(_told.Count, 10, 3 + 11);
        Assert.Same(Relay, _told[^1].Path);
        Assert.Equal(Instant.Never, _news.NextTimeout);
    }

    [Fact]
    public void Away_and_back_again_is_no_news()
    {
        for (int i = 0; i < 3; i++)
            Take(i % 2 == 0 ? Relay : Direct);
        Assert.Equal(3, _told.Count);
        Take(Better);
        Take(Relay);
        Run(5);
        Assert.Equal(3, _told.Count);
    }

    [Fact]
    public void A_path_is_told_when_its_round_trip_is_known()
    {
        Take(Relay);
        _unmeasured.Add(Direct);
        Take(Direct);
        Run(0.3);
        Assert.Equal([Relay], _told.Select(t => t.Path));
        _unmeasured.Clear();
        Run(0.06);
        Assert.Equal([Relay, Direct], _told.Select(t => t.Path));
    }

    [Fact]
    public void A_path_that_was_left_unmeasured_is_not_told()
    {
        Take(Relay);
        _unmeasured.Add(Direct);
        Take(Direct);
        Take(Better);
        Run(5);
        Assert.Equal([Relay, Better], _told.Select(t => t.Path));
    }

    private void Take(NetworkPath path)
    {
        _news.OnPath(path, _now);
        Ask();
    }

    // As the driver does: asks whenever the time has come.
    private void Run(double seconds)
    {
        Instant end = _now + TimeSpan.FromSeconds(seconds);
        while (_news.NextTimeout <= end)
        {
            Instant next = Instant.Max(_now, _news.NextTimeout);
            Assert.True(next > _now || _told.Count < 1_000, "no progress");
            _now = next;
            Ask();
        }
        _now = end;
    }

    private void Ask()
    {
        if (_news.TryTake(_now, path => !_unmeasured.Contains(path), out NetworkPath path))
            _told.Add(((_now - Instant.Zero).TotalSeconds, path));
    }
}
