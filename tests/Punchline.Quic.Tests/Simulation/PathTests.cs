using Punchline.Testing;
using Xunit;

namespace Punchline.Quic.Tests.Simulation;

/// <summary>Paths that come, die, move and never come (docs/wire/punch.md).</summary>
public sealed class PathTests
{
    private static readonly TimeSpan Long = TimeSpan.FromSeconds(120);
    private static readonly LinkProfile Relay = new() { Delay = TimeSpan.FromMilliseconds(40) };
    private static readonly LinkProfile Direct = new() { Delay = TimeSpan.FromMilliseconds(5), Rate = 4_000_000 };
    private static readonly LinkProfile Dead = new() { IsCut = true };

    [Fact]
    public void A_punch_that_fails_is_reported_after_ten_seconds_and_tried_again()
    {
        Scene scene = Connected(1);
        Instant start = scene.Network.Now;
        scene.OfferDirect(Dead);
        scene.Check(scene.Network.RunUntil(() => Has(scene, QuicEventKind.PunchingFailed), Long), "not reported");
        Assert.InRange((scene.Network.Now - start).TotalSeconds, 9, 11);
        scene.Network.SetBoth(Scene.ClientDirect, Scene.HostDirect, Direct);
        scene.Check(scene.Network.RunUntil(() => IsDirect(scene), TimeSpan.FromSeconds(40)), "not tried again");
    }

    [Fact]
    public void Probes_to_an_address_that_never_answers_are_few_and_small()
    {
        Scene scene = Connected(2);
        int probes = 0;
        int largest = 0;
        scene.OfferDirect(Dead);
        scene.Network.Watch = (target, length) =>
        {
            if (target == Scene.HostDirect)
                (probes, largest) = (probes + 1, Math.Max(largest, length));
        };
        scene.Network.RunFor(TimeSpan.FromSeconds(4.9));
        Assert.InRange(probes, 5, 9);
        Assert.True(largest <= 100, $"an opening probe of {largest} bytes");
    }

    /// <summary>
    /// The host's NAT gives it another port for each peer: the client first hears of its address by a probe from there. And what
    /// the host sends after it found that the path works is lost for a while: it must not believe that the client knows it, too.
    /// </summary>
    [Theory]
    [InlineData(0)]
    [InlineData(12)]
    public void A_host_at_an_address_that_it_does_not_know_itself_is_reached(int secondsLost)
    {
        Scene scene = Connected(7);
        scene.Network.SetBoth(Scene.ClientDirect, Scene.HostDirect, Direct);
        scene.Client.AddAddress(Scene.ClientDirect);
        scene.Host.AddAddress(Scene.HostDirect);
        scene.Network.DropFilter = (from, _) =>
            secondsLost > 0 && from == scene.Host && scene.HostApplication.Events.Exists(e => e.Kind == QuicEventKind.PathValidated);
        scene.Connection.AddLocalCandidate(new Candidate(Scene.ClientDirect, CandidateKind.Host));
        if (secondsLost > 0)
        {
            scene.Network.RunFor(TimeSpan.FromSeconds(secondsLost));
            Assert.False(IsDirect(scene));
            scene.Network.DropFilter = null;
        }
        scene.Check(scene.Network.RunUntil(() => IsDirect(scene), TimeSpan.FromSeconds(secondsLost == 0 ? 1 : 40)), "not direct");
    }

    [Fact]
    public void A_dead_direct_path_gives_way_to_the_relay_and_comes_back()
    {
        Scene scene = Connected(3);
        scene.OfferDirect(Direct);
        scene.Check(scene.Network.RunUntil(() => IsDirect(scene), Long), "no direct path");
        scene.ClientApplication.Start(scene.Connection, 1, 40_000_000);
        scene.Network.RunFor(TimeSpan.FromMilliseconds(300));
        scene.Network.SetBoth(Scene.ClientDirect, Scene.HostDirect, Dead);
        Instant dead = scene.Network.Now;
        scene.Check(scene.Network.RunUntil(() => scene.Connection.CurrentPath.Kind == PathKind.Relay, Long), "the client stays");
        Assert.True(scene.Network.Now - dead < TimeSpan.FromSeconds(1), $"it took {scene.Network.Now - dead}");
        scene.Network.SetBoth(Scene.ClientDirect, Scene.HostDirect, Direct);
        scene.Check(scene.Network.RunUntil(() => IsDirect(scene), TimeSpan.FromSeconds(40)), "it does not come back");
        scene.Check(scene.Network.RunUntil(() => scene.ClientApplication.IsDone, Long), "the transfer does not end");
    }

    [Fact]
    public void A_rebinding_of_the_clients_nat_is_followed()
    {
        Scene scene = Connected(4);
        scene.ClientApplication.Start(scene.Connection, 1, 5_000_000);
        scene.Network.RunFor(TimeSpan.FromMilliseconds(500));
        scene.RebindClient(Relay);
        scene.Check(scene.Network.RunUntil(() => scene.ClientApplication.IsDone, Long), "the transfer does not end");
        Assert.Contains(scene.HostApplication.Events, e => e.Kind == QuicEventKind.PathChanged);
    }

    [Fact]
    public void Without_leave_no_application_data_takes_the_relay()
    {
        var scene = new Scene(5, Relay);
        scene.Client.RelaysCarryData = scene.Host.RelaysCarryData = false;
        scene.Connect();
        scene.Check(scene.Network.RunUntil(() => scene.HostApplication.IsEstablished && scene.ClientApplication.IsEstablished, Long), "no handshake");
        scene.ClientApplication.Start(scene.Connection, 2, 100_000); // the first stream is the control stream
        scene.Network.RunFor(TimeSpan.FromSeconds(5));
        Assert.Equal(100_000, scene.HostApplication.BytesReceived);
        scene.OfferDirect(Direct);
        scene.Check(scene.Network.RunUntil(() => scene.ClientApplication.IsDone, Long), "the transfer does not end");
        Assert.Equal(200_000, scene.HostApplication.BytesReceived);
    }

    [Fact]
    public void A_peer_is_told_under_which_address_it_is_seen()
    {
        Scene scene = Connected(6);
        scene.OfferDirect(Direct);
        scene.Check(scene.Network.RunUntil(() => Has(scene, QuicEventKind.ObservedAddress), Long), "not told");
        QuicEvent observed = scene.ClientApplication.Events.Find(e => e.Kind == QuicEventKind.ObservedAddress);
        Assert.Equal(Scene.ClientDirect, observed.Candidate.Address);
    }

    private static Scene Connected(ulong seed)
    {
        var scene = new Scene(seed, Relay);
        scene.Connect();
        scene.Check(scene.Network.RunUntil(() => scene.HostApplication.IsEstablished && scene.ClientApplication.IsEstablished, Long), "no handshake");
        return scene;
    }

    private static bool IsDirect(Scene scene) =>
        scene.Connection.CurrentPath.Kind == PathKind.Direct && scene.HostConnection.CurrentPath.Kind == PathKind.Direct;

    private static bool Has(Scene scene, QuicEventKind kind) => scene.ClientApplication.Events.Exists(e => e.Kind == kind);
}
