using Punchline.Testing;
using Xunit;

namespace Punchline.Quic.Tests.Simulation;

/// <summary>The plain course of a connection, in virtual time.</summary>
public sealed class BasicTests
{
    private static readonly TimeSpan Long = TimeSpan.FromSeconds(120);

    [Fact]
    public void A_handshake_completes_in_one_round_trip_and_a_half()
    {
        var scene = new Scene(1, new LinkProfile { Delay = TimeSpan.FromMilliseconds(50) });
        Instant start = scene.Network.Now;
        scene.Connect();
        scene.Check(scene.Network.RunUntil(() => scene.HostApplication.IsEstablished, Long), "the handshake does not complete");
        scene.Check(scene.Network.Now - start == TimeSpan.FromMilliseconds(150), $"it took {scene.Network.Now - start}");
        Assert.Equal(SimulatedIdentities.IdOf("client"), scene.HostConnection.PeerId.ToArray());
        Assert.Equal(SimulatedIdentities.IdOf("host"), scene.Connection.PeerId.ToArray());
    }

    [Theory]
    [InlineData(1, 100)]
    [InlineData(1, 5_000_000)]
    [InlineData(20, 100_000)]
    public void Streams_arrive_whole(int streams, long bytes)
    {
        var scene = new Scene(2, new LinkProfile());
        scene.Connect();
        scene.Check(scene.Network.RunUntil(() => scene.ClientApplication.IsEstablished, Long), "no handshake");
        scene.ClientApplication.Start(scene.Connection, streams, bytes);
        scene.Check(scene.Network.RunUntil(() => scene.ClientApplication.IsDone, Long), "the transfer does not end");
        Assert.Equal(0ul, scene.Connection.Statistics.PacketsLost);
    }

    [Fact]
    public void Closing_is_heard_with_code_and_reason_and_frees_everything()
    {
        var admission = new AcceptAll(SimulatedIdentities.IdOf("client"));
        var scene = new Scene(3, new LinkProfile(), admission: admission);
        scene.Connect();
        scene.Check(scene.Network.RunUntil(() => scene.HostApplication.IsEstablished, Long), "no handshake");
        scene.Connection.Close(scene.Network.Now, 77, "enough");
        scene.Check(scene.Network.RunUntil(() => scene.HostApplication.ClosedBy is not null, Long), "the close is not heard");
        QuicError error = scene.HostApplication.ClosedBy!;
        Assert.True(error is { IsApplication: true, IsRemote: true, Code: 77, Reason: "enough" }, error.ToString());
        scene.Network.RunFor(TimeSpan.FromSeconds(30));
        Assert.Empty(scene.Client.Connections);
        Assert.Empty(scene.Host.Connections);
        Assert.Equal(0, scene.Client.Endpoint.ActiveConnectionIds);
        Assert.Equal(0, scene.Host.Endpoint.ActiveConnectionIds);
        Assert.Equal(0, admission.Live);
    }

    [Fact]
    public void A_direct_path_takes_over_from_the_relay_without_loss()
    {
        var scene = new Scene(4, new LinkProfile { Delay = TimeSpan.FromMilliseconds(40) });
        scene.Connect();
        scene.Check(scene.Network.RunUntil(() => scene.HostApplication.IsEstablished, Long), "no handshake");
        scene.ClientApplication.Start(scene.Connection, 2, 20_000_000);
        scene.Network.RunFor(TimeSpan.FromSeconds(1));
        scene.OfferDirect(new LinkProfile { Delay = TimeSpan.FromMilliseconds(2.5) });
        scene.Check(scene.Network.RunUntil(() => scene.Connection.CurrentPath.Kind == PathKind.Direct, TimeSpan.FromSeconds(1)), "no direct path");
        scene.Check(scene.Network.RunUntil(() => scene.HostConnection.CurrentPath.Kind == PathKind.Direct, TimeSpan.FromSeconds(1)), "the host does not follow");
        scene.Check(scene.Network.RunUntil(() => scene.ClientApplication.IsDone || Lost(scene) > 0, Long), "the transfer does not end");
        scene.Check(Lost(scene) == 0, "the move looked like loss");
    }

    private static ulong Lost(Scene scene) => scene.Connection.Statistics.PacketsLost + scene.HostConnection.Statistics.PacketsLost;

    [Fact]
    public void A_peer_that_vanishes_is_noticed_and_then_given_up()
    {
        var scene = new Scene(5, new LinkProfile());
        scene.Connect();
        scene.Check(scene.Network.RunUntil(() => scene.HostApplication.IsEstablished, Long), "no handshake");
        scene.Host.IsDead = true;
        Instant dead = scene.Network.Now;
        scene.Check(scene.Network.RunUntil(() => scene.ClientApplication.Events.Exists(e => e.Kind == QuicEventKind.PeerUnreachable), Long), "not noticed");
        Assert.InRange((scene.Network.Now - dead).TotalSeconds, 5, 8);
        scene.Check(scene.Network.RunUntil(() => scene.ClientApplication.ClosedBy is not null, Long), "not given up");
        Assert.InRange((scene.Network.Now - dead).TotalSeconds, 55, 70);
    }

    [Fact]
    public void An_idle_connection_stays()
    {
        var scene = new Scene(6, new LinkProfile());
        scene.Connect();
        scene.Check(scene.Network.RunUntil(() => scene.HostApplication.IsEstablished, Long), "no handshake");
        scene.Network.RunFor(TimeSpan.FromMinutes(10));
        scene.Check(scene.Connection.IsOpen && scene.HostConnection.IsOpen, "closed");
        Assert.InRange(scene.Network.Sent, 200, 600);
    }
}
