using Punchline.Quic.Recovery;
using Punchline.Quic.Streams;
using Xunit;

namespace Punchline.Quic.Tests.Streams;

/// <summary>Opening, ending, resetting and stopping streams, and what the application is told (RFC 9000 sections 2 and 3).</summary>
public class StreamLifeTests
{
    private readonly StreamPeer _client;
    private readonly StreamPeer _server;

    public StreamLifeTests() => (_client, _server) = StreamPeer.Pair();

    private StreamId OpenAndSend(int count, bool fin = false, bool bidirectional = true)
    {
        StreamId id = _client.Open(bidirectional);
        Assert.Equal(StreamStatus.Ok, _client.Set.Write(id, StreamPeer.Bytes(id, 0, count), out int accepted));
        Assert.Equal(count, accepted);
        if (fin)
            Assert.Equal(StreamStatus.Ok, _client.Set.Finish(id));
        return id;
    }

    [Fact]
    public void A_stream_opens_the_lower_ones_of_its_kind_in_order() // section 3.2
    {
        Assert.Null(_server.Stream(new StreamId(8), 0, [1]));
        Assert.Equal([(StreamEventKind.Opened, 0UL), (StreamEventKind.Opened, 4UL), (StreamEventKind.Opened, 8UL), (StreamEventKind.Readable, 8UL)],
            _server.Events().Select(e => (e.Kind, e.Id.Value)));
        Assert.Equal(3, _server.Set.OpenStreamCount);
        Assert.Equal((StreamStatus.Ok, 0), (_server.Read(new StreamId(4)).Status, _server.Read(new StreamId(4)).Data.Length));
        Assert.Equal(StreamStatus.Unknown, _server.Read(new StreamId(12)).Status);
    }

    [Fact]
    public void One_frame_opens_fills_and_ends_a_stream()
    {
        StreamId id = OpenAndSend(5, fin: true, bidirectional: false);
        StreamPacket packet = Assert.Single(_client.Flush(_server));
        SentFrame frame = Assert.Single(packet.Frames);
        Assert.Equal(new SentFrame(SentFrameKind.Stream, id.Value, 0, 5, true), frame);
        Assert.Equal(0, _client.Set.OpenStreamCount);
        Assert.Equal(StreamStatus.Closed, _client.Set.Write(id, [1], out _));
        (StreamStatus status, byte[] data) = _server.Read(id);
        Assert.Equal(StreamStatus.Finished, status);
        Assert.Equal(StreamPeer.Bytes(id, 0, 5), data);
        _server.Events();
        Assert.Equal(0, _server.Set.OpenStreamCount);
        Assert.Equal(StreamStatus.Closed, _server.Read(id).Status);
        // Late copies of anything mean nothing.
        Assert.Null(_server.Receive(packet));
        Assert.Null(_server.Set.OnResetStream(id, 1, 5, _server.Now));
        Assert.Empty(_server.Events());
        Assert.Equal(0, _server.Set.OpenStreamCount);
    }

    [Fact]
    public void An_end_without_data_needs_no_credit()
    {
        var (client, server) = StreamPeer.Pair(server: new StreamLimits { InitialMaxData = 0, InitialMaxStreamDataBidiRemote = 0 });
        StreamId id = client.Open();
        Assert.Equal(StreamStatus.Ok, client.Set.Finish(id));
        client.Flush(server);
        Assert.Equal(StreamStatus.Finished, server.Read(id).Status);
    }

    [Fact]
    public void Halves_end_apart()
    {
        StreamId id = OpenAndSend(3, fin: true);
        _client.Flush(_server);
        Assert.Equal(StreamStatus.Finished, _server.Read(id).Status);
        Assert.Equal(StreamStatus.Finished, _server.Read(id).Status); // as long as the other half lives
        Assert.Equal(StreamStatus.Finished, _client.Set.Write(id, [1], out _));
        Assert.Equal(StreamStatus.Ok, _server.Set.Write(id, [1, 2], out _));
        Assert.Equal(StreamStatus.Ok, _server.Set.Finish(id));
        Assert.Equal(StreamStatus.Finished, _server.Set.Finish(id));
        _server.Flush(_client);
        Assert.Equal(1, _client.Set.OpenStreamCount);
        Assert.Equal(2, _client.Read(id).Data.Length);
        Assert.Equal(0, _client.Set.OpenStreamCount);
        _server.Events();
        Assert.Equal(0, _server.Set.OpenStreamCount);
    }

