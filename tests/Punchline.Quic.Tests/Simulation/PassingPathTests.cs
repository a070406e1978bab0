using Punchline.Quic.Paths;
using Punchline.Testing;
using Xunit;

namespace Punchline.Quic.Tests.Simulation;

/// <summary>
/// Direct paths that no candidate leads to, as attempts of docs/wire/punch.md section 5.4 open them and NATs that forget make them: they come and go
/// as long as a connection lives, and none may leave anything behind.
/// </summary>
public sealed class PassingPathTests
{
    /// <summary>More than the connection ids that a side holds, and than the paths that a connection has room for.</summary>
    private const int Many = 2 * PathSet.MaxPaths;

    private static readonly LinkProfile Relay = new() { Delay = TimeSpan.FromMilliseconds(40) };
    private static readonly LinkProfile Direct = new() { Delay = TimeSpan.FromMilliseconds(3) };
    private static readonly LinkProfile Dead = new() { IsCut = true };
    private static readonly TimeSpan Soon = TimeSpan.FromSeconds(10);

    /// <summary>Long enough for a path that died to be given up by both sides, at the usual distance of probes.</summary>
    private static readonly TimeSpan Over = TimeSpan.FromMinutes(1);

    [Fact]
    public void However_many_have_died_the_next_one_takes_over()
    {
        Scene scene = Scene.Connected(1, Relay);
        scene.Network.Log.IsOn = false;
        for (int turn = 0; turn < Many; turn++)
        {
            (UdpAddress client, UdpAddress host) = Meet(scene, turn);
            scene.Check(scene.Network.RunUntil(() => scene.IsDirect && scene.Connection.CurrentPath.RemoteAddress == host, Soon), $"not direct after {turn} deaths");
            scene.Network.SetBoth(client, host, Dead);
            scene.Connection.TrySendDatagram([1]);
            scene.Check(scene.Network.RunUntil(() => !scene.IsDirect, Soon), "direct over a dead link");
            scene.Network.RunFor(TimeSpan.FromSeconds(1));
        }
        scene.Network.RunFor(Over);
        LeavesNothing(scene);
    }

    [Fact]
    public void A_pair_that_died_has_given_back_its_connection_id()
    {
        Scene scene = Scene.Connected(6, Relay);
        scene.OfferDirect(Direct);
        scene.Check(scene.Network.RunUntil(() => scene.IsDirect, Soon), "no direct path");
        scene.Network.SetBoth(Scene.ClientDirect, Scene.HostDirect, Dead);
        scene.Connection.TrySendDatagram([1]);
        scene.Check(scene.Network.RunUntil(() => !scene.IsDirect, Soon), "direct over a dead link");
        scene.Network.RunFor(TimeSpan.FromSeconds(1));
        Assert.Equal(Unused, scene.Connection.TakeFreeIds());
    }

    [Fact]
    public void A_pair_that_waited_in_vain_as_the_second_best_has_given_back_its_connection_id()
    {
        Scene scene = Scene.Connected(7, Relay);
        scene.OfferDirect(Direct);
        UdpAddress second = Scene.ClientDirect.WithPort(50_009);
        scene.Network.SetBoth(second, Scene.HostDirect, Direct with { Delay = 10 * Direct.Delay });
        scene.Client.AddAddress(second);
        scene.Connection.TryAddPath(scene.Network.Now, scene.Client.PathTo(second, Scene.HostDirect));
        scene.Network.RunFor(Soon);
        Assert.Same(scene.Client.PathTo(second, Scene.HostDirect), scene.Connection.Standby().Path?.Network);
        scene.Network.SetBoth(second, Scene.HostDirect, Dead);
        scene.Network.RunFor(Over);
        Assert.Equal(Unused - 1, scene.Connection.TakeFreeIds());
    }

    [Fact]
    public void However_often_a_NAT_forgets_the_host_follows()
    {
        Scene scene = Scene.Connected(2, Relay);
        scene.Network.Log.IsOn = false;
        scene.OfferDirect(Direct);
        scene.Check(scene.Network.RunUntil(() => scene.IsDirect, Soon), "no direct path");
        for (int turn = 0; turn < Many; turn++)
        {
            UdpAddress outside = Scene.ClientDirect.WithPort((ushort)(51_000 + turn));
            scene.Network.Rebind(Scene.ClientDirect, outside, Direct);
            scene.Check(
                scene.Network.RunUntil(() => scene.IsDirect && scene.HostConnection.CurrentPath.RemoteAddress == outside, Soon), $"not followed after {turn} times");
            scene.Network.RunFor(TimeSpan.FromSeconds(20));
        }
        scene.Network.RunFor(Over);
        // The server's, the pair of the client's candidate, and the one in use.
        Assert.InRange(scene.HostConnection.Paths().Count, 2, 3);
    }

    [Fact]
    public void One_that_waited_in_vain_as_the_second_best_is_over()
    {
        (Scene scene, UdpAddress client, UdpAddress host) = WithSpare(3);
        scene.Network.SetBoth(client, host, Dead);
        scene.Network.RunFor(Over);
        scene.Check(scene.IsDirect, "the path in use was lost");
        Assert.Equal((2, 2), (scene.Connection.Paths().Count, scene.HostConnection.Paths().Count));
        Assert.Equal(Unused - 1, scene.Connection.TakeFreeIds());
        Assert.Equal(Unused - 1, scene.HostConnection.TakeFreeIds());
    }

