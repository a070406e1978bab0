using Punchline.Endpoint;
using Punchline.Protocol;
using Punchline.Quic;
using Punchline.Relay;
using Punchline.Testing;
using Punchline.Udp;
using Xunit;

namespace Punchline.Tests.Endpoint;

public sealed class EndpointLoopTests
{
    private const byte RelayData = (byte)Punchline.Relay.RelayFrameType.Data;

    private static byte[] Filled(int length, byte value)
    {
        var bytes = new byte[length];
        bytes.AsSpan().Fill(value);
        return bytes;
    }

    // ---- receiving

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

    // ---- extra sockets

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

    // ---- relay

    [Fact]
    public void A_relayed_datagram_reaches_the_core_without_its_header_and_answers_get_one_each()
    {
        var rig = new LoopRig();
        var core = new FakeCore();
        rig.Core.ByTag.Add(5, core);
        RelayLink link = rig.LinkTo("203.0.113.1:3478");
        byte[] header = [RelayData, 0, 1, 2, 3, 4, 5, 6, 7];
        rig.Socket.Arrive("203.0.113.1:3478", "192.0.2.1:0", [.. header, 0x40, 5]);
        rig.Loop.Turn();
        var (path, datagram) = Assert.Single(rig.Core.Received);
        Assert.Equal([0x40, 5], datagram);
        RelayPath relay = Assert.IsType<RelayPath>(path);
        Assert.Equal((PathKind.Relay, 9, 0x0001020304050607ul), (relay.Kind, relay.HeaderLength, relay.Handle));

        // Two datagrams of 12 bytes and one of 10: nine free bytes in front of each.
        byte[] batch = [.. new byte[9], 1, 1, 1, .. new byte[9], 2, 2, 2, .. new byte[9], 3];
        core.Outgoing.Enqueue((relay, batch, 12));
        rig.Loop.MarkReady(core.Owner!);
        rig.Loop.Turn();
        SentBatch sent = Assert.Single(rig.Socket.Sent);
        Assert.Equal("203.0.113.1:3478", sent.Remote.ToString());
        Assert.Equal([.. header, 1, 1, 1, .. header, 2, 2, 2, .. header, 3], sent.Bytes);
    }

    [Fact]
    public void A_server_of_two_users_stays_known_until_both_have_left()
    {
        var rig = new LoopRig();
        UdpAddress server = FakeSocket.Address("203.0.113.1:3478");
        RelayLink[] links = [rig.LinkTo("203.0.113.1:3478"), rig.LinkTo("203.0.113.1:3478")];
        byte[] frame = [RelayData, 0, 1, 2, 3, 4, 5, 6, 7, 0x40, 5];
        foreach (RelayLink link in links)
        {
            rig.Socket.Arrive("203.0.113.1:3478", "192.0.2.1:0", frame);
            rig.Loop.Turn();
            rig.Loop.RemoveRelayLink(rig.Socket, server, link);
        }
        Assert.Equal(2, rig.Core.Received.Count);
        rig.Socket.Arrive("203.0.113.1:3478", "192.0.2.1:0", frame);
        rig.Loop.Turn();
        Assert.Equal(2, rig.Core.Received.Count);
        // Once more is no harm: its socket may have gone first.
        rig.Loop.RemoveRelayLink(rig.Socket, server, links[0]);
    }

    [Fact]
    public void Of_two_links_to_one_server_the_one_that_knows_the_handle_gets_the_datagram()
    {
        var rig = new LoopRig();
        rig.LinkTo("203.0.113.1:3478");
        RelayLink second = rig.LinkTo("203.0.113.1:3478");
        RelayPath known = rig.Loop.RelayedPath(second, 0x0001020304050607)!;
        rig.Loop.Paths.Retain(known);
        rig.Socket.Arrive("203.0.113.1:3478", "192.0.2.1:0", [RelayData, 0, 1, 2, 3, 4, 5, 6, 7, 0x40, 5]);
        rig.Loop.Turn();
        Assert.Same(known, Assert.Single(rig.Core.Received).Path);
    }

