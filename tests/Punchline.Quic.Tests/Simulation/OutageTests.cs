using Punchline.Quic.Paths;
using Punchline.Testing;
using Xunit;

namespace Punchline.Quic.Tests.Simulation;

/// <summary>Paths that fall silent for a while, and what the connection does once they are back.</summary>
public sealed class OutageTests
{
    private static readonly LinkProfile Relay = new() { Delay = TimeSpan.FromMilliseconds(40) };
    private static readonly LinkProfile Direct = new() { Delay = TimeSpan.FromMilliseconds(3), Rate = 1_000_000 };
    private static readonly LinkProfile Dead = new() { IsCut = true };
    private static readonly TimeSpan Soon = TimeSpan.FromSeconds(10);

    [Theory]
    [InlineData(200)]
    [InlineData(500)]
    [InlineData(1000)]
    [InlineData(3000)]
    public void A_short_outage_of_the_direct_path_is_followed_by_a_return_to_it(int milliseconds)
    {
        Scene scene = OnDirectPath(1);
        scene.ClientApplication.Start(scene.Connection, 1, 20_000_000);
        scene.Network.RunFor(TimeSpan.FromMilliseconds(200));
        scene.Network.SetBoth(Scene.ClientDirect, Scene.HostDirect, Dead);
        scene.Network.RunFor(TimeSpan.FromMilliseconds(milliseconds));
        scene.Network.SetBoth(Scene.ClientDirect, Scene.HostDirect, Direct);
        scene.Check(scene.Network.RunUntil(() => scene.IsDirect, Soon), "it does not come back");
        long before = scene.ClientApplication.BytesReceived;
        scene.Network.RunFor(TimeSpan.FromSeconds(2));
        scene.Check(scene.IsDirect, "it does not stay");
        scene.Check(scene.ClientApplication.IsDone || scene.ClientApplication.BytesReceived - before > 500_000, "nothing flows");
    }

    [Fact]
    public void A_relay_that_was_silent_along_with_the_direct_path_is_still_fallen_back_to()
    {
        Scene scene = OnDirectPath(2);
        scene.ClientApplication.Start(scene.Connection, 1, 10_000_000);
        scene.Network.RunFor(TimeSpan.FromMilliseconds(30));
        scene.Network.SetBoth(Scene.ClientRelay, Scene.HostRelay, Dead);
        scene.Network.SetBoth(Scene.ClientDirect, Scene.HostDirect, Dead);
        scene.Network.RunFor(TimeSpan.FromSeconds(1.5));
        scene.Network.SetBoth(Scene.ClientDirect, Scene.HostDirect, Direct);
        scene.Check(scene.Network.RunUntil(() => scene.IsDirect, Soon), "the direct path is not found again while the relay is dead");
        scene.Network.SetBoth(Scene.ClientRelay, Scene.HostRelay, Relay);
        scene.Network.RunFor(TimeSpan.FromSeconds(8));
        scene.Network.SetBoth(Scene.ClientDirect, Scene.HostDirect, Dead);
        scene.Check(
            scene.Network.RunUntil(() => scene.Connection.CurrentPath.Kind == PathKind.Relay && scene.HostConnection.CurrentPath.Kind == PathKind.Relay, Soon),
            "the relay is not taken");
        scene.Network.RunFor(TimeSpan.FromSeconds(90));
        scene.Check(scene.Connection.IsOpen && scene.HostConnection.IsOpen, "the connection is lost although the relay works");
    }

    [Fact]
    public void A_download_leaves_a_dead_path_although_the_client_has_nothing_to_say()
    {
        Scene scene = OnDirectPath(3);
        // What the client sends arrives at once and takes six seconds to come back, in which it only acknowledges.
        scene.Network.SetLink(Scene.HostDirect, Scene.ClientDirect, Direct with { Rate = 50_000, Queue = 5_000 });
        scene.ClientApplication.Start(scene.Connection, 1, 300_000);
        scene.Network.RunFor(TimeSpan.FromSeconds(3));
        Assert.InRange(scene.ClientApplication.BytesReceived, 50_000, 250_000);
        scene.Network.SetBoth(Scene.ClientDirect, Scene.HostDirect, Dead);
        Instant cut = scene.Network.Now;
        scene.Check(scene.Network.RunUntil(() => scene.HostConnection.CurrentPath.Kind == PathKind.Relay, Soon), "it does not leave");
        Assert.InRange(scene.Network.Now - cut, TimeSpan.Zero, TimeSpan.FromSeconds(2));
    }

