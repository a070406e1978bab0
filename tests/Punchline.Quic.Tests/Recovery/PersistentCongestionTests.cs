using Punchline.Quic.Recovery;
using Punchline.Quic.Wire;
using Xunit;
using static Punchline.Quic.Tests.Recovery.RecoveryFixture;

namespace Punchline.Quic.Tests.Recovery;

/// <summary>RFC 9002 section 7.6.</summary>
public class PersistentCongestionTests
{
    private readonly RecordingController _controller = new();
    private readonly RecoveryFixture _f;

    public PersistentCongestionTests()
    {
        _f = new RecoveryFixture(congestion: _controller);
        // PTO = 100 + 4 * 50 + 25 = 325 ms; the duration is 975 ms.
        _f.Sample(100);
        _f.Wait(1);
    }

    [Theory]
    // How far apart the ends of the run were sent, in ms: the duration must be exceeded.
    [InlineData(975, 0)]
    [InlineData(976, 1)]
    public void Needs_a_run_longer_than_three_probe_timeouts(double length, int expected)
    {
        SendLost(length);
        Assert.Equal([1ul, 2, 3], _f.Lost);
        Assert.Equal(expected, _controller.PersistentCongestions);
    }

    [Fact]
    public void The_example_of_section_7_6_3_collapses_the_window()
    {
        var f = new RecoveryFixture();
        // smoothed_rtt + 4 * rttvar + max_ack_delay = 2 s.
        f.Detector.PeerMaxAckDelay = Ms(500);
        f.Sample(500);
        Assert.Equal(TimeSpan.FromSeconds(2), f.Path.Rtt.ProbeTimeout(f.Detector.PeerMaxAckDelay));
        Instant zero = f.Now;
        void At(double seconds) => f.Now = zero + TimeSpan.FromSeconds(seconds);
        ulong first = 1;
        foreach (double t in new[] { 0.001, 1 })
        {
            At(t);
            f.Send();
        }
        At(1.2);
        f.Ack(first, first, on: new RecoveryPath(Size));
        foreach (double t in new double[] { 2, 3, 4, 5, 6, 8, 12 })
        {
            At(t);
            f.Send();
        }
        At(12.2);
        f.Ack(9, 9, on: new RecoveryPath(Size));
        Assert.Equal([2ul, 3, 4, 5, 6, 7, 8], f.Lost);
        // The minimum of two datagrams, and one more for packet 9, in slow start.
        Assert.Equal(3 * Size, f.Path.Congestion.Window);
        Assert.True(f.Path.Congestion.InSlowStart);
    }

    [Fact]
    public void An_acknowledged_packet_between_breaks_the_run()
    {
        ulong a = _f.Send();
        _f.Wait(500);
        ulong between = _f.Send();
        _f.Wait(1000);
        ulong b = _f.Send();
        _f.Wait(1);
        _f.SendMany(3);
        _f.Wait(100);
        _f.AckRanges(new PacketRange(b + 1, b + 3), new PacketRange(between, between));
        Assert.Equal([a, b], _f.Lost);
        Assert.Equal(0, _controller.PersistentCongestions);
    }

    [Fact]
    public void A_run_may_be_found_piece_by_piece()
    {
        ulong a = _f.Send();
        _f.Wait(700);
        ulong b = _f.Send();
        _f.Wait(700);
        ulong c = _f.Send();
        ulong d = _f.Send();
        ulong e = _f.Send();
        _f.Wait(1);
        // The newest is three and more ahead of two of them, and less than that of the others, which the timer finds.
        _f.Ack(e, e);
        Assert.Equal([a, b], _f.Lost);
        Assert.Equal(0, _controller.PersistentCongestions);
        _f.RunTimer();
        Assert.Equal([a, b, c, d], _f.Lost);
        Assert.Equal(1, _controller.PersistentCongestions);
    }

    [Fact]
    public void Only_ack_eliciting_packets_bound_the_run()
    {
        _f.Send(flags: SentPacketFlags.None);
        _f.Wait(1000);
        _f.Send();
        _f.Wait(1000);
        _f.Send(flags: SentPacketFlags.None);
        _f.SendMany(3);
        _f.Wait(100);
        _f.Ack(4, 6);
        Assert.Equal([1ul, 2, 3], _f.Lost);
        Assert.Equal(0, _controller.PersistentCongestions);
    }

    [Fact]
    public void Nothing_counts_that_was_sent_before_the_first_sample()
    {
        var controller = new RecordingController();
        var f = new RecoveryFixture(congestion: controller);
        f.SendMany(3, everyMs: 2000);
        f.SendMany(3);
        f.Wait(100);
        f.Ack(3, 5);
        Assert.Equal([0ul, 1, 2], f.Lost);
        Assert.Single(controller.Events);
        Assert.Equal(0, controller.PersistentCongestions);
    }

    [Fact]
    public void The_minimum_round_trip_is_renewed()
    {
        SendLost(5000, ackAfter: 300);
        Assert.Equal(1, _controller.PersistentCongestions);
        Assert.Equal(Ms(300), _f.Path.Rtt.Minimum);
    }

    private void SendLost(double length, double ackAfter = 100)
    {
        _f.Send();
        _f.Wait(length / 2);
        _f.Send();
        _f.Wait(length / 2);
        _f.Send();
        _f.SendMany(3);
        // The sample of this frame is taken before the duration is worked out, so it comes on another path here.
        _f.Wait(ackAfter);
        _f.Ack(4, 6, on: ackAfter == 100 ? new RecoveryPath(Size) : _f.Path);
    }
}
