using Punchline.Endpoint;
using Punchline.Quic;
using Punchline.Udp;
using Xunit;

namespace Punchline.Tests.Endpoint;

/// <summary>Ways to a peer: when the loop makes one, where it begins, and when it is forgotten.</summary>
public sealed class EndpointPathTests
{
    [Fact]
    public void A_path_is_one_object_as_long_as_a_connection_uses_it()
    {
        var rig = new LoopRig();
        FakeCore core = rig.Incoming(1);
        NetworkPath first = rig.Core.Received[^1].Path;
        rig.Socket.Arrive("198.51.100.1:1000", "192.0.2.1:0", [0x40, 1]);
        rig.Loop.Turn();
        Assert.Same(first, rig.Core.Received[^1].Path);
        Assert.Equal(1, rig.Loop.Paths.Count);

        core.IsTerminated = true;
        rig.Socket.Arrive("198.51.100.1:1000", "192.0.2.1:0", [0x40, 1]);
        rig.Loop.Turn();
        Assert.Equal(0, rig.Loop.Paths.Count);
        Assert.Equal([core], rig.Core.RemovedConnections);
    }

    [Fact]
    public void Datagrams_of_strangers_leave_no_path_behind()
    {
        var rig = new LoopRig();
        for (int i = 1; i < 200; i++)
            rig.Socket.Arrive($"198.51.100.{i}:1000", "192.0.2.1:0", [0x40, 99]);
        for (int i = 0; i < 30; i++)
            rig.Loop.Turn();
        Assert.Equal(199, rig.Core.Received.Count);
        Assert.Equal(0, rig.Loop.Paths.Count);
    }

    [Fact]
    public void A_path_that_the_core_gave_up_is_forgotten()
    {
        var rig = new LoopRig();
        FakeCore core = rig.Incoming(1);
        NetworkPath path = rig.Core.Received[^1].Path;
        core.Known.Clear();
        core.Events.Enqueue(new QuicEvent { Kind = QuicEventKind.PathLost, Path = path });
        rig.Loop.MarkReady(core.Owner!);
        rig.Loop.Turn();
        Assert.Equal(0, rig.Loop.Paths.Count);
        Assert.Contains($"lost {path}", rig.Handlers[core].Calls);
    }

    [Fact]
    public void An_extra_socket_receives_and_probes_but_no_candidate_is_paired_with_it()
    {
        var rig = new LoopRig();
        FakeCore core = rig.Incoming(1);
        var extra = new FakeSocket("192.0.2.1", 5000);
        rig.Loop.AddSocket(extra, isExtra: true);
        core.Owner!.SendProbe(extra, FakeSocket.Address("198.51.100.9:40000"), timeToLive: 2);
        SentBatch sent = Assert.Single(extra.Sent);
        Assert.Equal(("198.51.100.9:40000", "192.0.2.1:5000", 2), (sent.Remote.ToString(), sent.Local.ToString(), sent.TimeToLive));
        // The probe's way is not kept, and the candidate's begin elsewhere.
        Assert.False(core.Owner.Uses(extra));
        core.Events.Enqueue(new QuicEvent { Kind = QuicEventKind.CandidateReceived, Candidate = new Candidate(FakeSocket.Address("198.51.100.9:40000"), CandidateKind.Host) });
        rig.Loop.MarkReady(core.Owner);
        rig.Loop.Turn();
        Assert.False(core.Owner.Uses(extra));

        extra.Arrive("198.51.100.9:40000", "192.0.2.1:5000", [0x40, 1]);
        rig.Loop.Turn();
        Assert.True(core.Owner.Uses(extra));
        rig.Loop.RemoveSocket(extra);
        Assert.False(core.Owner.Uses(extra));
        Assert.True(extra.Disposed);
        core.Owner.SendProbe(extra, FakeSocket.Address("198.51.100.9:40000"), timeToLive: 0);
        Assert.Single(extra.Sent);
    }

