using Punchline.Endpoint;
using Punchline.Protocol;
using Punchline.Quic;
using Punchline.Udp;
using Xunit;

namespace Punchline.Tests.Endpoint;

/// <summary>The loop's turn: what arrives, the owners of connections, and the end.</summary>
public sealed class EndpointLoopTests
{
    [Fact]
    public void A_coalesced_buffer_is_taken_apart_by_segment()
    {
        var rig = new LoopRig();
        rig.Socket.Arrive("198.51.100.1:1000", "192.0.2.1:0", [0x40, 9, 1, 0x40, 9, 2, 0x40, 9], segment: 3);
        rig.Loop.Turn();
        Assert.Equal([[0x40, 9, 1], [0x40, 9, 2], [0x40, 9]], rig.Core.Received.Select(r => r.Datagram));
        Assert.Single(rig.Core.Received.Select(r => r.Path).Distinct());
    }

    [Fact]
    public void An_empty_datagram_and_bytes_of_no_protocol_are_dropped()
    {
        var rig = new LoopRig();
        rig.Socket.Arrive("198.51.100.1:1000", "192.0.2.1:0", []);
        foreach (byte first in new byte[] { 0x04, 0x10, 0x1f, 0x30, 0x3f, 0x80, 0xbf })
            rig.Socket.Arrive("198.51.100.1:1000", "192.0.2.1:0", [first, 1, 2, 3, 4, 5, 6, 7, 8, 0x40]);
        rig.Loop.Turn();
        Assert.Empty(rig.Core.Received);
        Assert.Empty(rig.Socket.Sent);
    }

    [Fact]
    public void A_socket_is_left_after_its_share_and_taken_up_again_without_waiting()
    {
        var rig = new LoopRig();
        for (int i = 0; i < EndpointLimits.MaxReceiveBatches + 1; i++)
            rig.Socket.Arrive("198.51.100.1:1000", "192.0.2.1:0", [0x40, 99]);
        rig.Loop.Turn();
        Assert.Equal(EndpointLimits.MaxReceiveBatches, rig.Core.Received.Count);
        rig.Loop.Turn();
        Assert.Equal(TimeSpan.Zero, rig.Poller.Waits[^1]);
        Assert.Equal(EndpointLimits.MaxReceiveBatches + 1, rig.Core.Received.Count);
    }

    [Fact]
    public void Stateless_answers_leave_where_their_datagram_came_from()
    {
        var rig = new LoopRig();
        rig.Core.Stateless.Enqueue([1, 2, 3]);
        rig.Socket.Arrive("198.51.100.7:1000", "192.0.2.1:0", [0x40, 99]);
        rig.Loop.Turn();
        SentBatch sent = Assert.Single(rig.Socket.Sent);
        Assert.Equal("198.51.100.7:1000", sent.Remote.ToString());
        Assert.Equal("192.0.2.1:4433", sent.Local.ToString());
        Assert.Equal([1, 2, 3], sent.Bytes);
    }

    [Fact]
    public void Events_reach_the_owner_in_order()
    {
        var rig = new LoopRig();
        FakeCore core = rig.Incoming(1);
        core.Events.Enqueue(new QuicEvent { Kind = QuicEventKind.Established });
        core.Events.Enqueue(new QuicEvent { Kind = QuicEventKind.StreamOpened, Stream = new StreamId(0) });
        core.Events.Enqueue(new QuicEvent { Kind = QuicEventKind.StreamReadable, Stream = new StreamId(0), Code = 7 });
        core.Events.Enqueue(new QuicEvent { Kind = QuicEventKind.Closed, Error = QuicError.Application(3, "bye") });
        rig.Loop.MarkReady(core.Owner!);
        rig.Loop.Turn();
        Assert.Equal(["established", "opened 0", "readable 0 7", "closed 3 bye"], rig.Handlers[core].Calls);
    }

