using Punchline.Quic.Recovery;
using Punchline.Quic.Wire;
using Xunit;
using static Punchline.Quic.Tests.Recovery.RecoveryFixture;

namespace Punchline.Quic.Tests.Recovery;

/// <summary>RFC 9002 sections 5.1 and 6.1: samples, thresholds, and what an ACK may say.</summary>
public class LossDetectionTests
{
    private static SentFrame Frame(ulong id) => new(SentFrameKind.Stream, id, id * 10, 100, false);

    [Fact]
    public void An_acknowledgement_reports_each_packet_once_with_its_frames()
    {
        var f = new RecoveryFixture();
        f.Send(frames: [Frame(1), Frame(2)]);
        f.Send(frames: [Frame(3)]);
        f.Wait(50);
        f.Ack(0, 1);
        f.Ack(0, 1);
        Assert.Equal([0ul, 1ul], f.Acked);
        Assert.Equal([Frame(1), Frame(2), Frame(3)], f.AckedFrames);
        Assert.Equal(0, f.Path.BytesInFlight);
        Assert.Equal(0, f.Path.PacketsInFlight);
        Assert.Equal(Ms(50), f.Path.Rtt.Latest);
        Assert.Equal(1ul, f.Detector.LargestAcked(App));
        Assert.False(f.Detector.HasAckElicitingInFlight(App));
        Assert.Equal(Instant.Never, f.Detector.NextTimeout);
    }

    [Fact]
    public void Three_later_packets_make_a_loss_and_two_do_not()
    {
        var f = new RecoveryFixture();
        f.SendMany(4);
        f.Wait(50);
        f.Ack(1, 2);
        Assert.Empty(f.Lost);
        f.Ack(1, 3);
        Assert.Equal([0ul], f.Lost);
    }

    [Fact]
    public void Skipped_numbers_do_not_count_as_later_packets()
    {
        var f = new RecoveryFixture();
        ulong early = f.Send();
        f.Skip();
        f.Skip();
        ulong late = f.Send();
        f.Wait(50);
        f.Ack(late, late);
        Assert.Empty(f.Lost);
        Assert.Equal(3ul, late - early);
    }

    [Fact]
    public void Reordering_within_the_time_threshold_is_no_loss()
    {
        var f = new RecoveryFixture();
        f.Sample(80);
        ulong first = f.Send();
        f.Wait(1);
        ulong second = f.Send();
        f.Wait(80);
        f.Ack(second, second);
        // 9/8 of 80 ms after the first was sent.
        Instant due = f.Now - Ms(81) + Ms(90);
        Assert.Equal(due, f.Detector.NextTimeout);
        Assert.False(f.Detector.OnTimeout(due - TimeSpan.FromTicks(1), f).PacketsLost);
        f.Ack(first, second);
        Assert.Empty(f.Lost);
        Assert.Equal([second, first], f.Acked);
        Assert.Equal(Instant.Never, f.Detector.NextTimeout);
    }

    [Fact]
    public void The_time_threshold_makes_a_loss()
    {
        var f = new RecoveryFixture();
        f.Sample(80);
        ulong first = f.Send(frames: [Frame(7)]);
        f.Wait(1);
        ulong second = f.Send();
        f.Wait(80);
        f.Ack(second, second);
        Assert.True(f.RunTimer().PacketsLost);
        Assert.Equal([first], f.Lost);
        Assert.Equal([Frame(7)], f.LostFrames);
        Assert.Equal(0, f.Path.BytesInFlight);
        Assert.Equal(Instant.Never, f.Detector.NextTimeout);
    }

    [Fact]
    public void The_time_threshold_has_a_floor_of_a_millisecond()
    {
        var f = new RecoveryFixture();
        f.Sample(0.1);
        f.Send();
        f.Send();
        f.Wait(0.1);
        f.Ack(2, 2);
        Assert.Empty(f.Lost);
        Assert.Equal(f.Now - Ms(0.1) + Ms(1), f.Detector.NextTimeout);
    }

    [Fact]
    public void Packets_after_the_largest_acknowledged_are_not_lost_however_old()
    {
        var f = new RecoveryFixture();
        f.SendMany(5);
        f.Wait(50);
        f.Ack(0, 0);
        f.Wait(10_000);
        f.Detector.OnTimeout(f.Now, f);
        Assert.Empty(f.Lost);
    }