    [Fact]
    public void A_lone_end_is_sent_again_when_lost()
    {
        StreamId id = OpenAndSend(3);
        _client.Flush(_server);
        _client.Set.Finish(id);
        StreamPacket end = _client.Build()!;
        Assert.Null(_client.Build());
        _client.Lost(end);
        StreamPacket again = _client.Build()!;
        Assert.Equal(new SentFrame(SentFrameKind.Stream, id.Value, 3, 0, true), Assert.Single(again.Frames));
        _client.Acked(end); // after all
        _client.Lost(again);
        Assert.Null(_client.Build());
    }

    [Fact]
    public void A_reset_ends_sending_and_shows_its_code()
    {
        StreamId id = OpenAndSend(5000);
        StreamPacket first = _client.Build()!;
        _client.Set.Reset(id, 42);
        Assert.Equal(StreamStatus.Reset, _client.Set.Write(id, [1], out _));
        Assert.Equal(0, _client.Set.BufferedBytes);
        StreamPacket reset = _client.Build()!;
        SentFrame frame = Assert.Single(reset.Frames);
        Assert.Equal(SentFrameKind.ResetStream, frame.Kind);
        Assert.Equal((ulong)first.Frames[0].Length, frame.Offset); // the final size is what was sent
        _client.Lost(first); // no longer matters
        Assert.Null(_client.Build());
        _client.Set.Reset(id, 43);
        _client.Lost(reset);
        Assert.Equal(reset.Bytes, _client.Build()!.Bytes); // section 13.3: the content does not change
        Assert.Null(_server.Receive(first));
        Assert.Null(_server.Receive(reset));
        Assert.Null(_server.Receive(reset));
        Assert.Equal([StreamEventKind.Opened, StreamEventKind.Readable], _server.Events().Select(e => e.Kind));
        Assert.Equal((StreamStatus.Reset, 0), (_server.Read(id).Status, _server.Read(id).Data.Length));
        Assert.True(_server.Set.TryGetResetCode(id, out ulong code));
        Assert.Equal(42UL, code);
        Assert.Equal(0, _server.Set.BufferedBytes);
    }

    [Fact]
    public void A_reset_code_outlives_its_stream_until_the_next()
    {
        StreamId id = OpenAndSend(1, bidirectional: false);
        _client.Set.Reset(id, 42);
        _client.Flush(_server);
        _server.Events();
        Assert.Equal(StreamStatus.Reset, _server.Read(id).Status);
        Assert.Equal(0, _server.Set.OpenStreamCount);
        Assert.True(_server.Set.TryGetResetCode(id, out ulong code));
        Assert.Equal(42UL, code);
        Assert.False(_server.Set.TryGetResetCode(new StreamId(id.Value + 4), out _));
    }

    [Fact]
    public void A_reset_after_all_data_is_not_shown() // section 3.2
    {
        StreamId id = OpenAndSend(5, fin: true);
        Assert.Null(_server.Receive(_client.Build()!));
        _client.Set.Reset(id, 1);
        Assert.Null(_server.Receive(_client.Build()!));
        (StreamStatus status, byte[] data) = _server.Read(id);
        Assert.Equal((StreamStatus.Finished, 5), (status, data.Length));
    }