    [Fact]
    public void Without_a_bound_socket_a_relayed_path_takes_the_control_channel_both_ways()
    {
        var rig = new LoopRig();
        var core = new FakeCore();
        rig.Core.ByTag.Add(5, core);
        var link = new RelayLink { Server = FakeSocket.Address("203.0.113.1:3478"), Channel = new ChannelFrames() };
        link.Channel.OnFrame([RelayData, 0, 1, 2, 3, 4, 5, 6, 7, 0x40, 5]);
        Assert.False(rig.Loop.ReceiveFromChannel(link));
        var (path, datagram) = Assert.Single(rig.Core.Received);
        Assert.Equal([0x40, 5], datagram);

        core.Outgoing.Enqueue((path, [.. new byte[9], 1, 1, 1, .. new byte[9], 2], 12));
        rig.Loop.MarkReady(core.Owner!);
        rig.Loop.Turn();
        Assert.Empty(rig.Socket.Sent);
        var frame = new byte[RelayFrame.MaxChannelFrame];
        Assert.Equal([RelayData, 0, 1, 2, 3, 4, 5, 6, 7, 1, 1, 1], frame[..link.Channel.TakeFrame(frame)]);
        Assert.Equal([RelayData, 0, 1, 2, 3, 4, 5, 6, 7, 2], frame[..link.Channel.TakeFrame(frame)]);
        Assert.Equal(0, link.Channel.TakeFrame(frame));

        // The binding stands: the same path takes UDP from now on, and tells how long it has gone unanswered.
        link.Socket = rig.Socket;
        core.Outgoing.Enqueue((path, [.. new byte[9], 3], 10));
        rig.Loop.MarkReady(core.Owner!);
        rig.Loop.Turn();
        Assert.Equal([RelayData, 0, 1, 2, 3, 4, 5, 6, 7, 3], Assert.Single(rig.Socket.Sent).Bytes);
        Assert.Equal(rig.Loop.Now, link.UnansweredSince);
        Assert.Equal(0, link.Channel.TakeFrame(frame));
    }

    [Fact]
    public void A_batch_that_waits_for_its_socket_is_lost_when_its_path_gets_another_carrier()
    {
        var rig = new LoopRig();
        var core = new FakeCore();
        rig.Core.ByTag.Add(5, core);
        RelayLink link = rig.LinkTo("203.0.113.1:3478");
        link.Socket = rig.Socket;
        rig.Socket.Arrive("203.0.113.1:3478", "192.0.2.1:0", [RelayData, 0, 1, 2, 3, 4, 5, 6, 7, 0x40, 5]);
        rig.Loop.Turn();
        rig.Socket.Next.Enqueue(Punchline.Udp.UdpSendStatus.WouldBlock);
        core.Outgoing.Enqueue((rig.Core.Received[0].Path, [.. new byte[9], 1], 10));
        rig.Loop.MarkReady(core.Owner!);
        rig.Loop.Turn();
        Assert.True(core.Owner!.HoldsBatch);
        link.Socket = null;
        rig.Loop.Turn();
        rig.Loop.Turn();
        Assert.False(core.Owner!.HoldsBatch);
        Assert.Empty(rig.Socket.Sent);
    }

    [Fact]
    public void An_endpoint_that_hides_takes_nothing_that_comes_directly()
    {
        var rig = new LoopRig(relayOnly: true);
        rig.LinkTo("203.0.113.1:3478");
        rig.Socket.Arrive("198.51.100.7:1000", "192.0.2.1:0", [0x40, 5]);
        rig.Socket.Arrive("203.0.113.1:3478", "192.0.2.1:0", [RelayData, 0, 1, 2, 3, 4, 5, 6, 7, 0x40, 6]);
        rig.Loop.Turn();
        Assert.Equal([0x40, 6], Assert.Single(rig.Core.Received).Datagram);
    }

    [Fact]
    public void Relayed_datagrams_from_anyone_but_a_known_server_are_dropped()
    {
        var rig = new LoopRig();
        RelayLink link = rig.LinkTo("203.0.113.1:3478");
        byte[] frame = [RelayData, 0, 1, 2, 3, 4, 5, 6, 7, 0x40, 5];
        rig.Socket.Arrive("203.0.113.1:3479", "192.0.2.1:0", frame);
        rig.Socket.Arrive("203.0.113.1:3478", "192.0.2.1:0", frame[..9]);
        rig.Socket.Arrive("203.0.113.1:3478", "192.0.2.1:0", [.. frame[..9], 0x01, 5]);
        rig.Loop.Turn();
        Assert.Empty(rig.Core.Received);
        rig.Loop.RemoveRelayLink(rig.Socket, FakeSocket.Address("203.0.113.1:3478"), link);
        rig.Socket.Arrive("203.0.113.1:3478", "192.0.2.1:0", frame);
        rig.Loop.Turn();
        Assert.Empty(rig.Core.Received);
    }