    [Fact]
    public void A_late_acknowledgement_of_a_lost_packet_is_ignored()
    {
        var f = new RecoveryFixture();
        f.SendMany(5);
        f.Wait(50);
        f.AckRanges(new PacketRange(3, 3));
        Assert.Equal([0ul], f.Lost);
        long inFlight = f.Path.BytesInFlight;
        f.AckRanges(new PacketRange(3, 3), new PacketRange(0, 0));
        Assert.Equal([3ul], f.Acked);
        Assert.Equal(inFlight, f.Path.BytesInFlight);
        f.AckRanges(new PacketRange(0, 4));
        Assert.Equal([0ul], f.Lost);
        Assert.Equal([3ul, 1, 2, 4], f.Acked);
        Assert.Equal(0, f.Path.BytesInFlight);
    }

    [Fact]
    public void No_sample_unless_the_largest_is_newly_acknowledged()
    {
        var f = new RecoveryFixture();
        f.SendMany(2);
        f.Wait(50);
        f.Ack(1, 1);
        f.Wait(40);
        f.Ack(0, 1);
        Assert.Equal(1, f.Path.Rtt.SampleCount);
        Assert.Equal(Ms(50), f.Path.Rtt.Latest);
    }

    [Fact]
    public void No_sample_without_an_ack_eliciting_packet()
    {
        var f = new RecoveryFixture();
        f.Send(flags: SentPacketFlags.None, size: 50);
        Assert.Equal(0, f.Path.BytesInFlight);
        f.Wait(50);
        f.Ack(0, 0);
        Assert.False(f.Path.Rtt.HasSample);
        Assert.Equal([0ul], f.Acked);
    }

    [Fact]
    public void The_delay_is_bounded_once_the_handshake_is_confirmed()
    {
        var f = new RecoveryFixture();
        f.Sample(100);
        f.Send();
        f.Wait(200);
        f.Ack(1, 1, delayMs: 90);
        // 200 - 25 = 175: (7 * 100 + 175) / 8.
        Assert.Equal(Ms(109.375), f.Path.Rtt.Smoothed);
    }

    [Fact]
    public void The_delay_is_believed_before_the_handshake_is_confirmed_but_not_for_Initial_packets()
    {
        var f = new RecoveryFixture(confirmed: false);
        f.Send(space: Initial);
        f.Wait(100);
        f.Ack(0, 0, Initial);
        f.Send(space: Initial);
        f.Send(space: Handshake);
        f.Wait(200);
        f.Ack(1, 1, Initial, delayMs: 90);
        Assert.Equal(Ms(112.5), f.Path.Rtt.Smoothed);
        f.Ack(0, 0, Handshake, delayMs: 90);
        Assert.Equal(Ms(((7 * 112.5) + 110) / 8), f.Path.Rtt.Smoothed);
    }

    [Theory]
    [InlineData(3ul, 3ul)]
    [InlineData(0ul, 3ul)]
    [InlineData(1ul << 40, (1ul << 62) - 1)]
    public void An_acknowledgement_of_what_was_never_sent_is_a_violation(ulong smallest, ulong largest)
    {
        var f = new RecoveryFixture();
        f.SendMany(3);
        QuicError? error = f.TryAck([new PacketRange(smallest, largest)], App, f.Path);
        Assert.Equal((ulong)TransportErrorCode.ProtocolViolation, error?.Code);
        Assert.Equal(2ul, error?.FrameType);
        Assert.Empty(f.Acked);
        Assert.Equal(3 * Size, f.Path.BytesInFlight);
        Assert.Null(f.Detector.LargestAcked(App));
    }

    [Fact]
    public void An_acknowledgement_of_a_skipped_number_is_a_violation_even_later()
    {
        var f = new RecoveryFixture();
        f.SendMany(2);
        f.Skip();
        f.SendMany(2);
        f.Wait(50);
        f.AckRanges(new PacketRange(3, 4), new PacketRange(0, 1));
        f.SendMany(5);
        Assert.NotNull(f.TryAck([new PacketRange(9, 9), new PacketRange(0, 4)], App, f.Path));
        Assert.NotNull(f.TryAck([new PacketRange(2, 2)], App, f.Path));
        Assert.Null(f.TryAck([new PacketRange(9, 9), new PacketRange(3, 4), new PacketRange(0, 1)], App, f.Path));
    }

