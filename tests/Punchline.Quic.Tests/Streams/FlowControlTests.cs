using Punchline.Quic.Recovery;
using Punchline.Quic.Streams;
using Xunit;

namespace Punchline.Quic.Tests.Streams;

/// <summary>Credit both ways (RFC 9000 section 4), the frames about it, and the windows that tune themselves.</summary>
public class FlowControlTests
{
    private static readonly StreamLimits Small = new()
    {
        InitialMaxData = 1600,
        InitialMaxStreamDataBidiLocal = 1000,
        InitialMaxStreamDataBidiRemote = 1000,
        InitialMaxStreamDataUni = 1000,
        MaxStreamWindow = 4000,
        MaxConnectionWindow = 6000,
    };

    [Fact]
    public void Limits_that_do_not_rise_change_nothing() // sections 4.1, 4.6 and 19.11
    {
        (StreamPeer client, _) = StreamPeer.Pair(server: new StreamLimits
        {
            InitialMaxData = 3000, InitialMaxStreamDataBidiRemote = 2000, MaxBidirectionalStreams = 2,
        });
        StreamId id = client.Open();
        client.Set.OnMaxData(10);
        Assert.Null(client.Set.OnMaxStreamData(id, 10));
        Assert.Null(client.Set.OnMaxStreams(true, 1));

        client.Open();
        Assert.False(client.Set.TryOpen(true, out _));
        client.Set.Write(id, new byte[2500], out _);
        int sent = 0;
        while (client.Build() is { } packet)
            sent += packet.Frames.Where(f => f.Kind == SentFrameKind.Stream).Sum(f => f.Length);
        Assert.Equal(2000, sent);
    }

    [Fact]
    public void A_sender_stops_at_the_streams_limit_and_says_so_once()
    {
        var (client, server) = StreamPeer.Pair(server: Small);
        StreamId id = client.Open();
        client.Set.Write(id, new byte[3000], out _);
        List<StreamPacket> packets = client.Flush(server);
        Assert.Equal(1000, packets.SelectMany(p => p.Frames).Where(f => f.Kind == SentFrameKind.Stream).Sum(f => f.Length));
        SentFrame blocked = Assert.Single(packets.SelectMany(p => p.Frames), f => f.Kind == SentFrameKind.StreamDataBlocked);
        Assert.Equal(1000UL, blocked.Offset);
        Assert.Equal(1, server.Set.PeerBlockedCount);
        Assert.False(client.Set.IsBlockedOnConnectionFlow);
        client.Set.OnLost(blocked);
        Assert.Equal(SentFrameKind.StreamDataBlocked, Assert.Single(client.Build()!.Frames).Kind);
        client.Set.RepeatBlocked();
        Assert.Equal(SentFrameKind.StreamDataBlocked, Assert.Single(client.Build()!.Frames).Kind);
        // Credit that does not grow changes nothing; more does.
        Assert.Null(client.Set.OnMaxStreamData(id, 900));
        Assert.False(client.Set.HasFramesToSend);
        Assert.Null(client.Set.OnMaxStreamData(id, 1100));
        client.Set.OnLost(blocked); // of the old limit: no longer true
        Assert.Equal([(SentFrameKind.Stream, 1000UL), (SentFrameKind.StreamDataBlocked, 1100UL)],
            new[] { client.Build()!, client.Build()! }.SelectMany(p => p.Frames).Select(f => (f.Kind, f.Offset)));
    }

    [Fact]
    public void A_sender_stops_at_the_connections_limit_and_says_so_once()
    {
        var (client, server) = StreamPeer.Pair(server: Small);
        StreamId first = client.Open();
        StreamId second = client.Open();
        client.Set.Write(first, new byte[900], out _);
        client.Set.Write(second, new byte[900], out _);
        List<StreamPacket> packets = [];
        while (client.Build() is { } next)
        {
            Assert.Null(server.Receive(next));
            packets.Add(next);
        }
        Assert.Equal(1600, packets.SelectMany(p => p.Frames).Where(f => f.Kind == SentFrameKind.Stream).Sum(f => f.Length));
        SentFrame blocked = Assert.Single(packets.SelectMany(p => p.Frames), f => f.Kind == SentFrameKind.DataBlocked);
        Assert.Equal(1600UL, blocked.Offset);
        Assert.True(client.Set.IsBlockedOnConnectionFlow);
        client.Set.OnLost(blocked);
        Assert.Equal(SentFrameKind.DataBlocked, Assert.Single(client.Build()!.Frames).Kind);
        // What was sent before may be sent again without credit.
        SentFrame lost = packets[0].Frames[0];
        Assert.Equal(first.Value, lost.Id);
        client.Set.OnLost(lost);
        Assert.Equal(lost, Assert.Single(client.Build()!.Frames));
        client.Set.OnMaxData(1700);
        StreamPacket packet = client.Build()!;
        Assert.Equal(100, packet.Frames.Where(f => f.Kind == SentFrameKind.Stream && f.Id == second.Value).Sum(f => f.Length));
    }

    [Fact]
    public void Credit_follows_the_reader()
    {
        var (client, server) = StreamPeer.Pair(server: Small);
        StreamId id = client.Open();
        client.Set.Write(id, new byte[3000], out _);
        client.Flush(server);
        Assert.Null(server.Build()); // nothing read, no credit
        server.Read(id, 249);
        Assert.Null(server.Build()); // too little to be worth a frame
        server.Read(id, 1);
        StreamPacket packet = server.Build()!;
        SentFrame frame = Assert.Single(packet.Frames);
        Assert.Equal((SentFrameKind.MaxStreamData, 1250UL), (frame.Kind, frame.Offset));
        server.Read(id, 150);
        server.Lost(packet);
        // Sent again with the value of now (section 13.3).
        Assert.Equal([(SentFrameKind.MaxData, 2000UL), (SentFrameKind.MaxStreamData, 1400UL)],
            server.Build()!.Frames.Select(f => (f.Kind, f.Offset)));
        server.Lost(packet); // an older one: the newer is on its way
        Assert.Null(server.Build());
    }

