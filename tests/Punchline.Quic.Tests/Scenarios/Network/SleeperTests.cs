using Punchline.Quic.Tests.Simulation;
using Punchline.Testing;
using Xunit;

namespace Punchline.Quic.Tests.Scenarios;

/// <summary>A process that slept must not take its sleep for the length of the path (found by seed 3473).</summary>
public sealed class SleeperTests
{
    [Fact]
    public void Who_slept_through_the_handshake_does_not_wait_ten_minutes_for_a_dead_peer()
    {
        var scene = new Scene(1, new LinkProfile());
        scene.Connect();
        scene.Network.RunFor(TimeSpan.FromMilliseconds(15)); // The first Initial has arrived, its answer is on the way.
        scene.Client.Sleep(TimeSpan.FromSeconds(50), clockStops: false);
        scene.Network.RunFor(TimeSpan.FromSeconds(40));
        scene.Host.IsDead = true;
        scene.Network.RunFor(TimeSpan.FromSeconds(15));
        Assert.True(scene.Connection.IsEstablished);
        // RFC 9000 section 10.1: the idle timeout of 60 s, as three probe timeouts are no more.
        scene.Network.RunFor(TimeSpan.FromSeconds(60));
        Assert.True(scene.Connection.IsTerminated);
    }
}
