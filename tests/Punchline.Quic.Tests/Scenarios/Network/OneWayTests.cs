using Punchline.Quic.Tests.Simulation;
using Punchline.Testing;
using Xunit;

namespace Punchline.Quic.Tests.Scenarios;

/// <summary>A path that dies in one direction alone (found by seed 115: a NAT's mapping that nobody refreshed).</summary>
public sealed class OneWayTests
{
    [Fact]
    public void Who_still_hears_its_peer_notices_that_its_own_way_out_is_dead()
    {
        Scene scene = Scene.Connected(1, new LinkProfile());
        scene.OfferDirect(new LinkProfile { Delay = TimeSpan.FromMilliseconds(3) });
        scene.Check(scene.Network.RunUntil(() => scene.IsDirect, TimeSpan.FromSeconds(10)), "no direct path");
        scene.Network.RunFor(TimeSpan.FromSeconds(10));
        scene.Network.SetLink(Scene.ClientDirect, Scene.HostDirect, new LinkProfile { IsCut = true });
        scene.Network.RunFor(TimeSpan.FromMinutes(2));
        Assert.True(scene.Connection.IsOpen);
        Assert.True(scene.HostConnection.IsOpen);
        scene.ClientApplication.Start(scene.Connection, 1, 100_000);
        scene.Check(scene.Network.RunUntil(() => scene.ClientApplication.IsDone, TimeSpan.FromSeconds(20)), "the connection does not recover");
    }
}