    [Fact]
    public void No_credit_for_a_stream_whose_size_is_known() // section 3.2
    {
        var (_, server) = StreamPeer.Pair(server: Small);
        Assert.Null(server.Stream(new StreamId(0), 0, new byte[900]));
        Assert.Null(server.Stream(new StreamId(0), 950, [], fin: true));
        server.Read(new StreamId(0));
        Assert.DoesNotContain(server.Build()!.Frames, f => f.Kind == SentFrameKind.MaxStreamData);
    }

    [Theory]
    [InlineData(100, 100, 8000)] // a window in each round trip: the window was the limit, up to its bound
    [InlineData(199, 100, 8000)]
    [InlineData(200, 100, 1000)] // the reader or the path is the limit
    [InlineData(100, 0, 1000)]   // the round-trip time is not known
    public void A_window_doubles_if_it_is_gone_within_two_round_trips(int elapsed, int rtt, int expected)
    {
        var window = new ReceiveWindow(1000, 8000);
        var now = new Instant(TimeSpan.TicksPerSecond);
        for (int i = 0; i < 10; i++)
        {
            window.OnReceived(now);
            ulong size = window.Size;
            now += TimeSpan.FromMilliseconds(elapsed);
            window.Consume(size, now, TimeSpan.FromMilliseconds(rtt));
            window.Announce();
        }
        Assert.Equal((ulong)expected, window.Size);
        Assert.Equal(window.Consumed + window.Size, window.Limit);
    }

    [Fact]
    public void A_burst_after_a_long_wait_is_no_reason_to_grow()
    {
        var window = new ReceiveWindow(1000, 8000);
        Instant now = Instant.Zero;
        for (int i = 0; i < 10; i++)
        {
            window.OnReceived(now);
            now += TimeSpan.FromSeconds(10);
            for (int k = 0; k < 10; k++)
                window.Consume(100, now, TimeSpan.FromMilliseconds(100));
            window.Announce();
        }
        Assert.Equal(1000UL, window.Size);
    }

    [Fact]
    public void The_connections_window_grows_with_a_streams()
    {
        var (client, server) = StreamPeer.Pair(server: Small);
        server.Set.OnRttUpdate(TimeSpan.FromMilliseconds(100));
        StreamId id = client.Open();
        ulong streamLimit = 0;
        ulong dataLimit = 0;
        ulong read = 0;
        for (int i = 0; i < 50; i++)
        {
            client.Set.Write(id, new byte[5000], out _);
            client.Flush(server);
            server.Now += TimeSpan.FromMilliseconds(10);
            read += (ulong)server.Read(id).Data.Length;
            foreach (SentFrame f in server.Flush(client).SelectMany(p => p.Frames))
            {
                streamLimit = f.Kind == SentFrameKind.MaxStreamData ? f.Offset : streamLimit;
                dataLimit = f.Kind == SentFrameKind.MaxData ? f.Offset : dataLimit;
            }
        }
        Assert.Equal(read + 4000, streamLimit);
        Assert.Equal(read + 6000, dataLimit);
    }

    [Fact]
    public void A_send_buffer_grows_when_the_path_holds_half_of_it()
    {
        var limits = new StreamLimits { InitialSendBufferPerStream = 10_000, SendBufferPerStream = 40_000 };
        var (client, _) = StreamPeer.Pair(limits);
        StreamId id = client.Open();
        client.Set.Write(id, new byte[50_000], out int accepted);
        Assert.Equal(10_000, accepted); // nothing in flight yet
        List<StreamPacket> flying = [];
        for (int i = 0; i < 4; i++)
            flying.Add(client.Build()!);
        client.Set.Write(id, new byte[50_000], out accepted);
        Assert.Equal(0, accepted); // less than half in flight
        while (client.Build() is { } packet)
            flying.Add(packet);
        client.Set.Write(id, new byte[50_000], out accepted);
        Assert.Equal(10_000, accepted);
        while (client.Build() is { } packet)
            flying.Add(packet);
        client.Set.Write(id, new byte[50_000], out accepted);
        Assert.Equal(20_000, accepted);
        while (client.Build() is { } packet)
            flying.Add(packet);
        client.Set.Write(id, new byte[50_000], out accepted);
        Assert.Equal(0, accepted); // the bound
        Assert.Equal(40_000, client.Set.UnacknowledgedBytes);
        flying.ForEach(client.Acked);
        Assert.Equal(0, client.Set.UnacknowledgedBytes);
    }

    [Fact]
    public void Streams_that_nobody_reads_leave_the_others_their_share()
    {
        var limits = new StreamLimits { SendBufferTotal = 100_000 };
        var (client, server) = StreamPeer.Pair(limits);
        StreamId greedy = client.Open();
        client.Set.Write(greedy, new byte[300_000], out int accepted);
        Assert.Equal(100_000, accepted);
        StreamId modest = client.Open();
        client.Set.Write(modest, new byte[20_000], out accepted);
        Assert.Equal((int)StreamLimits.SendBufferShare, accepted);
        client.Flush(server);
        Assert.Equal([greedy, modest], client.Events().Where(e => e.Kind == StreamEventKind.Writable).Select(e => e.Id).Order(
            Comparer<StreamId>.Create((a, b) => a.Value.CompareTo(b.Value))));
    }
}