    [Fact]
    public void An_owner_that_throws_loses_its_connection_and_hears_only_of_the_end()
    {
        var rig = new LoopRig();
        FakeCore core = rig.Incoming(1);
        rig.Handlers[core].On = call =>
        {
            if (call == "datagram")
                throw new InvalidOperationException("oops");
        };
        core.Events.Enqueue(new QuicEvent { Kind = QuicEventKind.DatagramReceived });
        core.Events.Enqueue(new QuicEvent { Kind = QuicEventKind.Established });
        rig.Loop.MarkReady(core.Owner!);
        rig.Loop.Turn();
        Assert.Equal([((ulong)CloseCode.Internal, "internal error")], core.Closes);
        Assert.Equal(["handler: oops"], rig.Log.Lines);
        Assert.Equal(["datagram", "closed 1 internal error"], rig.Handlers[core].Calls);
    }

    [Fact]
    public void What_an_owner_does_with_another_connection_is_served_without_waiting()
    {
        var rig = new LoopRig();
        FakeCore core = rig.Incoming(1);
        FakeCore other = rig.Incoming(2);
        rig.Handlers[core].On = _ => other.Owner!.Close(5, "told by another");
        core.Events.Enqueue(new QuicEvent { Kind = QuicEventKind.Established });
        rig.Loop.MarkReady(core.Owner!);
        rig.Loop.Turn();
        rig.Loop.Turn();
        Assert.Equal(TimeSpan.Zero, rig.Poller.Waits[^1]);
        Assert.Equal(["closed 5 told by another"], rig.Handlers[other].Calls);
    }

    [Fact]
    public void A_connection_that_is_opened_sends_in_the_same_or_next_turn()
    {
        var rig = new LoopRig();
        UdpPath path = rig.Loop.DirectPath(rig.Socket, FakeSocket.Address("203.0.113.1:9"))!;
        var options = new QuicClientOptions { ExpectedPeerId = default, InitialDestination = default };
        EndpointConnection connection = rig.Loop.Connect(options, path, _ => new RecordingHandler());
        ((FakeCore)connection.Core).Outgoing.Enqueue((path, [1], 1));
        rig.Loop.Turn();
        Assert.Equal(TimeSpan.Zero, rig.Poller.Waits[^1]);
        Assert.Single(rig.Socket.Sent);
        Assert.Equal(1, rig.Loop.Paths.Count);
    }

    [Fact]
    public void Closing_sends_the_last_packets_and_tells_every_owner_once()
    {
        var rig = new LoopRig();
        FakeCore core = rig.Incoming(1);
        FakeCore blocked = rig.Incoming(2);
        core.Outgoing.Enqueue((core.CurrentPath, [1], 1));
        blocked.Outgoing.Enqueue((blocked.CurrentPath, [2], 1));
        rig.Socket.Next.Enqueue(UdpSendStatus.Sent);
        rig.Socket.Next.Enqueue(UdpSendStatus.WouldBlock);
        rig.Loop.Post(new ActionWorkItem(_ => rig.Loop.BeginClose(0, "stopped")));
        // Connections are closed from the last to the first, but served as they were marked: by the order in the list.
        rig.Loop.Turn();
        Assert.False(rig.Loop.IsDone);
        rig.Loop.Turn();
        Assert.True(rig.Loop.IsDone);
        Assert.Equal([1, 2], rig.Socket.Sent.Select(s => (int)s.Bytes[0]).Order());
        rig.Loop.End(QuicError.Application(9, "unused"));
        Assert.Equal(["closed 0 stopped"], rig.Handlers[core].Calls);
        Assert.Equal(["closed 0 stopped"], rig.Handlers[blocked].Calls);
        Assert.True(rig.Socket.Disposed && rig.Socket6.Disposed && rig.Poller.Disposed);
    }

    [Fact]
    public void Closing_does_not_wait_for_a_socket_for_ever()
    {
        var rig = new LoopRig();
        FakeCore core = rig.Incoming(1);
        core.Outgoing.Enqueue((core.CurrentPath, [1], 1));
        for (int i = 0; i < 10; i++)
            rig.Socket.Next.Enqueue(UdpSendStatus.WouldBlock);
        rig.Loop.BeginClose(0, "stopped");
        rig.Loop.Turn();
        rig.Time += EndpointLimits.CloseFlushTime;
        rig.Loop.Turn();
        Assert.True(rig.Loop.IsDone);
    }
}
