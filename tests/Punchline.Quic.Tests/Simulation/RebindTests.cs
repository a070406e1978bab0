using Punchline.Quic.Paths;
using Punchline.Testing;
using Xunit;

namespace Punchline.Quic.Tests.Simulation;

/// <summary>A client that moves, and one that only seems to because somebody raced a copy of its packet (RFC 9000 section 9.3).</summary>
public sealed class RebindTests
{
    private static readonly LinkProfile Link = new() { Delay = TimeSpan.FromMilliseconds(40) };
    private static readonly QuicTransportOptions Plain = new() { Punch = false };
    private static readonly UdpAddress Elsewhere = UdpAddress.FromBytes([198, 18, 1, 77], 0, 41_000);
    private static readonly byte[] Ping = [1];

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void A_client_that_moved_is_followed_even_without_an_id_to_spare(bool spareIds)
    {
        Scene scene = Scene.Connected(1, Link, Plain);
        if (!spareIds)
            Assert.Equal(7, scene.HostConnection.TakeFreeIds());
        scene.RebindClient(Link);
        scene.ClientApplication.Start(scene.Connection, 1, 200_000);
        scene.Check(scene.Network.RunUntil(() => scene.ClientApplication.IsDone, TimeSpan.FromSeconds(10)), "not followed");
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void An_address_that_never_answers_makes_nobody_spin(bool spareIds)
    {
        Scene scene = Scene.Connected(2, Link, Plain);
        if (!spareIds)
            scene.HostConnection.TakeFreeIds();
        scene.Say(fromClient: true, Ping, Elsewhere);
        scene.Network.SetBoth(Scene.ClientRelay, Scene.HostRelay, new LinkProfile { IsCut = true });
        int steps = 0;
        for (int i = 0; i < 3000; i++)
        {
            scene.HostConnection.TrySendDatagram(new byte[100]);
            scene.Network.RunUntil(() => steps++ < 0, TimeSpan.FromMilliseconds(1));
            scene.Network.RunFor(TimeSpan.FromMilliseconds(1));
        }
        Assert.InRange(steps, 6000, 6500); // two looks in each turn, and one for each thing that happens
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void The_server_returns_to_the_last_validated_path_when_the_new_one_does_not_validate(bool spareIds)
    {
        Scene scene = Scene.Connected(3, Link, Plain);
        if (!spareIds)
            scene.HostConnection.TakeFreeIds();
        NetworkPath first = scene.HostConnection.CurrentPath;
        scene.Say(fromClient: true, Ping, Elsewhere);
        // The client itself says nothing, not even that it is still there: only the failed validation can bring the server back.
        scene.Network.DropFilter = (from, _) => from == scene.Client;
        scene.Check(scene.Network.RunUntil(() => scene.HostConnection.CurrentPath != first, TimeSpan.FromSeconds(1)), "the copy is not followed");
        // RFC 9000 section 8.2.4: three probe timeouts of a path of which nothing is known, 333 ms + 4 * 166 ms + 25 ms each.
        for (int i = 0; i < 3_100 && scene.HostConnection.CurrentPath != first; i++)
        {
            scene.HostConnection.TrySendDatagram(new byte[100]);
            scene.Network.RunFor(TimeSpan.FromMilliseconds(1));
        }
        Assert.Same(first, scene.HostConnection.CurrentPath);
        scene.Network.DropFilter = null;
        scene.ClientApplication.Start(scene.Connection, 1, 100_000);
        scene.Check(scene.Network.RunUntil(() => scene.ClientApplication.IsDone, TimeSpan.FromSeconds(20)), "the connection does not recover");
    }

    [Fact]
    public void Who_carries_packets_to_and_fro_gets_no_more_probes_than_a_round_has()
    {
        Scene scene = Scene.Connected(6, Link, Plain);
        NetworkPath before = scene.HostConnection.CurrentPath;
        Instant? opened = null;
        for (int i = 0; i < 20; i++)
        {
            scene.Say(fromClient: true, Ping, Elsewhere);
            scene.Check(scene.Network.RunUntil(() => scene.HostConnection.CurrentPath != before, TimeSpan.FromSeconds(1)), "not followed");
            PathState path = scene.HostConnection.Paths().Current;
            opened ??= path.OpenedAt;
            Assert.Equal(opened, path.OpenedAt);
            scene.Say(fromClient: true, Ping, Scene.ClientRelay);
            scene.Check(scene.Network.RunUntil(() => scene.HostConnection.CurrentPath == before, TimeSpan.FromSeconds(1)), "not back");
        }
    }

    [Fact]
    public void A_stream_of_packets_does_not_use_the_probes_up()
    {
        Scene scene = Scene.Connected(5, Link, Plain);
        scene.ClientApplication.Start(scene.Connection, 1, 2_000_000);
        scene.Network.RunFor(TimeSpan.FromMilliseconds(500));
        NetworkPath before = scene.HostConnection.CurrentPath;
        // What the host says to the new address is lost at first: the client goes on with what its window holds.
        scene.Network.DropFilter = (from, _) => from == scene.Host && scene.HostConnection.CurrentPath != before;
        scene.RebindClient(Link);
        scene.Check(scene.Network.RunUntil(() => scene.HostConnection.CurrentPath != before, TimeSpan.FromSeconds(1)), "not followed");
        scene.Network.RunFor(TimeSpan.FromMilliseconds(100));
        PathState path = scene.HostConnection.Paths().Current;
        Assert.NotSame(before, path.Network);
        Assert.True(path.Schedule.HasProbesLeft, "all probes of some seconds have gone within a tenth of one");
        scene.Network.DropFilter = null;
        scene.Check(scene.Network.RunUntil(() => scene.ClientApplication.IsDone, TimeSpan.FromSeconds(20)), "the transfer does not end");
    }

    [Fact]
    public void The_client_at_its_old_address_brings_the_server_back_at_once()
    {
        Scene scene = Scene.Connected(4, Link, Plain);
        NetworkPath first = scene.HostConnection.CurrentPath;
        scene.Say(fromClient: true, Ping, Elsewhere);
        scene.Check(scene.Network.RunUntil(() => scene.HostConnection.CurrentPath != first, TimeSpan.FromSeconds(1)), "the copy is not followed");
        scene.ClientApplication.Start(scene.Connection, 1, 200_000);
        scene.Check(scene.Network.RunUntil(() => scene.HostConnection.CurrentPath == first, TimeSpan.FromMilliseconds(200)), "not back");
        scene.Check(scene.Network.RunUntil(() => scene.ClientApplication.IsDone, TimeSpan.FromSeconds(5)), "the transfer does not end");
    }
}
