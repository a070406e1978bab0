using Punchline.Quic.Paths;
using Punchline.Testing;
using Xunit;

namespace Punchline.Quic.Tests.Simulation;

/// <summary>Connections that rest behind NATs which forget, and paths that will be gone.</summary>
public sealed class QuietTests
{
    private static readonly LinkProfile Relay = new() { Delay = TimeSpan.FromMilliseconds(40) };
    private static readonly LinkProfile Direct = new() { Delay = TimeSpan.FromMilliseconds(15) };
    private static readonly TimeSpan Rest = TimeSpan.FromHours(1);

    /// <summary>The keep-alive of a side is three quarters of what its NAT was seen to bear, and the smaller one counts.</summary>
    [Theory]
    [InlineData(30, 30, 21)]
    [InlineData(30, 300, 21)]
    [InlineData(60, 120, 41)]
    [InlineData(120, 120, 82)]
    [InlineData(300, 300, 213)]
    public void A_connection_that_rests_keeps_its_mappings_with_no_more_than_it_takes(int clientLife, int hostLife, int quiet)
    {
        Scene scene = OnDirectPath(1);
        var left = new Dictionary<UdpAddress, Instant> { [Scene.ClientDirect] = scene.Network.Now, [Scene.HostDirect] = scene.Network.Now };
        var lives = new Dictionary<UdpAddress, TimeSpan> { [Scene.ClientDirect] = TimeSpan.FromSeconds(clientLife), [Scene.HostDirect] = TimeSpan.FromSeconds(hostLife) };
        int datagrams = 0;
        int stopped = 0;
        scene.Network.OnTheWay = (from, to, _) =>
        {
            if (!left.ContainsKey(from))
                return false;
            left[from] = scene.Network.Now;
            datagrams++;
            bool isOpen = scene.Network.Now - left[to] < lives[to];
            stopped += isOpen ? 0 : 1;
            return !isOpen;
        };
        scene.Connection.AgreeOnSilence(scene.Network.Now, TimeSpan.FromSeconds(quiet), isBusy: false);
        scene.HostConnection.AgreeOnSilence(scene.Network.Now, TimeSpan.FromSeconds(quiet), isBusy: false);

        scene.Network.RunFor(Rest);

        scene.Check(scene.IsDirect, "the path was lost");
        Assert.Equal(0, stopped);
        Assert.DoesNotContain(scene.ClientApplication.Events.Concat(scene.HostApplication.Events), static e => e.Kind == QuicEventKind.PeerUnreachable);
        // A request and its answer, from one side or sometimes both; and the search for a larger MTU, every ten minutes.
        int most = (int)(2 * 1.5 * Rest.TotalSeconds / quiet) + 60;
        Assert.InRange(datagrams, Rest.TotalSeconds / quiet, most);

        // Data passes at once, without a new punch.
        Instant begun = scene.Network.Now;
        scene.Connection.AgreeOnSilence(scene.Network.Now, TimeSpan.FromSeconds(quiet), isBusy: true);
        scene.ClientApplication.Start(scene.Connection, 1, 1_000);
        scene.Check(scene.Network.RunUntil(() => scene.ClientApplication.IsDone, TimeSpan.FromSeconds(1)), "no data");
        Assert.InRange(scene.Network.Now - begun, TimeSpan.Zero, TimeSpan.FromMilliseconds(200));
    }

    [Fact]
    public void A_peer_that_dies_in_silence_is_missed_with_the_next_keep_alive()
    {
        Scene scene = OnDirectPath(2);
        var quiet = TimeSpan.FromSeconds(80);
        scene.Connection.AgreeOnSilence(scene.Network.Now, quiet, isBusy: false);
        scene.HostConnection.AgreeOnSilence(scene.Network.Now, quiet, isBusy: false);
        scene.Network.RunFor(TimeSpan.FromMinutes(10));
        Instant died = scene.Network.Now;
        scene.Network.DropFilter = (_, _) => true;
        scene.Check(scene.Network.RunUntil(() => scene.ClientApplication.Events.Exists(static e => e.Kind == QuicEventKind.PeerUnreachable), TimeSpan.FromMinutes(5)), "not missed");
        Assert.InRange(scene.Network.Now - died, TimeSpan.FromSeconds(6.5), quiet + TimeSpan.FromSeconds(7));
        scene.Check(scene.Network.RunUntil(() => !scene.Connection.IsOpen, TimeSpan.FromMinutes(5)), "it lives for ever");
        Assert.InRange(scene.Network.Now - died, TimeSpan.FromSeconds(60), quiet + TimeSpan.FromSeconds(61));
    }