    [Fact]
    public void Two_handles_of_one_server_in_one_buffer_are_two_paths()
    {
        var rig = new LoopRig();
        RelayLink link = rig.LinkTo("203.0.113.1:3478");
        byte[] a = [RelayData, 0, 0, 0, 0, 0, 0, 0, 1, 0x40, 5];
        byte[] b = [RelayData, 0, 0, 0, 0, 0, 0, 0, 2, 0x40, 5];
        rig.Socket.Arrive("203.0.113.1:3478", "192.0.2.1:0", [.. a, .. b], segment: a.Length);
        rig.Loop.Turn();
        Assert.Equal([1ul, 2ul], rig.Core.Received.Select(r => ((RelayPath)r.Path).Handle));
    }

    // ---- sending

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
        core.Outgoing.Enqueue((core.CurrentPath, Filled(1450, 1), 1450));
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

    // ---- time and work

    [Fact]
    public void The_wait_ends_at_the_earliest_deadline_and_its_owner_is_called()
    {
        var rig = new LoopRig();
        FakeCore early = rig.Incoming(1);
        FakeCore late = rig.Incoming(2);
        early.NextTimeout = rig.Time + TimeSpan.FromMilliseconds(30);
        late.NextTimeout = rig.Time + TimeSpan.FromMilliseconds(70);
        rig.Loop.MarkReady(early.Owner!);
        rig.Loop.MarkReady(late.Owner!);
        rig.Loop.Turn();
        rig.Poller.OnWait = () => rig.Time += rig.Poller.Waits[^1];
        rig.Loop.Turn();
        Assert.Equal(TimeSpan.FromMilliseconds(30), rig.Poller.Waits[^1]);
        Assert.Equal([rig.Time], early.Timeouts);
        Assert.Empty(late.Timeouts);
        rig.Loop.Turn();
        Assert.Equal(TimeSpan.FromMilliseconds(40), rig.Poller.Waits[^1]);
        Assert.Equal([rig.Time], late.Timeouts);
        rig.Poller.OnWait = null;
        rig.Loop.Turn();
        Assert.Equal(Timeout.InfiniteTimeSpan, rig.Poller.Waits[^1]);
    }

    [Fact]
    public void A_post_wakes_the_poller_once_and_runs_in_the_next_turn()
    {
        var rig = new LoopRig();
        List<Instant> ran = [];
        rig.Loop.Post(new ActionWorkItem(ran.Add));
        rig.Loop.Post(new ActionWorkItem(ran.Add));
        Assert.Equal(1, rig.Poller.Wakes);
        rig.Loop.Turn();
        Assert.Equal([rig.Time, rig.Time], ran);
        rig.Loop.Post(new ActionWorkItem(ran.Add));
        Assert.Equal(2, rig.Poller.Wakes);
    }

    [Fact]
    public void Work_that_throws_is_logged_and_the_rest_runs()
    {
        var rig = new LoopRig();
        bool ran = false;
        rig.Loop.Post(new ActionWorkItem(_ => throw new InvalidOperationException("broken")));
        rig.Loop.Post(new ActionWorkItem(_ => ran = true));
        rig.Loop.Turn();
        Assert.True(ran);
        Assert.Equal(["work: broken"], rig.Log.Lines);
    }

    private sealed class OneShot(EndpointLoop loop, Instant at) : IDriverTimer
    {
        public List<Instant> Calls { get; } = [];
        public Instant NextTimeout => at;

        public void OnTimeout(Instant now)
        {
            Calls.Add(now);
            loop.RemoveTimer(this);
        }
    }

    [Fact]
    public void Timers_beside_connections_are_kept_and_may_remove_themselves()
    {
        var rig = new LoopRig();
        var first = new OneShot(rig.Loop, rig.Time + TimeSpan.FromSeconds(1));
        var second = new OneShot(rig.Loop, rig.Time + TimeSpan.FromSeconds(1));
        rig.Loop.AddTimer(first);
        rig.Loop.AddTimer(second);
        rig.Poller.OnWait = () => rig.Time += rig.Poller.Waits[^1];
        rig.Loop.Turn();
        Assert.Equal([rig.Time], first.Calls);
        Assert.Equal([rig.Time], second.Calls);
    }

    // ---- sleep

