using Punchline.Endpoint;
using Punchline.Quic;
using Punchline.Udp;
using Xunit;

namespace Punchline.Tests.Endpoint;

/// <summary>What the loop does when: deadlines, posted work, timers, sleep, and clients beside QUIC.</summary>
public sealed class EndpointTimeTests
{
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

    [Fact]
    public void A_client_of_a_socket_that_has_left_sends_nothing()
    {
        var rig = new LoopRig();
        var client = new FakeClient("203.0.113.1:3478");
        client.Due.Enqueue([0, 7]);
        rig.Loop.RemoveSocket(rig.Socket);
        rig.Loop.AddClient(rig.Socket, client);
        rig.Loop.Turn();
        Assert.Empty(rig.Socket.Sent);
        Assert.Single(client.Due);
    }
}