    [Fact]
    public void Who_goes_on_sending_leaves_a_dead_path_as_well()
    {
        // With 60 ms of round trip the probe timeout is longer than the 50 ms between two datagrams, each of which begins it anew.
        Scene scene = OnDirectPath(5, Direct with { Delay = TimeSpan.FromMilliseconds(30) });
        SendFor(scene, TimeSpan.FromSeconds(2));
        scene.Check(scene.IsDirect, "not direct");
        scene.Network.SetBoth(Scene.ClientDirect, Scene.HostDirect, Dead);
        SendFor(scene, TimeSpan.FromSeconds(1.5));
        scene.Check(scene.Connection.CurrentPath.Kind == PathKind.Relay && scene.HostConnection.CurrentPath.Kind == PathKind.Relay, "it does not leave");
    }

    [Fact]
    public void One_lost_packet_after_a_pause_is_no_reason_to_leave()
    {
        Scene scene = OnDirectPath(6);
        int moves = scene.ClientApplication.Events.Count(static e => e.Kind == QuicEventKind.PathChanged);
        for (int i = 0; i < 20; i++)
        {
            scene.Network.SetBoth(Scene.ClientDirect, Scene.HostDirect, Dead);
            Assert.True(scene.Connection.TrySendDatagram([1]));
            scene.Network.RunFor(TimeSpan.FromMilliseconds(1));
            scene.Network.SetBoth(Scene.ClientDirect, Scene.HostDirect, Direct);
            scene.Network.RunFor(TimeSpan.FromSeconds(3));
        }
        Assert.Equal(moves, scene.ClientApplication.Events.Count(static e => e.Kind == QuicEventKind.PathChanged));
    }

    [Fact]
    public void Where_the_relay_carries_no_data_a_path_that_died_often_is_tried_all_the_same()
    {
        Scene scene = Scene.Connected(7, Relay);
        SimulatedPath[] relays = [(SimulatedPath)scene.Connection.CurrentPath, (SimulatedPath)scene.HostConnection.CurrentPath];
        scene.OfferDirect(Direct);
        scene.Check(scene.Network.RunUntil(() => scene.IsDirect, Soon), "no direct path");
        foreach (SimulatedPath relay in relays)
            relay.RelayCarriesData = false;
        for (int i = 0; i < 8; i++)
        {
            scene.Network.SetBoth(Scene.ClientDirect, Scene.HostDirect, Dead);
            scene.ClientApplication.Start(scene.Connection, 1, 1_000);
            scene.Network.RunFor(TimeSpan.FromSeconds(6));
            scene.Network.SetBoth(Scene.ClientDirect, Scene.HostDirect, Direct);
            // By the next round of probing, which is a minute away at most.
            scene.Check(scene.Network.RunUntil(() => scene.IsDirect, TimeSpan.FromMinutes(1.1)), $"data waits after {i + 1} outages");
        }
    }

    [Fact]
    public void A_path_that_comes_and_goes_is_chosen_ever_more_rarely()
    {
        Scene scene = OnDirectPath(4);
        int chosen = scene.ClientApplication.Events.Count(IsChoiceOfDirect);
        var period = TimeSpan.FromSeconds(6);
        for (int i = 0; i < 100; i++)
        {
            scene.Network.SetBoth(Scene.ClientDirect, Scene.HostDirect, Dead);
            scene.ClientApplication.Start(scene.Connection, 1, 1_000);
            scene.Network.RunFor(period);
            scene.Network.SetBoth(Scene.ClientDirect, Scene.HostDirect, Direct);
            scene.Network.RunFor(period);
        }
        int flaps = scene.ClientApplication.Events.Count(IsChoiceOfDirect) - chosen;
        Assert.InRange(flaps, 1, 8);
        // Once it stays, it is found again within the longest pause.
        scene.Check(scene.Network.RunUntil(() => scene.IsDirect, PathTrust.LongestPause + TimeSpan.FromMinutes(1)), "it is given up for good");

        static bool IsChoiceOfDirect(QuicEvent e) => e.Kind == QuicEventKind.PathChanged && e.Path!.Kind == PathKind.Direct;
    }

    private static void SendFor(Scene scene, TimeSpan time)
    {
        for (Instant end = scene.Network.Now + time; scene.Network.Now < end; scene.Network.RunFor(TimeSpan.FromMilliseconds(50)))
            Assert.True(scene.Connection.TrySendDatagram([1]));
    }

    private static Scene OnDirectPath(ulong seed, LinkProfile? direct = null)
    {
        Scene scene = Scene.Connected(seed, Relay);
        scene.OfferDirect(direct ?? Direct);
        scene.Check(scene.Network.RunUntil(() => scene.IsDirect, Soon), "no direct path");
        scene.Network.RunFor(TimeSpan.FromSeconds(3));
        return scene;
    }
}
