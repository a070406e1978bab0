using Punchline.Endpoint;
using Punchline.Quic;
using Punchline.Relay;
using Punchline.Udp;
using Xunit;

namespace Punchline.Tests.Endpoint;

/// <summary>Datagrams that a server forwards, over UDP and over its control channel.</summary>
public sealed class EndpointRelayTests
{
    private const byte RelayData = (byte)RelayFrameType.Data;

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
}