    [Theory]
    [InlineData(0)]
    [InlineData(30)]
    [InlineData(300)]
    public void The_second_best_stays_as_long_as_it_is_kept_open(int quiet)
    {
        (Scene scene, UdpAddress client, UdpAddress host) = WithSpare(4);
        Agree(scene, quiet);
        scene.Network.RunFor(TimeSpan.FromHours(1));
        IsKept(scene, client, host);
    }

    [Fact]
    public void The_second_best_stays_when_the_two_are_less_silent_than_before()
    {
        (Scene scene, UdpAddress client, UdpAddress host) = WithSpare(4);
        Agree(scene, 300);
        scene.Network.RunFor(TimeSpan.FromMinutes(34));
        Agree(scene, 0);
        scene.Network.RunFor(TimeSpan.FromMinutes(10));
        IsKept(scene, client, host);
    }

    private static void Agree(Scene scene, int quiet)
    {
        scene.Connection.AgreeOnSilence(scene.Network.Now, TimeSpan.FromSeconds(quiet), isBusy: false);
        scene.HostConnection.AgreeOnSilence(scene.Network.Now, TimeSpan.FromSeconds(quiet), isBusy: false);
    }

    private static void IsKept(Scene scene, UdpAddress client, UdpAddress host)
    {
        Assert.True(scene.Connection.Paths().Find(scene.Client.PathTo(client, host)) is { IsValidated: true });
        Assert.True(scene.HostConnection.Paths().Find(scene.Host.PathTo(host, client)) is { IsValidated: true });
        Assert.DoesNotContain(scene.HostApplication.Events.Concat(scene.ClientApplication.Events), static e => e.Kind == QuicEventKind.PathLost);
    }

    [Theory]
    [InlineData(2)]
    [InlineData(10)]
    [InlineData(25)]
    public void One_that_is_back_soon_carries_data_again(int seconds)
    {
        Scene scene = Scene.Connected(5, Relay);
        (UdpAddress client, UdpAddress host) = Meet(scene, 0);
        scene.Check(scene.Network.RunUntil(() => scene.IsDirect, Soon), "no direct path");
        scene.Network.RunFor(PathTrust.Served);
        scene.Network.SetBoth(client, host, Dead);
        scene.ClientApplication.Start(scene.Connection, 1, 1_000);
        scene.Network.RunFor(TimeSpan.FromSeconds(seconds));
        scene.Check(scene.Connection.CurrentPath.Kind == PathKind.Relay, "direct over a dead link");
        scene.Network.SetBoth(client, host, Direct);
        // By the next round of probing.
        scene.Check(scene.Network.RunUntil(() => scene.IsDirect, TimeSpan.FromSeconds(31)), "it does not come back");
    }

    /// <summary>The ids that a side holds for its peer, but for those of the server's path and of the opening probes.</summary>
    private const int Unused = LocalConnectionIds.MaxActive - 2;

    private static void LeavesNothing(Scene scene)
    {
        Assert.Equal((1, 1), (scene.Connection.Paths().Count, scene.HostConnection.Paths().Count));
        Assert.Equal(Unused, scene.Connection.TakeFreeIds());
        Assert.Equal(Unused, scene.HostConnection.TakeFreeIds());
    }

    /// <summary>A scene with two paths that no candidate leads to, and the ends of the one that is not in use.</summary>
    private static (Scene Scene, UdpAddress Client, UdpAddress Host) WithSpare(ulong seed)
    {
        Scene scene = Scene.Connected(seed, Relay);
        Meet(scene, 0);
        scene.Check(scene.Network.RunUntil(() => scene.IsDirect, Soon), "no direct path");
        Meet(scene, 1);
        scene.Network.RunFor(Soon);
        var used = (SimulatedPath)scene.Connection.CurrentPath;
        PathState spare = Enumerable.Range(0, scene.Connection.Paths().Count).Select(i => scene.Connection.Paths()[i])
            .Single(state => state.IsDirect && state.Network != used);
        Assert.True(spare is { IsValidated: true, IsPair: false });
        var way = (SimulatedPath)spare.Network;
        return (scene, way.LocalAddress, way.RemoteAddress);
    }

    /// <summary>Both sides send opening probes from fresh addresses to each other's, as if they had guessed them.</summary>
    private static (UdpAddress Client, UdpAddress Host) Meet(Scene scene, int turn)
    {
        UdpAddress client = Scene.ClientDirect.WithPort((ushort)(52_000 + turn));
        UdpAddress host = Scene.HostDirect.WithPort((ushort)(52_000 + turn));
        scene.Network.SetBoth(client, host, Direct);
        scene.Client.AddAddress(client);
        scene.Host.AddAddress(host);
        Probe(scene, scene.Client, scene.Connection, client, host);
        Probe(scene, scene.Host, scene.HostConnection, host, client);
        return (client, host);
    }

    private static void Probe(Scene scene, SimulatedPeer peer, QuicConnection connection, UdpAddress local, UdpAddress remote)
    {
        byte[] buffer = new byte[100];
        Assert.True(connection.TryWriteProbe(scene.Network.Now, peer.PathTo(local, remote), buffer, out int length));
        scene.Network.Send(peer, local, remote, buffer.AsSpan(0, length));
    }
}
