using Punchline.Endpoint;
using Punchline.Quic;
using Punchline.Udp;
using Xunit;

namespace Punchline.Tests.Endpoint;

/// <summary>What leaves: batches, sockets that are full, and what the system says of them.</summary>
public sealed class EndpointSendTests
{
    [Fact]
    public void A_batch_is_cut_to_what_the_socket_takes_in_one_call()
    {
        var rig = new LoopRig();
        FakeCore core = rig.Incoming(1);
        rig.Socket.MaxSegments = 2;
        core.Outgoing.Enqueue((core.CurrentPath, [1, 1, 2, 2, 3, 3, 4], 2));
        rig.Loop.MarkReady(core.Owner!);
        rig.Loop.Turn();
        Assert.Equal([[1, 1, 2, 2], [3, 3, 4]], rig.Socket.Sent.Select(s => s.Bytes));
        Assert.All(rig.Socket.Sent, s => Assert.True(s is { SegmentSize: 2, Ect0: true }));
    }

    [Fact]
    public void A_full_socket_keeps_the_rest_of_the_batch_and_goes_on_with_it_first()
    {
        var rig = new LoopRig();
        FakeCore core = rig.Incoming(1);
        FakeCore other = rig.Incoming(2);
        rig.Socket.MaxSegments = 1;
        core.Outgoing.Enqueue((core.CurrentPath, [1, 1, 2, 2, 3], 2));
        core.Outgoing.Enqueue((core.CurrentPath, [4], 1));
        other.Outgoing.Enqueue((other.CurrentPath, [9], 1));
        rig.Socket.Next.Enqueue(UdpSendStatus.Sent);
        rig.Socket.Next.Enqueue(UdpSendStatus.WouldBlock);
        int otherCalls = other.TransmitCalls;
        rig.Loop.MarkReady(core.Owner!);
        rig.Loop.MarkReady(other.Owner!);
        rig.Loop.Turn();
        Assert.Equal([[1, 1]], rig.Socket.Sent.Select(s => s.Bytes));
        Assert.Equal([rig.Socket], rig.Poller.Watched);
        // The other is not even asked while its socket is full.
        Assert.Equal(otherCalls, other.TransmitCalls);

        rig.Socket.Next.Enqueue(UdpSendStatus.WouldBlock);
        rig.Loop.Turn();
        Assert.Equal([rig.Socket, rig.Socket], rig.Poller.Watched);
        Assert.Single(rig.Socket.Sent);

        rig.Loop.Turn();
        Assert.Equal([[1, 1], [2, 2], [3], [4], [9]], rig.Socket.Sent.Select(s => s.Bytes));
    }

    [Fact]
    public void While_a_socket_is_full_a_past_deadline_does_not_make_the_loop_spin()
    {
        var rig = new LoopRig();
        FakeCore core = rig.Incoming(1);
        core.Outgoing.Enqueue((core.CurrentPath, [1], 1));
        core.NextTimeout = rig.Time;
        for (int i = 0; i < 8; i++)
            rig.Socket.Next.Enqueue(UdpSendStatus.WouldBlock);
        rig.Loop.MarkReady(core.Owner!);
        rig.Loop.Turn();
        core.NextTimeout = rig.Time;
        rig.Loop.Turn();
        Assert.Equal(TimeSpan.FromMilliseconds(10), rig.Poller.Waits[^1]);
    }

    [Fact]
    public void A_datagram_that_is_too_large_is_told_to_the_connection()
    {
        var rig = new LoopRig();
        FakeCore core = rig.Incoming(1);
        core.Outgoing.Enqueue((core.CurrentPath, [.. Enumerable.Repeat<byte>(1, 1450)], 1450));
        rig.Socket.Next.Enqueue(UdpSendStatus.TooLarge);
        rig.Loop.MarkReady(core.Owner!);
        rig.Loop.Turn();
        Assert.Equal([(core.CurrentPath, 1450)], core.TooLarge);
        Assert.Empty(rig.Poller.Watched);
    }

    [Fact]
    public void A_missing_route_is_said_once_until_it_works_again()
    {
        var rig = new LoopRig();
        FakeCore core = rig.Incoming(1);
        foreach (UdpSendStatus status in new[] { UdpSendStatus.Unreachable, UdpSendStatus.Unreachable, UdpSendStatus.Sent, UdpSendStatus.Unreachable })
        {
            core.Outgoing.Enqueue((core.CurrentPath, [1], 1));
            rig.Socket.Next.Enqueue(status);
            rig.Loop.MarkReady(core.Owner!);
            rig.Loop.Turn();
        }
        Assert.Equal(["unreachable: 198.51.100.1:1000", "unreachable: 198.51.100.1:1000"], rig.Log.Lines);
        Assert.Equal(3, rig.Loop.UnreachableBatches);
    }

    [Fact]
    public void A_connection_with_much_to_send_leaves_the_others_their_turn()
    {
        var rig = new LoopRig();
        FakeCore greedy = rig.Incoming(1);
        FakeCore other = rig.Incoming(2);
        greedy.Endless = (greedy.CurrentPath, [1], 1);
        other.Outgoing.Enqueue((other.CurrentPath, [2], 1));
        rig.Loop.MarkReady(greedy.Owner!);
        rig.Loop.MarkReady(other.Owner!);
        rig.Loop.Turn();
        Assert.Equal([.. Enumerable.Repeat<byte>(1, EndpointLimits.MaxTransmitBatches), 2], rig.Socket.Sent.Select(s => s.Bytes[0]));
        rig.Loop.Turn();
        Assert.Equal(TimeSpan.Zero, rig.Poller.Waits[^1]);
        Assert.Equal(2 * EndpointLimits.MaxTransmitBatches + 1, rig.Socket.Sent.Count);
    }
}
