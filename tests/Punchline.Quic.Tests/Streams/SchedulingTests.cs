using Punchline.Quic.Recovery;
using Punchline.Quic.Streams;
using Punchline.Quic.Wire;
using Xunit;

namespace Punchline.Quic.Tests.Streams;

/// <summary>Which frames go out in which order, how streams share a connection, and what that costs.</summary>
public class SchedulingTests
{
    private static readonly StreamLimits Wide = new()
    {
        InitialMaxData = 1L << 40,
        InitialMaxStreamDataBidiLocal = 1L << 30,
        InitialMaxStreamDataBidiRemote = 1L << 30,
        InitialMaxStreamDataUni = 1L << 30,
        MaxBidirectionalStreams = 20_000,
        MaxUnidirectionalStreams = 20_000,
        SendBufferTotal = 1L << 30,
    };

    [Fact]
    public void Streams_share_evenly()
    {
        var (client, server) = StreamPeer.Pair(Wide, Wide);
        StreamId[] ids = [.. Enumerable.Range(0, 10).Select(_ => client.Open())];
        foreach (StreamId id in ids)
            client.Set.Write(id, new byte[200_000], out _);
        var bytes = ids.ToDictionary(id => id.Value, _ => 0);
        for (int i = 0; i < 500; i++)
        {
            StreamPacket packet = client.Build()!;
            Assert.Equal(1200, packet.Bytes.Length); // full
            foreach (SentFrame f in packet.Frames)
                bytes[f.Id] += f.Length;
        }
        Assert.InRange(bytes.Values.Max() - bytes.Values.Min(), 0, 2 * 1200);
    }

    [Fact]
    public void A_small_stream_does_not_wait_for_a_large_one()
    {
        var (client, _) = StreamPeer.Pair(Wide, Wide);
        StreamId large = client.Open();
        client.Set.Write(large, new byte[200_000], out _);
        client.Build();
        StreamId small = client.Open();
        client.Set.Write(small, new byte[100], out _);
        client.Build();
        Assert.Contains(client.Build()!.Frames, f => f.Id == small.Value);
    }

    [Fact]
    public void Control_frames_go_first_then_lost_data_then_new()
    {
        var (client, server) = StreamPeer.Pair(Wide, Wide);
        StreamId lost = client.Open();
        StreamId fresh = client.Open();
        StreamId reset = client.Open();
        client.Set.Write(lost, new byte[100], out _);
        client.Lost(client.Build()!);
        client.Set.Write(fresh, new byte[100], out _);
        client.Set.Write(reset, new byte[100], out _);
        client.Set.Reset(reset, 0);
        client.Set.Write(lost, new byte[100], out _);
        Assert.Equal([(SentFrameKind.ResetStream, reset.Value), (SentFrameKind.Stream, lost.Value), (SentFrameKind.Stream, fresh.Value), (SentFrameKind.Stream, lost.Value)],
            client.Build()!.Frames.Select(f => (f.Kind, f.Id)));
    }

    [Fact]
    public void While_the_path_is_not_for_data_only_the_control_stream_sends()
    {
        var (client, server) = StreamPeer.Pair(Wide, Wide);
        StreamId control = client.Open();
        StreamId other = client.Open();
        client.Set.Write(other, new byte[3000], out _);
        client.Set.StopSending(other, 1, client.Now);
        Assert.True(client.Set.HasFramesToSend);
        Assert.False(client.Set.HasFramesFor(false, control));
        Assert.False(client.Set.HasFramesFor(false, null));
        Assert.Null(client.Build(all: false, only: control));
        client.Set.Write(control, new byte[3000], out _);
        client.Set.StopSending(control, 1, client.Now);
        Assert.True(client.Set.HasFramesFor(false, control));
        int sent = 0;
        List<StreamPacket> packets = [];
        while (client.Build(all: false, only: control) is { } packet)
        {
            Assert.All(packet.Frames, f => Assert.Equal(control.Value, f.Id));
            sent += packet.Frames.Sum(f => f.Length);
            packets.Add(packet);
        }
        Assert.Equal(3000, sent);
        Assert.False(client.Set.HasFramesFor(false, control));
        packets.ForEach(client.Lost);
        Assert.True(client.Set.HasFramesFor(false, control));
        while (client.Build(all: false, only: control) is { } packet)
            sent += packet.Frames.Sum(f => f.Length);
        Assert.Equal(6000, sent);
        Assert.All(client.Flush(server).SelectMany(p => p.Frames), f => Assert.Equal(other.Value, f.Id));
    }

    [Fact]
    public void Any_room_is_enough_or_left_alone()
    {
        var (client, server) = StreamPeer.Pair(Wide, Wide);
        for (int i = 0; i < 70; i++)
            client.Set.Write(client.Open(), StreamPeer.Bytes(new StreamId((ulong)i * 4), 0, 20_000), out _);
        client.Set.StopSending(new StreamId(0), 1UL << 40, client.Now);
        client.Set.Reset(new StreamId(4), 1UL << 40);
        for (int size = 0; size < 300; size++)
        {
            StreamPacket? packet = client.Build(size);
            Assert.True(packet is null || packet.Bytes.Length <= size);
            if (packet != null)
                Assert.Null(server.Receive(packet));
            Assert.True(size < 25 || packet != null, "progress with any useful room");
        }
    }