    [Fact]
    public void Spaces_are_apart()
    {
        var f = new RecoveryFixture(confirmed: false);
        f.Send(space: Initial);
        f.Send(space: Handshake);
        f.Wait(50);
        Assert.NotNull(f.TryAck([new PacketRange(0, 0)], App, f.Path));
        f.Ack(0, 0, Handshake);
        Assert.Equal(Size, f.Path.BytesInFlight);
        Assert.True(f.Detector.HasAckElicitingInFlight(Initial));
        Assert.Null(f.Detector.LargestAcked(Initial));
    }

    [Fact]
    public void The_controller_hears_of_a_loss_once_with_the_latest_lost_packet()
    {
        var controller = new RecordingController();
        var f = new RecoveryFixture(congestion: controller);
        f.Sample(50);
        f.SendMany(10, everyMs: 1);
        f.Wait(50);
        Instant latest = f.Now - Ms(50) - Ms(4);
        f.Ack(9, 10);
        Assert.Equal([1ul, 2, 3, 4, 5, 6, 7], f.Lost);
        (Instant now, Instant sentAt, bool isEcn) = Assert.Single(controller.Events);
        Assert.Equal((f.Now, latest, false), (now, sentAt, isEcn));
    }

    [Fact]
    public void The_loss_of_MTU_probes_and_of_pure_acknowledgements_is_no_congestion()
    {
        var controller = new RecordingController();
        var f = new RecoveryFixture(congestion: controller);
        f.Send(flags: Data | SentPacketFlags.MtuProbe, size: 1400);
        f.Send(flags: SentPacketFlags.None);
        f.SendMany(3);
        f.Wait(50);
        f.Ack(2, 4);
        Assert.Equal([0ul, 1], f.Lost);
        Assert.Empty(controller.Events);
        Assert.Equal(0, f.Path.BytesInFlight);
    }

    [Fact]
    public void Growth_is_allowed_only_while_the_window_is_used()
    {
        var controller = new RecordingController { Window = 10 * Size };
        var f = new RecoveryFixture(congestion: controller);
        f.SendMany(4);
        f.Wait(50);
        f.Ack(0, 3);
        Assert.All(controller.Acks, a => Assert.True(a.ApplicationLimited));
        controller.Acks.Clear();
        f.SendMany(6);
        f.Ack(4, 9);
        // In flight before the frame, for every packet of it.
        Assert.All(controller.Acks, a => Assert.Equal((6 * Size, false), (a.InFlightBefore, a.ApplicationLimited)));
        controller.Acks.Clear();
        f.SendMany(6);
        f.Path.IsApplicationLimited = true;
        f.Ack(10, 15);
        Assert.All(controller.Acks, a => Assert.True(a.ApplicationLimited));
    }

    [Fact]
    public void The_window_bounds_bytes_and_the_constant_bounds_packets()
    {
        var controller = new RecordingController { Window = 3 * Size };
        var f = new RecoveryFixture(congestion: controller);
        f.SendMany(2);
        Assert.True(f.Path.CanSend(Size));
        Assert.False(f.Path.CanSend(Size + 1));
        controller.Window = long.MaxValue;
        for (int i = 2; i < RecoveryPath.MaxPacketsInFlight; i++)
        {
            Assert.True(f.Path.CanSend(1));
            f.Send(size: 1);
        }
        Assert.False(f.Path.CanSend(1));
    }

    [Fact]
    public void What_is_remembered_is_bounded_when_nothing_is_acknowledged()
    {
        var f = new RecoveryFixture();
        for (int i = 0; i <= LossDetector.MaxTrackedPackets; i++)
            f.Detector.OnPacketSent(App, (ulong)i, f.Now, 40, f.Path, SentPacketFlags.None, [Frame((ulong)i)]);
        Assert.Equal(Instant.Zero, f.Detector.NextTimeout);
        Assert.True(f.Detector.OnTimeout(f.Now, f).PacketsLost);
        Assert.Equal([0ul], f.Lost);
        Assert.Equal([Frame(0)], f.LostFrames);
        Assert.Equal(Instant.Never, f.Detector.NextTimeout);
    }
}
