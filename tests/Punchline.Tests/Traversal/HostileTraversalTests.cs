using Punchline.Protocol;
using Punchline.Quic;
using Punchline.Testing;
using Punchline.Traversal;
using Xunit;

namespace Punchline.Tests.Traversal;

/// <summary>What a hostile peer can have us send, and where, with the messages of docs/wire/tunnel.md.</summary>
public sealed class HostileTraversalTests
{
    private static readonly NatBehavior Strict = new() { Filtering = NatDependence.AddressAndPort, Ports = NatPorts.Random };

    [Fact]
    public void However_often_a_friend_asks_the_host_sprays_once_in_35_seconds_and_only_at_the_attested_address()
    {
        var place = new MeetingPlace(Strict, Strict);
        place.Host.Join();
        const int Seconds = 300;
        ulong attempt = 0;
        for (int i = 0; i < Seconds * 5; i++)
        {
            place.Host.Traversal.OnTraverse(new Traverse(++attempt, TraversalMethod.ClientOpens));
            place.RunFor(TimeSpan.FromMilliseconds(100));
            place.Host.Traversal.OnGo(new TraverseGo(attempt, [40_000]));
            // Now and then it lets one run.
            place.RunFor(i % 50 == 0 ? TimeSpan.FromSeconds(10) : TimeSpan.FromMilliseconds(100));
        }
        TimeSpan whole = place.Now - Instant.Zero - TimeSpan.FromMinutes(1);
        Assert.All(place.Host.Probes, probe => Assert.True(probe.To.SameHost(place.Client.Nat.Outside)));
        Assert.All(place.Host.Probes, probe => Assert.True(probe.To.Port >= 1024));
        int most = (int)((whole / TraversalLimits.SprayPause) + 1) * TraversalLimits.SprayedPorts;
        Assert.InRange(place.Host.Probes.Count, 1, most);
        Assert.True(place.Host.Sockets.Count(socket => !socket.Disposed) <= TraversalLimits.OpenedSockets);
    }

    [Fact]
    public void Many_friends_at_once_get_one_spray_of_the_process()
    {
        var gate = new SprayGate(isAllowed: true);
        MeetingPlace[] places = [.. Enumerable.Range(1, 20).Select(i => new MeetingPlace(Strict, Strict, (ulong)i, hostGate: gate))];
        foreach (MeetingPlace place in places)
        {
            place.Host.Join();
            place.Host.Traversal.OnTraverse(new Traverse(1, TraversalMethod.HostOpens));
            place.RunFor(TimeSpan.FromMilliseconds(200));
            place.Host.Traversal.OnGo(new TraverseGo(1, [40_000]));
        }
        foreach (MeetingPlace place in places)
            place.RunFor(TimeSpan.FromSeconds(10));
        Assert.Single(places, place => place.Host.Probes.Count > 0);
        Assert.Equal(2 * TraversalLimits.OpenedSockets, places.Sum(place => place.Host.Probes.Count));
    }

    [Theory]
    [InlineData("0.0.0.0")]
    [InlineData("127.0.0.1")]
    [InlineData("10.1.2.3")]
    [InlineData("192.168.1.1")]
    [InlineData("169.254.1.1")]
    [InlineData("224.0.0.1")]
    [InlineData("255.255.255.255")]
    [InlineData("198.51.100.2")] // The host's own NAT.
    [InlineData("::1")]
    [InlineData("fe80::1")]
    [InlineData("fd00::1")]
    [InlineData("ff02::1")]
    public void Nothing_is_sent_to_an_address_where_no_NAT_of_the_peer_can_be(string attested)
    {
        var place = new MeetingPlace(Strict, Strict);
        place.Host.Join();
        place.Host.Traversal.SetPeerAddress(new UdpAddress(System.Net.IPAddress.Parse(attested), 40_000));
        Ask(place, [40_000]);
        Assert.Empty(place.Host.Probes);
        Assert.Empty(place.Host.Sockets);
        Assert.Equal(TraverseAnswer.Later, Assert.IsType<TraverseReady>(Assert.Single(place.Client.Heard)).Answer);
    }

    [Fact]
    public void Without_the_word_of_a_server_nothing_is_sent()
    {
        var place = new MeetingPlace(Strict, Strict);
        place.Host.Join();
        place.Host.Traversal.SetPeerAddress(default);
        Ask(place, [40_000]);
        Assert.Empty(place.Host.Probes);
    }

    [Fact]
    public void Low_ports_are_left_out_and_others_tried()
    {
        var place = new MeetingPlace(Strict, Strict);
        place.Host.Join();
        Ask(place, [22, 53, 1_023, 40_000, 0]);
        Assert.NotEmpty(place.Host.Probes);
        Assert.All(place.Host.Probes, probe => Assert.Equal(40_000, probe.To.Port));
    }

    [Theory]
    [InlineData(0)]
    [InlineData(4)]
    [InlineData(255)]
    public void A_method_that_is_none_is_refused(byte method)
    {
        var place = new MeetingPlace(Strict, Strict);
        place.Host.Join();
        place.Host.Traversal.OnTraverse(new Traverse(1, (TraversalMethod)method));
        place.RunFor(TimeSpan.FromSeconds(1));
        Assert.Equal(TraverseAnswer.Never, Assert.IsType<TraverseReady>(Assert.Single(place.Client.Heard)).Answer);
        Assert.Empty(place.Host.Sockets);
    }

    [Fact]
    public void Messages_out_of_turn_change_nothing()
    {
        var place = new MeetingPlace(Strict, Strict);
        place.Host.Join();
        place.Host.Traversal.OnGo(new TraverseGo(1, [40_000]));
        place.Host.Traversal.OnReady(new TraverseReady(1, TraverseAnswer.Ready, [40_000]));
        place.Client.Traversal.OnTraverse(new Traverse(9, TraversalMethod.ClientOpens));
        place.Client.Traversal.OnReady(new TraverseReady(9, TraverseAnswer.Ready, [40_000]));
        place.Client.Traversal.OnGo(new TraverseGo(9, [40_000]));
        place.RunFor(TimeSpan.FromSeconds(1));
        // An old number, and a start before this side is ready.
        place.Host.Traversal.OnTraverse(new Traverse(5, TraversalMethod.Exchange));
        place.Host.Traversal.OnGo(new TraverseGo(5, [40_000]));
        place.Host.Traversal.OnTraverse(new Traverse(5, TraversalMethod.Exchange));
        place.Host.Traversal.OnGo(new TraverseGo(4, [40_000]));
        place.RunFor(TimeSpan.FromSeconds(10));
        Assert.Empty(place.Host.Probes);
        Assert.Empty(place.Client.Probes);
        Assert.All(place.Host.Sockets, socket => Assert.True(socket.Disposed));
    }

    private static void Ask(MeetingPlace place, ushort[] ports)
    {
        place.Host.Traversal.OnTraverse(new Traverse(1, TraversalMethod.Exchange));
        place.RunFor(TimeSpan.FromMilliseconds(200));
        place.Host.Traversal.OnGo(new TraverseGo(1, ports));
        place.RunFor(TimeSpan.FromSeconds(10));
    }
}