    [Fact]
    public void Stopping_is_answered_by_a_reset_with_the_same_code() // section 3.5
    {
        StreamId id = OpenAndSend(5000);
        Assert.Null(_server.Receive(_client.Build()!));
        _server.Events();
        _server.Set.StopSending(id, 77, _server.Now);
        Assert.Equal(StreamStatus.Stopped, _server.Read(id).Status);
        Assert.Equal(0, _server.Set.BufferedBytes);
        StreamPacket stop = _server.Build()!;
        Assert.Equal(SentFrameKind.StopSending, Assert.Single(stop.Frames).Kind);
        _server.Lost(stop);
        stop = _server.Build()!;
        Assert.Null(_client.Receive(stop));
        StreamEvent told = Assert.Single(_client.Events());
        Assert.Equal((StreamEventKind.Stopped, id, 77UL), (told.Kind, told.Id, told.Code));
        Assert.Equal(StreamStatus.Stopped, _client.Set.Write(id, [1], out _));
        StreamPacket reset = _client.Build()!;
        Assert.Equal(SentFrameKind.ResetStream, Assert.Single(reset.Frames).Kind);
        Assert.Null(_server.Receive(reset));
        _server.Lost(stop); // the reset has come: no need any more
        Assert.Null(_server.Build());
        Assert.Empty(_server.Events());
    }

    [Fact]
    public void Stopped_data_counts_in_flow_control_but_takes_no_memory() // section 3.5
    {
        var limits = new StreamLimits { InitialMaxData = 3000, InitialMaxStreamDataBidiRemote = 3000 };
        var (client, server) = StreamPeer.Pair(server: limits);
        StreamId id = client.Open();
        client.Set.Write(id, new byte[10_000], out _);
        Assert.Null(server.Receive(client.Build()!));
        server.Set.StopSending(id, 1, server.Now);
        while (client.Build() is { } packet)
            Assert.Null(server.Receive(packet)); // STOP_SENDING has not reached the client
        Assert.Equal(0, server.Set.BufferedBytes);
        StreamPacket answer = server.Build()!;
        Assert.Contains(answer.Frames, f => f.Kind == SentFrameKind.MaxData && f.Offset == 6000); // credit for the others
        Assert.DoesNotContain(answer.Frames, f => f.Kind == SentFrameKind.MaxStreamData);
    }

    [Fact]
    public void A_reset_gives_the_connection_its_credit_back() // section 4.5
    {
        var limits = new StreamLimits { InitialMaxData = 1000, InitialMaxStreamDataBidiRemote = 1000 };
        var (_, server) = StreamPeer.Pair(server: limits);
        Assert.Null(server.Stream(new StreamId(0), 0, new byte[10]));
        Assert.Null(server.Set.OnResetStream(new StreamId(0), 0, 1000, server.Now));
        StreamPacket packet = server.Build()!;
        SentFrame frame = Assert.Single(packet.Frames);
        Assert.Equal((SentFrameKind.MaxData, 2000UL), (frame.Kind, frame.Offset));
        Assert.Null(server.Stream(new StreamId(4), 0, new byte[1000]));
    }

    [Fact]
    public void Readable_comes_once_until_a_read_falls_short()
    {
        StreamId id = new(0);
        Assert.Null(_server.Stream(id, 10, new byte[10]));
        Assert.Equal([StreamEventKind.Opened], _server.Events().Select(e => e.Kind)); // a gap: nothing to read
        Assert.Null(_server.Stream(id, 0, new byte[10]));
        Assert.Equal([StreamEventKind.Readable], _server.Events().Select(e => e.Kind));
        Assert.Null(_server.Stream(id, 20, new byte[10]));
        Assert.Empty(_server.Events());
        Assert.Equal(15, _server.Read(id, 15).Data.Length);
        Assert.Null(_server.Stream(id, 30, new byte[10]));
        Assert.Empty(_server.Events()); // the last read was full
        Assert.Equal(25, _server.Read(id).Data.Length);
        Assert.Null(_server.Stream(id, 30, new byte[10]));
        Assert.Empty(_server.Events()); // nothing new
        Assert.Null(_server.Stream(id, 40, new byte[10], fin: true));
        Assert.Equal([StreamEventKind.Readable], _server.Events().Select(e => e.Kind));
    }

