using Punchline.Quic.Recovery;
using Xunit;
using static Punchline.Quic.Tests.Recovery.RecoveryFixture;

namespace Punchline.Quic.Tests.Recovery;

/// <summary>RFC 9002 section 6.2: probe timeouts, backoff, and the handshake's deadlock.</summary>
public class ProbeTimeoutTests
{
    private static SentFrame Frame(ulong id) => new(SentFrameKind.Crypto, 0, id, 100, false);

    [Fact]
    public void The_timer_runs_from_the_last_ack_eliciting_packet()
    {
        var f = new RecoveryFixture();
        f.Sample(100);
        f.Send();
        f.Wait(10);
        f.Send();
        f.Wait(10);
        f.Send(flags: SentPacketFlags.None);
        // 100 + 4 * 50 + 25 after the second.
        Assert.Equal(f.Now - Ms(10) + Ms(325), f.Detector.NextTimeout);
    }

    [Fact]
    public void Each_timeout_doubles_the_next_and_loses_nothing()
    {
        var f = new RecoveryFixture();
        f.Sample(100);
        ulong oldest = f.Send(frames: [Frame(5)]);
        double pto = 325;
        for (int i = 1; i <= 5; i++)
        {
            Instant sent = f.Now;
            Assert.Equal(sent + Ms(pto), f.Detector.NextTimeout);
            Assert.Equal(default, f.Detector.OnTimeout(sent + Ms(pto) - TimeSpan.FromTicks(1), f));
            LossTimerResult result = f.RunTimer();
            Assert.Equal(new LossTimerResult(false, true, App), result);
            Assert.Equal(i, f.Detector.PtoCount);
            Assert.Equal(2, f.Detector.ProbesDue(App));
            Assert.True(f.Detector.TryGetOldestUnacked(App, out ReadOnlySpan<SentFrame> frames));
            Assert.Equal([Frame(5)], frames.ToArray());
            f.Send();
            f.Detector.OnProbeSent(App);
            f.Send();
            f.Detector.OnProbeSent(App);
            Assert.Equal(0, f.Detector.ProbesDue(App));
            pto *= 2;
        }
        Assert.Empty(f.Lost);
        f.Wait(100);
        f.Ack(oldest + 10, oldest + 10);
        Assert.Equal(0, f.Detector.PtoCount);
        Assert.Contains(oldest, f.Lost);
    }

    [Fact]
    public void A_timer_far_too_late_fires_once()
    {
        var f = new RecoveryFixture();
        f.Sample(100);
        f.Send();
        f.Wait(60_000);
        Assert.True(f.Detector.OnTimeout(f.Now, f).ProbeTimeout);
        Assert.Equal(default, f.Detector.OnTimeout(f.Now, f));
        Assert.Equal(f.Now + Ms(650), f.Detector.NextTimeout);
    }

    [Fact]
    public void The_backoff_does_not_overflow()
    {
        var f = new RecoveryFixture();
        f.Send();
        for (int i = 0; i < 80; i++)
        {
            f.RunTimer();
            Assert.True(f.Detector.NextTimeout > f.Now);
        }
    }

    [Fact]
    public void The_Application_space_has_no_timer_before_the_handshake_is_confirmed()
    {
        var f = new RecoveryFixture(isServer: true, confirmed: false);
        f.Send();
        Assert.Equal(Instant.Never, f.Detector.NextTimeout);
        f.Detector.HandshakeConfirmed = true;
        Assert.Equal(f.Now + Ms(999 + 25), f.Detector.NextTimeout);
    }

    [Fact]
    public void Max_ack_delay_counts_in_the_Application_space_only()
    {
        var f = new RecoveryFixture(isServer: true, confirmed: false);
        f.Send(space: Handshake);
        Assert.Equal(f.Now + Ms(999), f.Detector.NextTimeout);
    }

