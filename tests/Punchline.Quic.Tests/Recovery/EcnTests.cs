using Punchline.Quic.Recovery;
using Punchline.Quic.Wire;
using Xunit;
using static Punchline.Quic.Tests.Recovery.RecoveryFixture;

namespace Punchline.Quic.Tests.Recovery;

/// <summary>RFC 9000 section 13.4.2 and RFC 9002 section 7.1.</summary>
public class EcnTests
{
    private const SentPacketFlags Marked = Data | SentPacketFlags.EcnMarked;

    private readonly RecordingController _controller = new();
    private readonly RecoveryFixture _f;

    public EcnTests() => _f = new RecoveryFixture(congestion: _controller);

    private EcnValidator Ecn => _f.Path.Ecn;

    private void SendMarked(int count)
    {
        for (int i = 0; i < count; i++)
            _f.Send(flags: Marked);
    }

    [Fact]
    public void Ten_packets_test_a_path()
    {
        for (int i = 0; i < EcnValidator.TestPackets; i++)
        {
            Assert.True(Ecn.MayMark);
            SendMarked(1);
        }
        Assert.Equal(EcnState.Unknown, Ecn.State);
        Assert.False(Ecn.MayMark);
        _f.Ack(0, 0, ecn: new EcnCounts(1, 0, 0));
        Assert.Equal(EcnState.Capable, Ecn.State);
        Assert.True(Ecn.MayMark);
    }

    [Fact]
    public void Counts_that_fit_keep_a_path_capable()
    {
        SendMarked(4);
        // Acknowledgements may get lost: counts grow by more than what is newly acknowledged.
        _f.Ack(0, 0, ecn: new EcnCounts(1, 0, 0));
        _f.Ack(2, 2, ecn: new EcnCounts(3, 0, 0));
        _f.Ack(3, 3, ecn: new EcnCounts(4, 0, 0));
        Assert.Equal(EcnState.Capable, Ecn.State);
        Assert.Empty(_controller.Events);
    }

    public static TheoryData<bool, ulong, ulong, ulong> WrongCounts() => new()
    {
        // Not reported at all.
        { false, 0, 0, 0 },
        // Fewer than newly acknowledged: marks were wiped out.
        { true, 1, 0, 0 },
        { true, 0, 0, 0 },
        // ECT(1), which we never send.
        { true, 2, 1, 0 },
        { true, 0, 2, 0 },
        // More than we marked.
        { true, 4, 0, 0 },
        { true, 2, 0, 2 },
        { true, ulong.MaxValue >> 2, 0, ulong.MaxValue >> 2 },
    };

    [Theory]
    [MemberData(nameof(WrongCounts))]
    public void Counts_that_do_not_fit_end_marking(bool reported, ulong ect0, ulong ect1, ulong ce)
    {
        SendMarked(3);
        _f.Ack(0, 1, ecn: reported ? new EcnCounts(ect0, ect1, ce) : null);
        Assert.Equal(EcnState.Failed, Ecn.State);
        Assert.False(Ecn.MayMark);
        Assert.Empty(_controller.Events);
        // It stays so.
        _f.Ack(2, 2, ecn: new EcnCounts(3, 0, 0));
        Assert.Equal(EcnState.Failed, Ecn.State);
    }

    [Fact]
    public void Counts_that_shrink_end_marking()
    {
        SendMarked(4);
        _f.Ack(0, 2, ecn: new EcnCounts(2, 0, 1));
        Assert.Equal(EcnState.Capable, Ecn.State);
        _f.Ack(3, 3, ecn: new EcnCounts(4, 0, 0));
        Assert.Equal(EcnState.Failed, Ecn.State);
    }

    [Fact]
    public void A_reordered_acknowledgement_fails_nothing()
    {
        SendMarked(4);
        _f.Ack(2, 3, ecn: new EcnCounts(3, 0, 0));
        _f.Ack(1, 1, ecn: new EcnCounts(1, 0, 0));
        _f.Ack(0, 0);
        Assert.Equal(EcnState.Capable, Ecn.State);
    }

    [Fact]
    public void All_marked_packets_lost_end_marking()
    {
        SendMarked(EcnValidator.TestPackets);
        _f.SendMany(3);
        _f.Wait(10);
        _f.Ack(10, 12);
        Assert.Equal(10, _f.Lost.Count);
        Assert.Equal(EcnState.Failed, Ecn.State);
    }

    [Fact]
    public void A_mark_by_the_network_is_a_sign_of_congestion()
    {
        SendMarked(2);
        _f.Wait(1);
        Instant sent = _f.Now;
        SendMarked(2);
        _f.Wait(50);
        _f.Ack(0, 3, ecn: new EcnCounts(3, 0, 1));
        Assert.Equal((_f.Now, sent, true), Assert.Single(_controller.Events));
        SendMarked(1);
        _f.Ack(4, 4, ecn: new EcnCounts(4, 0, 1));
        Assert.Single(_controller.Events);
    }

    [Fact]
    public void A_mark_on_one_path_does_not_touch_the_other()
    {
        var controller = new RecordingController();
        var other = new RecoveryPath(Size, RttEstimator.DefaultInitial, controller);
        SendMarked(1);
        _f.Send(other, Marked);
        _f.Send(other);
        _f.Ack(0, 0, ecn: new EcnCounts(1, 0, 0));
        _f.Ack(1, 1, ecn: new EcnCounts(1, 0, 1));
        Assert.Empty(_controller.Events);
        Assert.Single(controller.Events);
        // Nor does a failure.
        _f.Send(other, Marked);
        _f.Ack(3, 3);
        Assert.Equal(EcnState.Failed, other.Ecn.State);
        Assert.Equal(EcnState.Capable, Ecn.State);
    }
}