    [Fact]
    public void Writable_comes_once_after_a_write_fell_short()
    {
        var (client, server) = StreamPeer.Pair(new StreamLimits { InitialSendBufferPerStream = 10_000, SendBufferPerStream = 10_000 });
        StreamId id = client.Open();
        client.Set.Write(id, new byte[20_000], out int accepted);
        Assert.Equal(10_000, accepted);
        Assert.Empty(client.Events());
        client.Flush(server);
        StreamEvent told = Assert.Single(client.Events());
        Assert.Equal((StreamEventKind.Writable, id), (told.Kind, told.Id));
        client.Set.Write(id, new byte[10_000], out accepted);
        Assert.Equal(10_000, accepted);
        client.Flush(server);
        Assert.Empty(client.Events()); // the last write was taken whole
    }

    [Fact]
    public void Streams_come_available_as_the_peers_end() // section 4.6
    {
        var limits = new StreamLimits { MaxBidirectionalStreams = 0, MaxUnidirectionalStreams = 2 };
        var (client, server) = StreamPeer.Pair(server: limits);
        Assert.False(client.Set.TryOpen(true, out _));
        StreamId first = client.Open(false);
        client.Open(false);
        Assert.False(client.Set.TryOpen(false, out _));
        Assert.False(client.Set.TryOpen(false, out _));
        StreamPacket packet = client.Build()!;
        Assert.Equal([SentFrameKind.StreamsBlockedBidirectional, SentFrameKind.StreamsBlockedUnidirectional], packet.Frames.Select(f => f.Kind));
        client.Lost(packet);
        Assert.Equal(packet.Bytes, client.Build()!.Bytes);
        client.Set.Finish(first);
        client.Flush(server);
        server.Events();
        Assert.Null(server.Build());
        Assert.Equal(StreamStatus.Finished, server.Read(first).Status);
        packet = server.Build()!;
        SentFrame frame = Assert.Single(packet.Frames);
        Assert.Equal((SentFrameKind.MaxStreamsUnidirectional, 3UL), (frame.Kind, frame.Offset));
        server.Lost(packet);
        packet = server.Build()!;
        Assert.Null(client.Receive(packet));
        StreamEvent told = Assert.Single(client.Events());
        Assert.Equal((StreamEventKind.StreamsAvailable, false), (told.Kind, told.Bidirectional));
        client.Open(false);
        Assert.Null(client.Set.OnMaxStreams(false, 1)); // smaller: no effect
        Assert.False(client.Set.TryOpen(false, out _));
    }

    [Fact]
    public void An_event_of_a_stream_that_has_ended_is_still_told()
    {
        StreamId id = OpenAndSend(10, bidirectional: false);
        Assert.Null(_server.Receive(_client.Build()!));
        _server.Set.StopSending(id, 5, _server.Now);
        _server.Flush(_client);
        _client.Flush(_server);
        Assert.Equal(1, _client.Set.OpenStreamCount);
        Assert.Equal(StreamEventKind.Stopped, Assert.Single(_client.Events()).Kind);
        Assert.Equal(0, _client.Set.OpenStreamCount);
    }

    [Fact]
    public void Disposing_returns_all_memory()
    {
        var pool = new ChunkPool();
        var client = new StreamPeer(true, new StreamLimits(), pool);
        client.Learn(new StreamLimits());
        StreamId id = client.Open();
        client.Set.Write(id, new byte[50_000], out _);
        Assert.Null(client.Stream(id, 9000, new byte[5000]));
        Assert.NotEqual(0, pool.Rented);
        client.Set.Dispose();
        Assert.Equal(0, pool.Rented);
        Assert.False(client.Set.HasFramesToSend);
        Assert.Empty(client.Events());
        Assert.False(client.Set.TryOpen(true, out _));
        Assert.Equal(StreamStatus.Closed, client.Set.Write(id, [1], out _));
        Assert.Null(client.Build());
    }
}
