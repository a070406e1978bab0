using Punchline.Quic.Recovery;
using Punchline.Quic.Wire;
using Xunit;
using static Punchline.Quic.Tests.Recovery.RecoveryFixture;

namespace Punchline.Quic.Tests.Recovery;

/// <summary>Each path owns its recovery: the move from a relay of 80 ms to a direct path of 5 ms.</summary>
public class PathIsolationTests
{
    private readonly RecordingController _relayController = new();
    private readonly RecordingController _directController = new();
    private readonly RecoveryPath _relay;
    private readonly RecoveryPath _direct;
    private readonly RecoveryFixture _f = new();

    public PathIsolationTests()
    {
        _relay = new RecoveryPath(Size, RttEstimator.DefaultInitial, _relayController);
        _direct = new RecoveryPath(Size, RttEstimator.DefaultInitial, _directController);
        _f.Path = _relay;
        _f.Sample(80, _relay);
        _f.Sample(5, _direct);
    }

    [Fact]
    public void What_the_faster_path_acknowledges_first_does_not_lose_what_is_under_way_on_the_slower()
    {
        ulong firstOnRelay = 2;
        _f.SendMany(20, _relay);
        _f.Detector.AbandonPath(_relay, _f.Now);
        _f.SendMany(20, _direct);
        _f.Wait(5);
        _f.Ack(firstOnRelay + 20, firstOnRelay + 39, on: _direct);
        // Everything that the timer wants until the relay's packets are acknowledged.
        Instant arrival = _f.Now + Ms(75);
        while (_f.Detector.NextTimeout < arrival)
            _f.RunTimer();
        _f.Now = arrival;
        _f.Ack(firstOnRelay, firstOnRelay + 39, on: _direct);

        Assert.Empty(_f.Lost);
        Assert.Equal(40, _f.Acked.Count);
        Assert.Empty(_relayController.Events);
        Assert.Empty(_directController.Events);
        Assert.Equal(0, _relay.BytesInFlight);
        Assert.Equal(0, _direct.BytesInFlight);
        Assert.Equal(Instant.Never, _f.Detector.NextTimeout);
    }

    [Fact]
    public void Only_what_is_really_lost_on_the_abandoned_path_is_given_up_at_its_own_timeout()
    {
        Instant sent = _f.Now;
        _f.SendMany(4, _relay);
        _f.Wait(2);
        _f.Detector.AbandonPath(_relay, _f.Now);
        ulong data = _f.Send(_direct);
        _f.Wait(5);
        _f.Ack(data, data, on: _direct);
        // The relay delivered the first of them: it comes last, so that it overtakes none.
        _f.Ack(2, 2, on: _direct);
        Assert.Empty(_f.Lost);
        // 80 + 4 * 40 + 25 after they were sent.
        while (_f.Lost.Count == 0)
            _f.RunTimer();
        Assert.Equal(sent + Ms(265), _f.Now);
        Assert.Equal([3ul, 4, 5], _f.Lost);
        Assert.Empty(_relayController.Events);
        Assert.Empty(_directController.Events);
        Assert.Equal(0, _relayController.PersistentCongestions);
        Assert.Equal(0, _relay.BytesInFlight);
        Assert.Equal(0, _f.Detector.PtoCount);
    }

    [Fact]
    public void An_abandoned_path_still_finds_reordering_within_itself()
    {
        _f.SendMany(4, _relay);
        _f.Detector.AbandonPath(_relay, _f.Now);
        _f.Wait(80);
        _f.Ack(5, 5, on: _direct);
        Assert.Equal([2ul], _f.Lost);
        Assert.Empty(_directController.Events);
        Assert.Single(_relayController.Events);
    }

    [Fact]
    public void A_path_long_dead_is_given_up_at_once()
    {
        _f.Send(_relay);
        _f.Wait(1000);
        _f.Detector.OnTimeout(_f.Now, _f);
        _f.Detector.AbandonPath(_relay, _f.Now);
        Assert.Equal(0, _f.Detector.PtoCount);
        Assert.True(_f.RunTimer().PacketsLost);
        Assert.Equal([2ul], _f.Lost);
    }

