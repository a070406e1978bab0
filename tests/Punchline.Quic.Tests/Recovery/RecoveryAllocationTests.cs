using Punchline.Quic.Recovery;
using Punchline.Quic.Wire;
using Xunit;

namespace Punchline.Quic.Tests.Recovery;

/// <summary>A warm connection allocates nothing for sending, losing, acknowledging and receiving packets.</summary>
public sealed class RecoveryAllocationTests : ILossHandler
{
    private const PacketNumberSpace App = PacketNumberSpace.Application;

    private readonly LossDetector _detector = new(isServer: true) { HandshakeConfirmed = true };
    private readonly RecoveryPath _path = new(1200);
    private readonly RecoveryPath _other = new(1200);
    private readonly ReceivedPackets _received = new();
    private readonly byte[] _buffer = new byte[1200];
    private readonly SentFrame[] _frames =
        [new(SentFrameKind.Stream, 4, 0, 1000, false), new(SentFrameKind.MaxData, 0, 99, 0, false), new(SentFrameKind.Ack, 0, 7, 0, false)];
    private Instant _now = new(10_000_000);
    private ulong _pn;
    private long _acked;
    private long _lost;

    [Fact]
    public void Nothing_is_allocated_once_warm()
    {
        for (int i = 0; i < 50; i++)
            Round();
        long ackedBefore = _acked;
        long before = GC.GetAllocatedBytesForCurrentThread();
        for (int i = 0; i < 200; i++)
            Round();
        Assert.Equal(0, GC.GetAllocatedBytesForCurrentThread() - before);
        Assert.True(_acked - ackedBefore > 10_000);
        Assert.True(_lost > 100);
    }

    void ILossHandler.OnPacketAcked(PacketNumberSpace space, in SentPacket packet, ReadOnlySpan<SentFrame> frames) => _acked += frames.Length / 3;

    void ILossHandler.OnPacketLost(PacketNumberSpace space, in SentPacket packet, ReadOnlySpan<SentFrame> frames) => _lost++;

    /// <summary>100 packets on two paths, of which each tenth is lost, and their acknowledgement.</summary>
    private void Round()
    {
        for (int i = 0; i < 100; i++)
        {
            RecoveryPath path = i % 25 == 0 ? _other : _path;
            if (path.Pacer.Budget(_now) < 1200)
                _now = path.Pacer.NextSendTime(_now, 1200);
            _detector.OnPacketSent(App, _pn, _now, 1200, path, SentPacketFlags.AckEliciting | SentPacketFlags.InFlight, _frames);
            if (_pn % 10 != 5)
                _received.OnReceived(_pn, true, EcnCodepoint.Ect0, _now, TimeSpan.FromMilliseconds(25), false);
            _pn++;
        }
        _detector.OnPacketNumberSkipped(App, _pn++);
        _now += TimeSpan.FromMilliseconds(20);
        if (_received.AckDue(_now))
        {
            var writer = new WireWriter(_buffer);
            AckFrame.TryWrite(ref writer, _received.Ranges, 0, _received.Ecn);
            _received.OnAckSent();
            var reader = new WireReader(writer.Written);
            reader.TryReadVarInt(out ulong type);
            AckFrame.TryRead(ref reader, type, out AckFrame frame);
            _detector.OnAckReceived(App, frame, TimeSpan.Zero, _path, _now, this);
            _received.OnAckAcknowledged(_received.AckSerial - 1);
        }
        while (_detector.NextTimeout <= _now)
            _detector.OnTimeout(_now, this);
        _detector.TryGetOldestUnacked(App, out _);
    }
}
