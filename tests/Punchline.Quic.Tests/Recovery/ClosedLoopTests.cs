using Punchline.Quic.Recovery;
using Punchline.Quic.Wire;
using Xunit;

namespace Punchline.Quic.Tests.Recovery;

/// <summary>Sender, one link with a rate and a queue, receiver: all in virtual time.</summary>
public class ClosedLoopTests
{
    private const int Size = 1200;

    [Theory]
    // Mbit/s, round trip in ms, queue in packets
    [InlineData(100, 50, 520)]
    [InlineData(100, 50, 130)]
    [InlineData(20, 10, 40)]
    public void A_link_is_filled(int megabits, int rttMs, int queue)
    {
        var link = new Link(megabits * 1_000_000L / 8, TimeSpan.FromMilliseconds(rttMs), queue);
        link.Run(TimeSpan.FromSeconds(4));
        long before = link.Delivered;
        link.Run(TimeSpan.FromSeconds(16));
        double share = (link.Delivered - before) / (12.0 * megabits * 1_000_000 / 8);
        // The window of time cuts through packets, hence a little more than all of the link.
        Assert.InRange(share, 0.9, 1.001);
        // Every packet has one fate, and only what the queue dropped was declared lost.
        Assert.Equal(link.Dropped, link.LossReports + link.DroppedInFlight);
    }

    [Fact]
    public void Pacing_keeps_slow_start_from_overflowing_a_small_queue()
    {
        // An eighth of the bandwidth-delay product: bursts of a whole window would lose packets at once.
        var link = new Link(12_500_000, TimeSpan.FromMilliseconds(50), 65);
        link.Run(TimeSpan.FromMilliseconds(250));
        Assert.Equal(0, link.Dropped);
        Assert.True(link.Delivered > 60 * Size);
    }

    [Fact]
    public void Random_loss_is_repaired_and_nothing_is_lost_twice()
    {
        var link = new Link(2_500_000, TimeSpan.FromMilliseconds(40), 100) { DropOneIn = 50 };
        link.Run(TimeSpan.FromSeconds(20));
        Assert.True(link.LossReports > 50);
        Assert.Equal(link.Dropped, link.LossReports + link.DroppedInFlight);
        Assert.True(link.Delivered > 1_000_000);
    }

    /// <summary>A bottleneck with a tail-drop queue, and an endless sender in front of it.</summary>
    private sealed class Link(long bytesPerSecond, TimeSpan rtt, int queuePackets) : ILossHandler
    {
        private readonly LossDetector _detector = new(isServer: true) { HandshakeConfirmed = true };
        private readonly RecoveryPath _path = new(Size);
        private readonly ReceivedPackets _received = new();
        private readonly Queue<(Instant At, ulong Number)> _toReceiver = new();
        private readonly Queue<(Instant At, byte[] Frame)> _toSender = new();
        private readonly HashSet<ulong> _dropped = [];
        private readonly HashSet<ulong> _settled = [];
        private readonly byte[] _buffer = new byte[1200];
        private readonly Random _random = new(1);
        private Instant _now = new(10_000_000);
        private Instant _linkFree;
        private ulong _next;

        public int DropOneIn { get; init; }

        public long Delivered { get; private set; }

        public int Dropped => _dropped.Count;

        public int LossReports { get; private set; }

        public int DroppedInFlight => _dropped.Count(n => !_settled.Contains(n));

        private static TimeSpan MaxAckDelay => TimeSpan.FromMilliseconds(25);

        public void Run(TimeSpan until)
        {
            Instant end = new Instant(10_000_000) + until;
            while (true)
            {
                while (_toReceiver.TryPeek(out (Instant At, ulong Number) packet) && packet.At <= _now)
                    Receive(_toReceiver.Dequeue().Number);
                if (_received.AckDue(_now))
                    SendAck();
                while (_toSender.TryPeek(out (Instant At, byte[] Frame) ack) && ack.At <= _now)
                    ReceiveAck(_toSender.Dequeue().Frame);
                if (_detector.NextTimeout <= _now)
                    _detector.OnTimeout(_now, this);
                Instant sendAt = Send();
                Instant next = Instant.Min(_received.AckDeadline, Instant.Min(_detector.NextTimeout, sendAt));
                if (_toReceiver.TryPeek(out (Instant At, ulong Number) nextPacket))
                    next = Instant.Min(next, nextPacket.At);
                if (_toSender.TryPeek(out (Instant At, byte[] Frame) nextAck))
                    next = Instant.Min(next, nextAck.At);
                if (next > end)
                    return;
                _now = Instant.Max(next, _now);
            }
        }

        public void OnPacketAcked(PacketNumberSpace space, in SentPacket packet, ReadOnlySpan<SentFrame> frames)
        {
            if (_dropped.Contains(packet.Number))
                Assert.Fail("It never arrived.");
            Assert.True(_settled.Add(packet.Number));
        }

        public void OnPacketLost(PacketNumberSpace space, in SentPacket packet, ReadOnlySpan<SentFrame> frames)
        {
            if (!_dropped.Contains(packet.Number))
                Assert.Fail("It arrived: the loss is spurious.");
            Assert.True(_settled.Add(packet.Number));
            LossReports++;
        }

        private Instant Send()
        {
            while (_detector.ProbesDue(PacketNumberSpace.Application) > 0)
            {
                SendPacket();
                _detector.OnProbeSent(PacketNumberSpace.Application);
            }
            while (_path.CanSend(Size))
            {
                if (_path.Pacer.Budget(_now) < Size)
                    return _path.Pacer.NextSendTime(_now, Size);
                SendPacket();
            }
            return Instant.Never;
        }

        private void SendPacket()
        {
            const SentPacketFlags Flags = SentPacketFlags.AckEliciting | SentPacketFlags.InFlight;
            ulong pn = _next++;
            _detector.OnPacketSent(PacketNumberSpace.Application, pn, _now, Size, _path, Flags, []);
            Assert.True(_path.BytesInFlight <= _path.Congestion.Window || _detector.PtoCount > 0);
            TimeSpan wire = TimeSpan.FromSeconds((double)Size / bytesPerSecond);
            double queued = _linkFree > _now ? (_linkFree - _now) / wire : 0;
            if (queued >= queuePackets || (DropOneIn > 0 && _random.Next(DropOneIn) == 0))
            {
                _dropped.Add(pn);
                return;
            }
            _linkFree = Instant.Max(_linkFree, _now) + wire;
            _toReceiver.Enqueue((_linkFree + (rtt / 2), pn));
        }

        private void Receive(ulong pn)
        {
            Assert.False(_received.IsDuplicate(pn));
            _received.OnReceived(pn, true, EcnCodepoint.NotEct, _now, MaxAckDelay, immediate: false);
            Delivered += Size;
        }

        private void SendAck()
        {
            var writer = new WireWriter(_buffer);
            ulong delay = (ulong)(_received.Delay(_now).Ticks / TimeSpan.TicksPerMicrosecond);
            Assert.True(AckFrame.TryWrite(ref writer, _received.Ranges, delay, null));
            _toSender.Enqueue((_now + (rtt / 2), writer.Written.ToArray()));
            _received.OnAckSent();
        }

        private void ReceiveAck(byte[] bytes)
        {
            var reader = new WireReader(bytes);
            Assert.True(reader.TryReadVarInt(out ulong type));
            Assert.True(AckFrame.TryRead(ref reader, type, out AckFrame frame));
            TimeSpan delay = TimeSpan.FromMicroseconds((long)frame.Delay);
            Assert.Null(_detector.OnAckReceived(PacketNumberSpace.Application, frame, delay, _path, _now, this));
        }
    }
}