    [Fact]
    public void The_earlier_of_the_spaces_fires_and_the_others_send_along()
    {
        var f = new RecoveryFixture(isServer: true, confirmed: false);
        f.Send(space: Initial);
        f.Wait(1);
        f.Send(space: Handshake);
        LossTimerResult result = f.RunTimer();
        Assert.Equal(new LossTimerResult(false, true, Initial), result);
        Assert.Equal(2, f.Detector.ProbesDue(Initial));
        Assert.Equal(1, f.Detector.ProbesDue(Handshake));
        Assert.Equal(0, f.Detector.ProbesDue(App));
    }

    [Fact]
    public void No_probe_timeout_while_the_time_threshold_has_a_timer()
    {
        var f = new RecoveryFixture();
        f.Sample(80);
        ulong first = f.Send();
        f.Wait(1);
        ulong second = f.Send();
        f.Wait(80);
        f.Ack(second, second);
        Assert.Equal(new LossTimerResult(true, false, default), f.RunTimer());
        Assert.Equal([first], f.Lost);
        Assert.Equal(0, f.Detector.PtoCount);
    }

    [Fact]
    public void A_client_sends_on_while_the_server_may_be_blocked()
    {
        var f = new RecoveryFixture(confirmed: false);
        f.Send(space: Initial);
        f.Wait(100);
        f.Ack(0, 0, Initial);
        // Nothing is in flight, yet the timer runs, from now on: 100 + 4 * 50.
        Assert.Equal(f.Now + Ms(300), f.Detector.NextTimeout);
        Assert.Equal(new LossTimerResult(false, true, Initial), f.RunTimer());
        Assert.Equal(1, f.Detector.ProbesDue(Initial));

        // With Handshake keys it is a Handshake packet, which proves the address.
        f.Detector.HasHandshakeKeys = true;
        Assert.Equal(f.Now + Ms(600), f.Detector.NextTimeout);
        Assert.Equal(new LossTimerResult(false, true, Handshake), f.RunTimer());
        Assert.Equal(1, f.Detector.ProbesDue(Handshake));

        // An acknowledged Handshake packet ends it.
        f.Send(space: Handshake);
        f.Wait(100);
        f.Ack(0, 0, Handshake);
        Assert.True(f.Detector.PeerAddressValidated);
        Assert.Equal(0, f.Detector.PtoCount);
        Assert.Equal(Instant.Never, f.Detector.NextTimeout);
    }

    [Fact]
    public void Early_data_in_flight_does_not_hide_the_deadlock()
    {
        var f = new RecoveryFixture(confirmed: false);
        f.Send(space: Initial);
        f.Send(space: App);
        f.Wait(100);
        f.Ack(0, 0, Initial);
        Assert.Equal(f.Now + Ms(300), f.Detector.NextTimeout);
    }

    [Fact]
    public void A_client_keeps_its_backoff_on_Initial_acknowledgements()
    {
        var f = new RecoveryFixture(confirmed: false);
        f.Send(space: Initial);
        f.RunTimer();
        f.Send(space: Initial);
        f.Wait(10);
        f.Ack(1, 1, Initial);
        Assert.Equal(1, f.Detector.PtoCount);
    }

    [Fact]
    public void A_server_resets_its_backoff_on_every_acknowledgement()
    {
        var f = new RecoveryFixture(isServer: true, confirmed: false);
        f.Send(space: Initial);
        f.RunTimer();
        f.Wait(10);
        f.Ack(0, 0, Initial);
        Assert.Equal(0, f.Detector.PtoCount);
        Assert.Equal(0, f.Detector.ProbesDue(Initial));
    }

    [Fact]
    public void A_server_at_the_amplification_limit_has_no_timer_and_catches_up_when_unblocked()
    {
        var f = new RecoveryFixture(isServer: true, confirmed: false);
        f.Send(space: Handshake);
        f.Path.IsAmplificationBlocked = true;
        Assert.Equal(Instant.Never, f.Detector.NextTimeout);
        f.Wait(5000);
        f.Path.IsAmplificationBlocked = false;
        Assert.True(f.Detector.NextTimeout <= f.Now);
        Assert.True(f.Detector.OnTimeout(f.Now, f).ProbeTimeout);
    }