    [Fact]
    public void A_candidate_becomes_a_path_that_the_peers_datagram_then_meets()
    {
        var rig = new LoopRig();
        FakeCore core = rig.Incoming(1);
        core.Events.Enqueue(new QuicEvent
        {
            Kind = QuicEventKind.CandidateReceived,
            Candidate = new Candidate(FakeSocket.Address("198.51.100.50:7777"), CandidateKind.ServerReflexive),
        });
        rig.Loop.MarkReady(core.Owner!);
        rig.Loop.Turn();
        NetworkPath added = Assert.Single(core.Known, p => p.RemoteAddress.Port == 7777);
        Assert.Equal("192.0.2.1:4433", ((UdpPath)added).LocalAddress.ToString());
        Assert.Contains("candidate 198.51.100.50:7777", rig.Handlers[core].Calls);

        rig.Socket.Arrive("198.51.100.50:7777", "192.0.2.1:0", [0x40, 1]);
        rig.Loop.Turn();
        Assert.Same(added, rig.Core.Received[^1].Path);
    }

    [Fact]
    public void When_the_machine_has_another_address_the_ways_to_the_peer_begin_there()
    {
        var rig = new LoopRig();
        FakeCore core = rig.Incoming(1);
        NetworkPath first = Assert.Single(core.Known);
        foreach (string address in new[] { "198.51.100.50:7777", "198.51.100.51:8888" })
            core.Events.Enqueue(new QuicEvent { Kind = QuicEventKind.CandidateReceived, Candidate = new Candidate(FakeSocket.Address(address), CandidateKind.Host) });
        core.Events.Enqueue(new QuicEvent { Kind = QuicEventKind.CandidateGone, Candidate = new Candidate(FakeSocket.Address("198.51.100.51:8888"), CandidateKind.Host) });
        rig.Loop.MarkReady(core.Owner!);
        rig.Loop.Turn();

        // A second address: both ways are probed. Then the first one goes.
        rig.Routes.Source = "192.0.2.9:0";
        rig.Loop.Reroute(_ => true);
        Assert.Contains(core.Known, path => ((UdpPath)path).LocalAddress.ToString() == "192.0.2.9:4433" && path.RemoteAddress.Port == 7777);
        Assert.Empty(core.Removed);
        rig.Loop.Reroute(address => address.SameHost(FakeSocket.Address("192.0.2.9:0")));
        Assert.Contains(first, core.Removed);
        Assert.Equal("192.0.2.9:4433 to 198.51.100.50:7777", Assert.Single(core.Known).ToString());
        Assert.Equal(1, rig.Loop.Paths.Count);
    }

    [Fact]
    public void A_route_that_comes_after_its_address_is_noticed()
    {
        var rig = new LoopRig();
        FakeCore core = rig.Incoming(1);
        core.Events.Enqueue(new QuicEvent { Kind = QuicEventKind.CandidateReceived, Candidate = new Candidate(FakeSocket.Address("198.51.100.50:7777"), CandidateKind.Host) });
        rig.Loop.MarkReady(core.Owner!);
        rig.Loop.Turn();
        rig.Routes.Source = null;
        rig.Loop.Reroute(address => address.SameHost(FakeSocket.Address("192.0.2.9:0")));
        Assert.Empty(core.Known);
        rig.Routes.Source = "192.0.2.9:0";
        rig.Time += TimeSpan.FromMilliseconds(200);
        rig.Loop.Turn();
        Assert.Equal("192.0.2.9:4433 to 198.51.100.50:7777", Assert.Single(core.Known).ToString());
        // In the end it looks no more.
        Wait(seconds: 20);
        int lookups = rig.Routes.Lookups;
        Wait(seconds: 20);
        Assert.Equal(lookups, rig.Routes.Lookups);

        void Wait(int seconds)
        {
            for (int i = 0; i < seconds; i++)
            {
                rig.Time += TimeSpan.FromSeconds(1);
                rig.Loop.Turn();
            }
        }
    }

    [Fact]
    public void A_socket_that_leaves_takes_its_paths_along()
    {
        var rig = new LoopRig();
        FakeCore core = rig.Incoming(1);
        NetworkPath path = core.CurrentPath;
        core.Outgoing.Enqueue((path, [1], 1));
        rig.Socket.Next.Enqueue(UdpSendStatus.WouldBlock);
        rig.Loop.MarkReady(core.Owner!);
        rig.Loop.Turn();
        rig.Loop.RemoveSocket(rig.Socket);
        rig.Loop.Turn();
        Assert.Equal([path], core.Removed);
        Assert.Equal(0, rig.Loop.Paths.Count);
        Assert.True(rig.Socket.Disposed);
        Assert.DoesNotContain(rig.Socket, rig.Poller.Sockets);
        Assert.Empty(rig.Socket.Sent);
    }
}
