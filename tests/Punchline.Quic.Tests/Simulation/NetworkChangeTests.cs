using Punchline.Quic.Paths;
using Punchline.Testing;
using Xunit;

namespace Punchline.Quic.Tests.Simulation;

/// <summary>The owner says that the machine slept or that its network is another one: paths prove themselves again, within the limits.</summary>
public sealed class NetworkChangeTests
{
    private static readonly LinkProfile Relay = new() { Delay = TimeSpan.FromMilliseconds(20) };
    private static readonly LinkProfile Fast = new() { Delay = TimeSpan.FromMilliseconds(3) };

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void A_new_round_begins_at_once_on_both_sides_and_only_one(bool ofClient)
    {
        Scene scene = Direct(1);
        ulong round = scene.Connection.Puncher().Round;
        Assert.Equal(round, scene.HostConnection.Puncher().Round);
        (ofClient ? scene.Connection : scene.HostConnection).OnNetworkChanged(scene.Network.Now);
        scene.Network.RunFor(TimeSpan.FromMilliseconds(100));
        Assert.Equal(round + 1, scene.Connection.Puncher().Round);
        Assert.Equal(round + 1, scene.HostConnection.Puncher().Round);
        scene.Network.RunFor(TimeSpan.FromMinutes(2));
        scene.Check(scene.IsDirect, "not direct any more");
        Assert.Equal(round + 1, scene.Connection.Puncher().Round);
        Assert.DoesNotContain(scene.ClientApplication.Events, e => e.Kind == QuicEventKind.PunchingFailed);
    }

    [Fact]
    public void However_often_it_is_said_there_is_one_round_in_five_seconds()
    {
        Scene scene = Direct(2);
        ulong round = scene.Connection.Puncher().Round;
        int small = 0;
        scene.Network.Watch = (_, length) => small += length <= 100 ? 1 : 0;
        for (int i = 0; i < 200; i++)
        {
            scene.Connection.OnNetworkChanged(scene.Network.Now);
            scene.HostConnection.OnNetworkChanged(scene.Network.Now);
            scene.Network.RunFor(TimeSpan.FromMilliseconds(100));
        }
        Assert.InRange(scene.Connection.Puncher().Round - round, 4ul, 5ul);
        scene.Check(scene.IsDirect, "not direct any more");
        // Each of the 400 has the path in use checked by one small packet, which is answered; what is beside that are probes.
        Assert.InRange(small, 1, (4 * 200) + (5 * 2 * 9));
    }

    [Fact]
    public void A_dead_path_in_use_is_found_out_at_once_and_not_with_the_next_keep_alive()
    {
        Scene scene = Direct(3);
        scene.Network.SetBoth(Scene.ClientDirect, Scene.HostDirect, new LinkProfile { IsCut = true });
        scene.Connection.OnNetworkChanged(scene.Network.Now);
        scene.Check(scene.Network.RunUntil(() => scene.Connection.CurrentPath.Kind == PathKind.Relay, TimeSpan.FromSeconds(1)), "still on the dead path");
    }

    [Fact]
    public void A_spare_path_must_prove_itself_again()
    {
        Scene scene = Direct(4);
        (PathState spare, PathState used) = WithSpare(scene);
        Assert.True(spare.IsValidated);
        SetLink(scene, spare, new LinkProfile { IsCut = true });
        scene.Connection.OnNetworkChanged(scene.Network.Now);
        Assert.False(spare.IsValidated);
        scene.Network.RunFor(TimeSpan.FromSeconds(20));
        Assert.Equal(PathStage.Failed, spare.Stage);
        Assert.Same(used, scene.Connection.Paths().Current);
    }

    [Fact]
    public void A_spare_path_has_all_its_probes_to_prove_itself_again_though_it_is_due_to_be_kept_open_meanwhile()
    {
        Scene scene = Direct(6);
        (PathState spare, PathState used) = WithSpare(scene);
        Assert.Same(spare, scene.Connection.Standby().Path);
        scene.Network.RunFor(scene.Connection.Standby().NextTimeout - scene.Network.Now - TimeSpan.FromMilliseconds(100));
        SetLink(scene, spare, new LinkProfile { IsCut = true });
        scene.Connection.OnNetworkChanged(scene.Network.Now);
        scene.Network.RunFor(TimeSpan.FromSeconds(1));
        SetLink(scene, spare, Fast);
        scene.Network.RunFor(TimeSpan.FromSeconds(4));
        Assert.True(spare.IsValidated);
        Assert.Same(spare, scene.Connection.Standby().Path);
        Assert.Same(used, scene.Connection.Paths().Current);
    }

    [Fact]
    public void Before_the_first_round_nothing_is_probed()
    {
        Scene scene = Scene.Connected(5, Relay);
        scene.Connection.OnNetworkChanged(scene.Network.Now);
        scene.Network.RunFor(TimeSpan.FromSeconds(10));
        Assert.Equal(0ul, scene.Connection.Puncher().Round);
    }

    // The eager rounds are over, and so is what a path's opening cost.
    private static Scene Direct(ulong seed)
    {
        Scene scene = Scene.Connected(seed, Relay);
        scene.OfferDirect(Fast);
        scene.Check(scene.Network.RunUntil(() => scene.IsDirect, TimeSpan.FromSeconds(5)), "no direct path");
        scene.Network.RunFor(TimeSpan.FromSeconds(12));
        return scene;
    }

    /// <summary>A second direct path to the host, and the one in use.</summary>
    private static (PathState Spare, PathState Used) WithSpare(Scene scene)
    {
        UdpAddress second = UdpAddress.FromBytes([198, 18, 4, 1], 0, 50_003);
        scene.Network.SetBoth(second, Scene.HostDirect, Fast);
        scene.Client.AddAddress(second);
        Assert.True(scene.Connection.TryAddPath(scene.Network.Now, scene.Client.PathTo(second, Scene.HostDirect)));
        scene.Network.RunFor(TimeSpan.FromSeconds(10));
        PathState added = scene.Connection.Paths().Find(scene.Client.PathTo(second, Scene.HostDirect))!;
        PathState used = scene.Connection.Paths().Current;
        return added == used ? (scene.Connection.Paths().Find(scene.Client.PathTo(Scene.ClientDirect, Scene.HostDirect))!, used) : (added, used);
    }

    private static void SetLink(Scene scene, PathState path, LinkProfile profile)
    {
        var way = (SimulatedPath)path.Network;
        scene.Network.SetBoth(way.LocalAddress, way.RemoteAddress, profile);
    }
}