    [Fact]
    public void No_timer_for_path_probes_and_their_answers_keep_no_backoff_alive()
    {
        var f = new RecoveryFixture();
        f.Sample(100);
        ulong data = f.Send();
        f.RunTimer();
        var other = new RecoveryPath(Size);
        ulong probe = f.Send(other, Data | SentPacketFlags.Probe);
        f.Ack(probe, probe);
        // The answer to a probe of another path says nothing about the path that timed out.
        Assert.Equal(1, f.Detector.PtoCount);
        Assert.Equal(2, f.Detector.ProbesDue(App));
        f.Ack(data, data);
        Assert.Equal(0, f.Detector.PtoCount);
        f.Send(other, Data | SentPacketFlags.Probe);
        Assert.Equal(Instant.Never, f.Detector.NextTimeout);
        Assert.False(f.Detector.HasAckElicitingInFlight(App));
    }

    [Fact]
    public void What_a_probe_may_send_again_is_neither_a_path_probe_nor_an_MTU_probe()
    {
        var f = new RecoveryFixture();
        f.Send(flags: SentPacketFlags.None, frames: [Frame(1)]);
        f.Send(flags: Data | SentPacketFlags.Probe, frames: [Frame(2)]);
        f.Send(flags: Data | SentPacketFlags.MtuProbe, frames: [Frame(3)]);
        Assert.False(f.Detector.TryGetOldestUnacked(App, out _));
        f.Send(frames: [Frame(4)]);
        f.Send(frames: [Frame(5)]);
        ulong from = 0;
        Assert.True(f.Detector.TryGetUnacked(App, ref from, out ReadOnlySpan<SentFrame> frames));
        Assert.Equal([Frame(4)], frames.ToArray());
        Assert.True(f.Detector.TryGetUnacked(App, ref from, out frames));
        Assert.Equal([Frame(5)], frames.ToArray());
        Assert.False(f.Detector.TryGetUnacked(App, ref from, out _));
    }

    [Fact]
    public void Discarded_keys_take_their_packets_out_of_flight_unreported()
    {
        var f = new RecoveryFixture(isServer: true, confirmed: false);
        f.Send(space: Initial);
        f.Send(space: Handshake);
        f.RunTimer();
        f.Detector.DiscardSpace(Initial, f.Now);
        Assert.Equal(Size, f.Path.BytesInFlight);
        Assert.Equal(1, f.Path.PacketsInFlight);
        Assert.Equal(0, f.Detector.PtoCount);
        Assert.Equal(0, f.Detector.ProbesDue(Initial));
        f.Detector.DiscardSpace(Handshake, f.Now);
        Assert.Equal(0, f.Path.BytesInFlight);
        Assert.Equal(Instant.Never, f.Detector.NextTimeout);
        Assert.Empty(f.Lost);
        Assert.Empty(f.Acked);
    }

    [Fact]
    public void A_Retry_gives_back_what_was_sent_without_a_sign_of_congestion()
    {
        var f = new RecoveryFixture(confirmed: false);
        long window = f.Path.Congestion.Window;
        f.Send(space: Initial, frames: [Frame(1)]);
        f.Send(space: App, frames: [Frame(2)]);
        f.RunTimer();
        f.Detector.OnRetry(f.Now, f);
        Assert.Equal([Frame(1), Frame(2)], f.LostFrames);
        Assert.Equal(0, f.Path.BytesInFlight);
        Assert.Equal(window, f.Path.Congestion.Window);
        Assert.Equal(0, f.Detector.PtoCount);
        // Packet numbers go on (RFC 9000 section 17.2.5.3).
        Assert.Equal(1ul, f.Send(space: Initial));
        f.Wait(50);
        f.Ack(1, 1, Initial);
    }
}
