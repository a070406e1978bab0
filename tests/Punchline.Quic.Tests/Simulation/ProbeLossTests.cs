using Punchline.Testing;
using Xunit;

namespace Punchline.Quic.Tests.Simulation;

/// <summary>An opening probe that gets no answer says that nobody listens, not that the way is full (docs/wire/punch.md section 5.1).</summary>
public sealed class ProbeLossTests
{
    [Theory]
    [InlineData(0)]
    [InlineData(100)]
    [InlineData(300)]
    [InlineData(2000)]
    public void Probes_lost_before_the_path_opened_leave_its_window_alone(int closedMilliseconds)
    {
        var open = new LinkProfile { Delay = TimeSpan.FromMilliseconds(3) };
        Scene scene = Scene.Connected(1, new LinkProfile { Delay = TimeSpan.FromMilliseconds(40) });
        scene.OfferDirect(open with { IsCut = closedMilliseconds > 0 });
        scene.Network.RunFor(TimeSpan.FromMilliseconds(40 + closedMilliseconds));
        scene.Network.SetBoth(Scene.ClientDirect, Scene.HostDirect, open);
        scene.Check(scene.Network.RunUntil(() => scene.IsDirect, TimeSpan.FromSeconds(10)), "no direct path");
        scene.Network.RunFor(TimeSpan.FromMilliseconds(300));
        foreach (QuicConnection connection in new[] { scene.Connection, scene.HostConnection })
        {
            Assert.True(connection.Paths().Current.Recovery.Congestion.InSlowStart, "a lost probe ended slow start");
            Assert.True(connection.TryGetPathStatistics(connection.CurrentPath, out PathStatistics path));
            Assert.True(path.CongestionWindow >= 10 * 1200, $"a window of {path.CongestionWindow} bytes"); // RFC 9002 section 7.2
        }
    }
}