    [Fact]
    public void A_wall_clock_that_ran_ahead_means_that_the_machine_slept()
    {
        var rig = new LoopRig();
        int woke = 0;
        rig.Loop.Woke += () => woke++;
        rig.Loop.Turn();
        rig.Slept = TimeSpan.FromSeconds(2.9);
        rig.Loop.Turn();
        Assert.Equal(0, woke);
        rig.Slept += TimeSpan.FromHours(8);
        rig.Loop.Turn();
        rig.Loop.Turn();
        Assert.Equal(1, woke);
        rig.Slept -= TimeSpan.FromHours(1); // set back by somebody
        rig.Loop.Turn();
        Assert.Equal(1, woke);
    }

    [Fact]
    public void A_deadline_that_was_missed_by_far_means_the_same()
    {
        var rig = new LoopRig();
        FakeCore core = rig.Incoming(1);
        int woke = 0;
        rig.Loop.Woke += () => woke++;
        foreach ((double late, int expected) in new[] { (0.0, 0), (2.9, 0), (3.1, 1), (600.0, 2) })
        {
            core.NextTimeout = rig.Time + TimeSpan.FromSeconds(5);
            rig.Loop.MarkReady(core.Owner!);
            rig.Poller.OnWait = null;
            rig.Loop.Turn();
            rig.Poller.OnWait = () => rig.Time += rig.Poller.Waits[^1] + TimeSpan.FromSeconds(late);
            rig.Loop.Turn();
            Assert.Equal(expected, woke);
        }
    }

    [Fact]
    public void Waiting_for_nothing_in_particular_is_no_sleep()
    {
        var rig = new LoopRig();
        int woke = 0;
        rig.Loop.Woke += () => woke++;
        rig.Loop.Turn();
        Assert.Equal(Timeout.InfiniteTimeSpan, rig.Poller.Waits[^1]);
        rig.Time += TimeSpan.FromHours(1);
        rig.Loop.Turn();
        Assert.Equal(0, woke);
    }

    [Fact]
    public void A_connection_hears_that_the_network_is_another_one_in_the_same_turn()
    {
        var rig = new LoopRig();
        FakeCore core = rig.Incoming(1);
        rig.Loop.Woke += () => core.Owner!.OnNetworkChanged();
        rig.Slept = TimeSpan.FromMinutes(1);
        int asked = core.TransmitCalls;
        rig.Loop.Turn();
        Assert.Equal([rig.Time], core.NetworkChanges);
        Assert.True(core.TransmitCalls > asked);
    }

    // ---- clients beside QUIC

    private sealed class FakeClient(string server) : IDatagramClient
    {
        public Queue<byte[]> Due { get; } = new();
        public List<byte[]> Taken { get; } = [];
        public UdpAddress Server { get; } = FakeSocket.Address(server);
        public Instant NextTimeout { get; set; } = Instant.Never;

        public bool TryTransmit(Instant now, Span<byte> buffer, out int length)
        {
            length = 0;
            if (!Due.TryDequeue(out byte[]? next))
                return false;
            next.CopyTo(buffer);
            length = next.Length;
            NextTimeout = Instant.Never;
            return true;
        }

        public bool TryReceive(Instant now, in UdpAddress from, ReadOnlySpan<byte> datagram)
        {
            if (from != Server)
                return false;
            Taken.Add(datagram.ToArray());
            return true;
        }
    }

    [Fact]
    public void Clients_beside_QUIC_send_when_due_and_get_what_is_theirs()
    {
        var rig = new LoopRig();
        var stun = new FakeClient("203.0.113.1:3478");
        var relay = new FakeClient("203.0.113.2:3478");
        stun.Due.Enqueue([0, 1]);
        rig.Loop.AddClient(rig.Socket, stun);
        rig.Loop.AddClient(rig.Socket, relay);
        Assert.Equal(["203.0.113.1:3478"], rig.Socket.Sent.Select(s => s.Remote.ToString()));

        rig.Socket.Arrive("203.0.113.2:3478", "192.0.2.1:0", [0x22, 1]);
        byte[] message = [0x01, 1, 0, 0, 0x21, 0x12, 0xa4, 0x42, .. new byte[12]];
        rig.Socket.Arrive("203.0.113.1:3478", "192.0.2.1:0", message);
        rig.Socket.Arrive("203.0.113.9:3478", "192.0.2.1:0", message);
        relay.NextTimeout = rig.Time + TimeSpan.FromMilliseconds(250);
        relay.Due.Enqueue([0x23]);
        rig.Poller.OnWait = () => Assert.Equal(TimeSpan.FromMilliseconds(250), rig.Poller.Waits[^1]);
        rig.Loop.Turn();
        Assert.Equal([[0x22, 1]], relay.Taken);
        Assert.Equal([message], stun.Taken);
        // Answered at once, though its time had not come.
        Assert.Equal([0x23], rig.Socket.Sent[^1].Bytes);

        rig.Loop.RemoveClient(rig.Socket, relay);
        rig.Socket.Arrive("203.0.113.2:3478", "192.0.2.1:0", [0x22, 1]);
        rig.Poller.OnWait = null;
        rig.Loop.Turn();
        Assert.Single(relay.Taken);
    }

