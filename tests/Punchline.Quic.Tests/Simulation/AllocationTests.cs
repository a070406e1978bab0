using Punchline.Testing;
using Xunit;

namespace Punchline.Quic.Tests.Simulation;

/// <summary>A warm connection allocates nothing for each packet: streams, datagrams, acknowledgements and timers together.</summary>
public sealed class AllocationTests
{
    private readonly DirectPair _pair = new();
    private readonly byte[] _bytes = new byte[64 * 1024];
    private long _received;

    [Fact]
    public void A_warm_stream_transfer_allocates_nothing()
    {
        Assert.True(_pair.Client.TryOpenStream(bidirectional: true, out StreamId id));
        Transfer(id, 64 << 20); // windows, rings and pools reach their size
        ulong packets = _pair.Client.Statistics.PacketsSent;
        long allocated = Allocated.InRound(() => Transfer(id, 64 << 20));
        packets = _pair.Client.Statistics.PacketsSent - packets;
        Assert.True(packets > 40_000, $"only {packets} packets");
        Assert.True(allocated == 0, $"{allocated} bytes for {packets} packets");
    }

    [Fact]
    public void Warm_datagrams_allocate_nothing()
    {
        Datagrams(4000);
        int received = 0;
        long allocated = Allocated.InRound(() => received = Datagrams(4000));
        Assert.Equal(4000, received);
        Assert.True(allocated == 0, $"{allocated} bytes for {received} datagrams");
    }

    private void Transfer(StreamId id, long bytes)
    {
        long sent = 0;
        long target = _received + bytes;
        while (_received < target)
        {
            if (sent < bytes)
            {
                _pair.Client.Write(id, _bytes.AsSpan(0, (int)Math.Min(_bytes.Length, bytes - sent)), out int accepted);
                sent += accepted;
            }
            _pair.Turn();
            while (_pair.Client.TryReadEvent(out _))
            {
            }
            while (_pair.Server.TryReadEvent(out _))
            {
            }
            while (_pair.Server.Read(id, _bytes, out int count) == StreamStatus.Ok && count > 0)
                _received += count;
        }
    }

    private int Datagrams(int count)
    {
        int received = 0;
        for (int i = 0; i < count; i++)
        {
            Assert.True(_pair.Client.TrySendDatagram(_bytes.AsSpan(0, 1000)));
            _pair.Turn();
            while (_pair.Server.TryReadEvent(out _))
            {
            }
            while (_pair.Server.TryReadDatagram(_bytes, out _))
                received++;
        }
        return received;
    }
}