    [Fact]
    public void Thousands_of_streams_that_wait_for_credit_do_not_stand_in_the_way()
    {
        var tight = new StreamLimits { MaxBidirectionalStreams = 20_000, InitialMaxStreamDataBidiRemote = 1, InitialMaxData = 1L << 40 };
        var (client, server) = StreamPeer.Pair(Wide with { SendBufferTotal = 1 << 30 }, tight);
        for (int i = 0; i < 10_000; i++)
            client.Set.Write(client.Open(), [1, 2], out _);
        client.Flush(server);
        StreamId busy = client.Open();
        Assert.Null(client.Set.OnMaxStreamData(busy, 1 << 30));
        client.Set.Write(busy, new byte[120_000], out _);
        for (int i = 0; i < 100; i++)
            Assert.Equal(busy.Value, Assert.Single(client.Build()!.Frames).Id);
        Assert.Equal(10_001, client.Set.OpenStreamCount);
    }

    [Theory]
    [InlineData(0)]
    [InlineData(5)] // every fifth packet is lost
    public void A_warm_transfer_allocates_nothing(int loss)
    {
        var limits = new StreamLimits();
        var pool = new ChunkPool();
        using var client = new StreamSet(true, limits, pool);
        using var server = new StreamSet(false, limits, pool);
        Assert.Null(client.OnPeerParameters(1 << 20, 1 << 19, 1 << 19, 1 << 19, 10, 10));
        Assert.Null(server.OnPeerParameters(1 << 20, 1 << 19, 1 << 19, 1 << 19, 10, 10));
        client.OnRttUpdate(TimeSpan.FromMilliseconds(20));
        server.OnRttUpdate(TimeSpan.FromMilliseconds(20));
        var transfer = new Transfer(client, server, loss);
        transfer.Run(4000);
        long read = transfer.BytesRead;
        long before = GC.GetAllocatedBytesForCurrentThread();
        transfer.Run(4000);
        long allocated = GC.GetAllocatedBytesForCurrentThread() - before;
        Assert.InRange(transfer.BytesRead - read, 2_000_000, long.MaxValue);
        Assert.Equal(0, allocated);
    }

    /// <summary>Four streams each way, 32 packets in flight, some lost; without any allocation of its own.</summary>
    private sealed class Transfer
    {
        private const int Flight = 32;

        private readonly StreamSet[] _ends;
        private readonly StreamId[] _ids = new StreamId[4];
        private readonly int _loss;
        private readonly byte[] _packet = new byte[1200];
        private readonly byte[] _data = new byte[8192];
        private readonly SentFrameList _sent = new();
        private readonly Queue<SentFrame>[] _flying = [new(), new()];
        private readonly Queue<int>[] _counts = [new(), new()];
        private Instant _now = new(1);
        private int _packets;

        public Transfer(StreamSet client, StreamSet server, int loss)
        {
            _ends = [client, server];
            _loss = loss;
            for (int i = 0; i < _ids.Length; i++)
                Assert.True(client.TryOpen(true, out _ids[i]));
        }

        public long BytesRead { get; private set; }

        public void Run(int rounds)
        {
            for (int i = 0; i < rounds; i++)
            {
                _now += TimeSpan.FromMilliseconds(1);
                for (int end = 0; end < 2; end++)
                {
                    Applications(end);
                    Packet(end);
                }
            }
        }

        private void Applications(int end)
        {
            while (_ends[end].TryTakeEvent(out _))
            {
            }
            foreach (StreamId id in _ids)
            {
                _ends[end].Write(id, _data, out _);
                _ends[end].Read(id, _data, out int count, _now);
                BytesRead += count;
            }
        }

        private void Packet(int end)
        {
            if (_counts[end].Count == Flight)
                Report(end);
            _sent.Clear();
            var w = new WireWriter(_packet);
            _ends[end].WriteFrames(ref w, _sent, true, null);
            bool lost = _loss != 0 && ++_packets % _loss == 0;
            _counts[end].Enqueue(lost ? -_sent.Count : _sent.Count);
            foreach (SentFrame f in _sent.AsSpan())
                _flying[end].Enqueue(f);
            if (lost)
                return;
            var r = new WireReader(w.Written);
            while (r.Remaining > 0)
                Deliver(ref r, _ends[1 - end]);
        }

        private void Report(int end)
        {
            int count = _counts[end].Dequeue();
            for (int i = 0; i < Math.Abs(count); i++)
            {
                SentFrame f = _flying[end].Dequeue();
                if (count > 0)
                    _ends[end].OnAcked(f);
                else
                    _ends[end].OnLost(f);
            }
        }

        private void Deliver(ref WireReader r, StreamSet to)
        {
            FrameTypes.TryReadType(ref r, out ulong type, out _);
            QuicError? error = null;
            if (type is >= FrameTypes.StreamFirst and <= FrameTypes.StreamLast && StreamFrame.TryRead(ref r, type, out StreamFrame frame))
                error = to.OnStreamFrame(frame, _now);
            else if (type == FrameTypes.MaxData && MaxDataFrame.TryRead(ref r, out MaxDataFrame maxData))
                to.OnMaxData(maxData.Maximum);
            else if (type == FrameTypes.MaxStreamData && MaxStreamDataFrame.TryRead(ref r, out MaxStreamDataFrame maxStreamData))
                error = to.OnMaxStreamData(maxStreamData.Id, maxStreamData.Maximum);
            else if (type == FrameTypes.DataBlocked && DataBlockedFrame.TryRead(ref r, out DataBlockedFrame blocked))
                to.OnDataBlocked(blocked.Maximum);
            else if (type == FrameTypes.StreamDataBlocked && StreamDataBlockedFrame.TryRead(ref r, out StreamDataBlockedFrame streamBlocked))
                error = to.OnStreamDataBlocked(streamBlocked.Id, streamBlocked.Maximum);
            else
                Assert.Fail("unexpected frame");
            Assert.Null(error);
        }
    }
}