    [Fact]
    public void A_client_is_asked_when_its_time_has_come()
    {
        var rig = new LoopRig();
        var client = new FakeClient("203.0.113.1:3478");
        rig.Loop.AddClient(rig.Socket, client);
        client.Due.Enqueue([0, 7]);
        client.NextTimeout = rig.Time + TimeSpan.FromSeconds(1);
        rig.Loop.Turn();
        Assert.Empty(rig.Socket.Sent);
        rig.Time += TimeSpan.FromSeconds(1);
        rig.Loop.Turn();
        Assert.Equal([0, 7], Assert.Single(rig.Socket.Sent).Bytes);
    }

    // ---- owners

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

    [Fact]
    public void A_turn_with_traffic_allocates_nothing_once_warm()
    {
        var socket = new LoopbackSocket();
        var core = new FakeCore();
        var endpoint = new SilentEndpointCore(core);
        EndpointLoop loop = new(new EndpointLoopOptions
        {
            Poller = new SilentPoller(),
            Sockets = [socket],
            Core = endpoint,
            Clock = () => new Instant(1),
            WallClock = static () => DateTimeOffset.UnixEpoch,
            Routes = new FakeRoutes(),
            Log = new FakeLog(),
            Accept = _ => new RecordingHandler(),
        });
        void Run()
        {
            socket.Arrived = 3;
            core.Outgoing.Enqueue((core.CurrentPath, socket.Payload, 100));
            loop.Turn();
        }
        socket.Arrived = 1;
        loop.Turn();
        for (int i = 0; i < 100; i++)
            Run();
        long allocated = Allocated.InRound(() =>
        {
            for (int i = 0; i < 1000; i++)
                Run();
        });
        Assert.Equal(0, allocated);
        Assert.True(socket.SentCount >= 1100);
    }

    private sealed class SilentPoller : IUdpPoller
    {
        private readonly List<IUdpSocket> _sockets = [];

        public IReadOnlyList<IUdpSocket> Readable => _sockets;
        public void Add(IUdpSocket socket) => _sockets.Add(socket);
        public void Remove(IUdpSocket socket) { }
        public void WatchWritable(IUdpSocket socket) { }
        public void Wait(TimeSpan timeout) { }
        public void Wake() { }
        public void Dispose() { }
    }

    private sealed class SilentEndpointCore(FakeCore core) : IEndpointCore
    {
        public IConnectionCore? Receive(Instant now, NetworkPath path, EcnCodepoint ecn, Span<byte> datagram)
        {
            core.Known.Add(path);
            core.CurrentPath ??= path;
            return core;
        }

        public bool TryTransmit(Span<byte> buffer, out Transmit transmit)
        {
            transmit = default;
            return false;
        }

        public IConnectionCore Connect(Instant now, QuicClientOptions options, NetworkPath path) => core;
        public void Remove(IConnectionCore connection) { }
    }

    private sealed class LoopbackSocket : IUdpSocket
    {
        private static readonly UdpAddress Remote = FakeSocket.Address("198.51.100.1:1000");
        private static readonly UdpAddress Local = FakeSocket.Address("192.0.2.1:0");
        public byte[] Payload { get; } = Filled(300, 0x40);
        public int Arrived { get; set; }
        public int SentCount { get; private set; }
        public UdpAddress LocalAddress { get; } = FakeSocket.Address("0.0.0.0:4433");
        public int MaxSegments => 64;

        public UdpSendStatus Send(in UdpAddress remote, in UdpAddress local, ReadOnlySpan<byte> batch, int segmentSize, bool ect0, byte timeToLive)
        {
            SentCount++;
            return UdpSendStatus.Sent;
        }

        public bool TryReceive(Span<byte> buffer, out UdpReceived received)
        {
            received = default;
            if (Arrived == 0)
                return false;
            Arrived--;
            Payload.CopyTo(buffer);
            received = new UdpReceived(300, 100, Remote, Local, EcnCodepoint.NotEct);
            return true;
        }

        public void Dispose() { }
    }
}
