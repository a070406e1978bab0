using Punchline.Quic.Recovery;
using Punchline.Quic.Streams;
using Punchline.Quic.Wire;
using Xunit;

namespace Punchline.Quic.Tests.Streams;

/// <summary>What a packet carried, as bytes and as its sender remembers it.</summary>
internal sealed record StreamPacket(byte[] Bytes, SentFrame[] Frames);

/// <summary>One end of a connection, reduced to its streams: packets are their frames alone.</summary>
internal sealed class StreamPeer(bool isClient, StreamLimits limits, ChunkPool? pool = null)
{
    private readonly byte[] _packet = new byte[2048];
    private readonly SentFrameList _sent = new();

    public StreamLimits Limits { get; } = limits;

    public StreamSet Set { get; } = new(isClient, limits, pool);

    public Instant Now { get; set; } = new(TimeSpan.TicksPerSecond);

    public static (StreamPeer Client, StreamPeer Server) Pair(StreamLimits? client = null, StreamLimits? server = null)
    {
        var a = new StreamPeer(true, client ?? new StreamLimits());
        var b = new StreamPeer(false, server ?? new StreamLimits());
        a.Learn(b.Limits);
        b.Learn(a.Limits);
        return (a, b);
    }

    public void Learn(StreamLimits peer) => Assert.Null(Set.OnPeerParameters((ulong)peer.InitialMaxData,
        (ulong)peer.InitialMaxStreamDataBidiLocal, (ulong)peer.InitialMaxStreamDataBidiRemote, (ulong)peer.InitialMaxStreamDataUni,
        (ulong)peer.MaxBidirectionalStreams, (ulong)peer.MaxUnidirectionalStreams));

    public StreamId Open(bool bidirectional = true)
    {
        Assert.True(Set.TryOpen(bidirectional, out StreamId id));
        return id;
    }

    /// <summary>Builds the next packet; null if there is nothing to send.</summary>
    public StreamPacket? Build(int size = 1200, bool all = true, StreamId? only = null)
    {
        _sent.Clear();
        var w = new WireWriter(_packet.AsSpan(0, size));
        Set.WriteFrames(ref w, _sent, all, only);
        return w.Position == 0 ? null : new StreamPacket(w.Written.ToArray(), _sent.AsSpan().ToArray());
    }

    /// <summary>Takes a packet's frames; returns the first error.</summary>
    public QuicError? Receive(ReadOnlySpan<byte> packet)
    {
        var r = new WireReader(packet);
        while (r.Remaining > 0)
        {
            Assert.True(FrameTypes.TryReadType(ref r, out ulong type, out bool minimal) && minimal);
            if (ReceiveFrame(ref r, type) is { } error)
                return error;
        }
        return null;
    }

    public QuicError? Receive(StreamPacket packet) => Receive(packet.Bytes);

    /// <summary>Gives a STREAM frame in.</summary>
    public QuicError? Stream(StreamId id, ulong offset, ReadOnlySpan<byte> data, bool fin = false)
    {
        var w = new WireWriter(new byte[data.Length + 32]);
        StreamFrame.WriteHeader(ref w, id, offset, data.Length, fin);
        w.WriteBytes(data);
        return Receive(w.Written);
    }

    public void Acked(StreamPacket packet)
    {
        foreach (SentFrame f in packet.Frames)
            Set.OnAcked(f);
    }

    public void Lost(StreamPacket packet)
    {
        foreach (SentFrame f in packet.Frames)
            Set.OnLost(f);
    }

    /// <summary>Sends everything that can go to the other side, which receives and acknowledges it at once. Returns the packets.</summary>
    public List<StreamPacket> Flush(StreamPeer to)
    {
        List<StreamPacket> packets = [];
        while (Build() is { } packet)
        {
            packets.Add(packet);
            Assert.Null(to.Receive(packet));
            Acked(packet);
        }
        Assert.False(Set.HasFramesToSend);
        return packets;
    }

    public List<StreamEvent> Events()
    {
        List<StreamEvent> events = [];
        while (Set.TryTakeEvent(out StreamEvent e))
            events.Add(e);
        return events;
    }

    public (StreamStatus Status, byte[] Data) Read(StreamId id, int size = 65536)
    {
        var data = new byte[size];
        StreamStatus status = Set.Read(id, data, out int count, Now);
        return (status, data[..count]);
    }

    /// <summary>The byte that every test writes at an offset of a stream.</summary>
    public static byte ByteAt(StreamId id, ulong offset) => (byte)((offset * 0x9E3779B97F4A7C15 + id.Value * 0xD1B54A32D192ED03) >> 56);

    public static byte[] Bytes(StreamId id, ulong offset, int count)
    {
        var bytes = new byte[count];
        for (int i = 0; i < count; i++)
            bytes[i] = ByteAt(id, offset + (ulong)i);
        return bytes;
    }

    private QuicError? ReceiveFrame(ref WireReader r, ulong type)
    {
        switch (type)
        {
            case >= FrameTypes.StreamFirst and <= FrameTypes.StreamLast:
                Assert.True(StreamFrame.TryRead(ref r, type, out StreamFrame stream));
                return Set.OnStreamFrame(stream, Now);
            case FrameTypes.ResetStream:
                Assert.True(ResetStreamFrame.TryRead(ref r, out ResetStreamFrame reset));
                return Set.OnResetStream(reset.Id, reset.Code, reset.FinalSize, Now);
            case FrameTypes.StopSending:
                Assert.True(StopSendingFrame.TryRead(ref r, out StopSendingFrame stop));
                return Set.OnStopSending(stop.Id, stop.Code);
            case FrameTypes.MaxData:
                Assert.True(MaxDataFrame.TryRead(ref r, out MaxDataFrame maxData));
                Set.OnMaxData(maxData.Maximum);
                return null;
            case FrameTypes.MaxStreamData:
                Assert.True(MaxStreamDataFrame.TryRead(ref r, out MaxStreamDataFrame maxStreamData));
                return Set.OnMaxStreamData(maxStreamData.Id, maxStreamData.Maximum);
            case FrameTypes.MaxStreamsBidirectional or FrameTypes.MaxStreamsUnidirectional:
                Assert.True(MaxStreamsFrame.TryRead(ref r, type, out MaxStreamsFrame maxStreams));
                return Set.OnMaxStreams(maxStreams.Bidirectional, maxStreams.Maximum);
            case FrameTypes.DataBlocked:
                Assert.True(DataBlockedFrame.TryRead(ref r, out DataBlockedFrame dataBlocked));
                Set.OnDataBlocked(dataBlocked.Maximum);
                return null;
            case FrameTypes.StreamDataBlocked:
                Assert.True(StreamDataBlockedFrame.TryRead(ref r, out StreamDataBlockedFrame streamBlocked));
                return Set.OnStreamDataBlocked(streamBlocked.Id, streamBlocked.Maximum);
            case FrameTypes.StreamsBlockedBidirectional or FrameTypes.StreamsBlockedUnidirectional:
                Assert.True(StreamsBlockedFrame.TryRead(ref r, type, out StreamsBlockedFrame streamsBlocked));
                return Set.OnStreamsBlocked(streamsBlocked.Bidirectional, streamsBlocked.Maximum);
            default:
                Assert.Fail("not a frame of streams: " + type);
                return null;
        }
    }
}