    [Fact]
    public void Data_leaves_a_path_that_will_be_gone_as_soon_as_another_stands()
    {
        Scene scene = OnDirectPath(3);
        NetworkPath old = scene.Connection.CurrentPath;
        scene.Connection.LeavePath(scene.Network.Now, old);
        scene.Network.RunFor(TimeSpan.FromSeconds(5));
        Assert.Same(old, scene.Connection.CurrentPath); // The relay is no reason to leave it.

        OfferSecond(scene);
        scene.Check(scene.Network.RunUntil(() => scene.Connection.CurrentPath.RemoteAddress == SecondHost, TimeSpan.FromSeconds(5)), "it stays");
        scene.Check(scene.Network.RunUntil(() => scene.HostConnection.CurrentPath.Kind == PathKind.Direct, TimeSpan.FromSeconds(1)), "the host does not follow");
    }

    [Fact]
    public void A_client_leaves_an_address_that_the_host_has_withdrawn_for_another_one()
    {
        Scene scene = OnDirectPath(4);
        OfferSecond(scene);
        scene.Network.RunFor(TimeSpan.FromSeconds(5));
        Assert.Equal(Scene.HostDirect, scene.Connection.CurrentPath.RemoteAddress);
        scene.HostConnection.RemoveLocalCandidate(Scene.HostDirect);
        scene.Check(scene.Network.RunUntil(() => scene.Connection.CurrentPath.RemoteAddress == SecondHost, TimeSpan.FromSeconds(5)), "it stays");
        Assert.True(scene.IsDirect);
    }

    [Theory]
    [InlineData(0, 15)]
    [InlineData(80, 80)]
    public void The_second_best_direct_path_is_kept_open_with_small_probes(int quiet, int distance)
    {
        Scene scene = OnDirectPath(5);
        OfferSecond(scene);
        scene.Network.RunFor(TimeSpan.FromSeconds(10));
        scene.Connection.AgreeOnSilence(scene.Network.Now, TimeSpan.FromSeconds(quiet), isBusy: true);
        scene.HostConnection.AgreeOnSilence(scene.Network.Now, TimeSpan.FromSeconds(quiet), isBusy: true);
        scene.Network.RunFor(TimeSpan.FromSeconds(100));
        int probes = 0;
        int largest = 0;
        scene.Network.OnTheWay = (from, to, datagram) =>
        {
            if (to == SecondHost || from == SecondHost)
                (probes, largest) = (probes + 1, Math.Max(largest, datagram.Length));
            return false;
        };
        scene.Network.RunFor(TimeSpan.FromMinutes(20));
        Assert.InRange(probes, 2 * (1200 / distance) - 4, 2 * (1200 / distance) + 4); // and their answers
        Assert.InRange(largest, 1, 100);
        Assert.Equal(Scene.HostDirect, scene.Connection.CurrentPath.RemoteAddress);
    }

    [Fact]
    public void A_second_path_that_answers_no_more_is_not_chosen_when_the_first_one_dies()
    {
        Scene scene = OnDirectPath(6);
        OfferSecond(scene);
        scene.Network.RunFor(TimeSpan.FromSeconds(10));
        scene.Network.SetBoth(Scene.ClientDirect, SecondHost, new LinkProfile { IsCut = true });
        scene.Network.RunFor(TimeSpan.FromSeconds(60));
        scene.Network.SetBoth(Scene.ClientDirect, Scene.HostDirect, new LinkProfile { IsCut = true });
        scene.ClientApplication.Start(scene.Connection, 1, 1_000);
        scene.Check(scene.Network.RunUntil(() => scene.Connection.CurrentPath.RemoteAddress != Scene.HostDirect, TimeSpan.FromSeconds(10)), "it stays");
        Assert.Equal(PathKind.Relay, scene.Connection.CurrentPath.Kind);
    }

    private static readonly UdpAddress SecondHost = UdpAddress.FromBytes([198, 18, 2, 3], 0, 50_003);

    private static void OfferSecond(Scene scene)
    {
        scene.Network.SetBoth(Scene.ClientDirect, SecondHost, Direct);
        scene.Host.AddAddress(SecondHost);
        scene.HostConnection.AddLocalCandidate(new Candidate(SecondHost, CandidateKind.ServerReflexive));
    }

    private static Scene OnDirectPath(ulong seed)
    {
        Scene scene = Scene.Connected(seed, Relay);
        scene.OfferDirect(Direct);
        scene.Check(scene.Network.RunUntil(() => scene.IsDirect, TimeSpan.FromSeconds(10)), "no direct path");
        scene.Network.RunFor(TimeSpan.FromSeconds(10));
        return scene;
    }
}