    [Fact]
    public void The_probe_timeout_is_that_of_the_path_in_use()
    {
        _f.Send(_relay);
        _f.Detector.AbandonPath(_relay, _f.Now);
        ulong data = _f.Send(_direct);
        // 5 + 4 * 2.5 + 25
        Assert.Equal(_f.Now, _f.Detector.NextTimeout);
        _f.RunTimer();
        Assert.Equal(_f.Now + Ms(40), _f.Detector.NextTimeout);
        Assert.Equal(new LossTimerResult(false, true, App), _f.RunTimer());
        _f.Ack(data, data, on: _direct);
        Assert.Equal([data], _f.Acked);
    }

    [Fact]
    public void A_sample_needs_the_acknowledgement_on_the_same_path()
    {
        ulong a = _f.Send(_relay);
        _f.Wait(40);
        _f.Ack(a, a, on: _direct);
        ulong b = _f.Send(_relay);
        _f.Wait(40);
        Assert.Null(_f.TryAck([new PacketRange(b, b)], App, null));
        Assert.Equal((1, 1), (_relay.Rtt.SampleCount, _direct.Rtt.SampleCount));
        ulong c = _f.Send(_relay);
        _f.Wait(40);
        _f.Ack(c, c, on: _relay);
        Assert.Equal(Ms(40), _relay.Rtt.Latest);
        Assert.Equal(Ms(5), _direct.Rtt.Latest);
    }

    [Fact]
    public void A_loss_on_one_path_slows_that_path_alone()
    {
        ulong first = _f.Send(_direct);
        _f.SendMany(3, _relay);
        _f.SendMany(3, _direct);
        _f.Wait(5);
        _f.Ack(first + 4, first + 6, on: _direct);
        Assert.Equal([first], _f.Lost);
        Assert.Single(_directController.Events);
        Assert.Empty(_relayController.Events);
        Assert.Equal(3 * Size, _relay.BytesInFlight);
        Assert.Equal(0, _direct.BytesInFlight);
    }

    [Fact]
    public void Interleaved_packets_of_two_paths_are_counted_apart()
    {
        // relay, direct, relay, direct …; three acknowledged on the direct path are six numbers ahead.
        for (int i = 0; i < 4; i++)
        {
            _f.Send(_relay);
            _f.Send(_direct);
        }
        _f.Wait(5);
        _f.AckRanges(new PacketRange(9, 9), new PacketRange(7, 7), new PacketRange(5, 5), new PacketRange(3, 3));
        Assert.Empty(_f.Lost);
        Assert.Equal(4 * Size, _relay.BytesInFlight);
    }

    [Fact]
    public void A_path_that_is_taken_up_again_has_its_timers_again()
    {
        ulong old = _f.Send(_relay);
        _f.Detector.AbandonPath(_relay, _f.Now);
        _f.RunTimer();
        _f.Detector.ResumePath(_relay, _f.Now);
        _f.Wait(264);
        Assert.Equal(default, _f.Detector.OnTimeout(_f.Now, _f));
        Assert.Equal(new LossTimerResult(false, true, App), _f.RunTimer());
        Assert.Empty(_f.Lost);
        _f.Ack(old, old);
        Assert.Equal([old], _f.Acked);
    }

    [Fact]
    public void A_probe_that_nobody_answers_is_given_up_and_holds_nothing_up()
    {
        var dead = new RecoveryPath(Size);
        ulong probe = _f.Send(dead, Data | SentPacketFlags.Probe);
        // 3 * (999 + 25) ms
        for (int i = 0; i < 307; i++)
        {
            ulong data = _f.Send(_direct);
            _f.Wait(10);
            _f.Ack(data, data, on: _direct);
            Assert.Empty(_f.Lost);
        }
        _f.Wait(3);
        ulong last = _f.Send(_direct);
        _f.Ack(last, last, on: _direct);
        Assert.Equal([probe], _f.Lost);
        Assert.Equal(0, dead.BytesInFlight);
        Assert.Empty(_directController.Events);
    }

    [Fact]
    public void A_probe_overtaken_on_its_own_path_is_lost_as_any_packet()
    {
        ulong probe = _f.Send(_direct, Data | SentPacketFlags.Probe);
        _f.SendMany(3, _direct);
        _f.Wait(5);
        _f.Ack(probe + 1, probe + 3, on: _direct);
        Assert.Equal([probe], _f.Lost);
    }

    [Fact]
    public void A_server_blocked_on_one_path_keeps_the_timer_of_the_other()
    {
        _f.Send(_relay);
        Instant relayTimeout = _f.Detector.NextTimeout;
        _f.Send(_direct);
        _direct.IsAmplificationBlocked = true;
        Assert.Equal(relayTimeout, _f.Detector.NextTimeout);
    }
}
