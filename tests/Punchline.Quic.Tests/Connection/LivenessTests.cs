using Xunit;

namespace Punchline.Quic.Tests.Connection;

/// <summary>When silence ends a connection (RFC 9000 section 10.1).</summary>
public sealed class LivenessTests
{
    private static readonly Instant Start = Instant.Zero + TimeSpan.FromSeconds(1);

    [Theory]
    [InlineData(10, 0, 10)]
    [InlineData(10, 30, 10)]
    [InlineData(30, 10, 10)]
    [InlineData(0, 10, 10)]
    public void The_smaller_of_both_sides_timeouts_counts_and_zero_is_none(int ours, int peers, int seconds)
    {
        Liveness liveness = Of(ours);
        liveness.OnPeerTimeout(TimeSpan.FromSeconds(peers));

        Assert.Equal(Start + TimeSpan.FromSeconds(seconds), liveness.IdleDeadline(TimeSpan.FromMilliseconds(100)));
    }

    [Fact]
    public void It_is_never_shorter_than_three_probe_timeouts() =>
        Assert.Equal(Start + TimeSpan.FromSeconds(12), Of(10).IdleDeadline(TimeSpan.FromSeconds(4)));

    [Fact]
    public void Only_the_first_packet_that_asks_for_an_answer_puts_it_off()
    {
        Liveness liveness = Of(10);
        liveness.OnAckElicitingSent(Start + TimeSpan.FromSeconds(3));
        liveness.OnAckElicitingSent(Start + TimeSpan.FromSeconds(6));
        Assert.Equal(Start + TimeSpan.FromSeconds(13), liveness.IdleDeadline(TimeSpan.Zero));

        liveness.OnHeard(Start + TimeSpan.FromSeconds(7));
        Assert.Equal(Start + TimeSpan.FromSeconds(17), liveness.IdleDeadline(TimeSpan.Zero));
    }

    [Theory]
    [InlineData(4, 10, 4)] // with the keep-alives
    [InlineData(0, 10, 5)] // without any, in good time
    [InlineData(0, 0, null)]
    public void Who_waits_for_credit_says_so_before_the_end(int keepAlive, int idle, int? after) // section 4.1
    {
        var liveness = new Liveness(TimeSpan.FromSeconds(idle), TimeSpan.FromSeconds(keepAlive), TimeSpan.FromSeconds(6));
        liveness.Start(Start);

        Assert.Equal(after is { } seconds ? Start + TimeSpan.FromSeconds(seconds) : Instant.Never, liveness.BlockedDeadline);
    }

    [Fact]
    public void Silence_that_was_agreed_on_is_no_sign_of_death_and_an_unanswered_request_is()
    {
        Liveness liveness = Agreed(TimeSpan.FromSeconds(80), isBusy: false);
        Assert.Equal(Start + TimeSpan.FromSeconds(80), liveness.KeepAliveDeadline);
        Assert.Equal(Instant.Never, liveness.UnreachableDeadline);
        Assert.Equal(Start + TimeSpan.FromSeconds(140), liveness.IdleDeadline(TimeSpan.Zero));

        Instant asked = Start + TimeSpan.FromSeconds(80);
        liveness.OnAckElicitingSent(asked);
        Assert.Equal(asked + TimeSpan.FromSeconds(6), liveness.UnreachableDeadline);
        Assert.Equal(asked + TimeSpan.FromSeconds(60), liveness.IdleDeadline(TimeSpan.Zero));
        Assert.Equal(asked, liveness.SilentSince(Start));

        liveness.OnHeard(asked + TimeSpan.FromSeconds(1));
        Assert.Equal(Instant.Never, liveness.UnreachableDeadline);
    }

    [Fact]
    public void Who_serves_somebody_keeps_the_heartbeat_and_the_silence_before_it_does_not_count()
    {
        Liveness liveness = Agreed(TimeSpan.FromSeconds(80), isBusy: false);
        Instant busy = Start + TimeSpan.FromSeconds(70);
        liveness.Agree(busy, TimeSpan.FromSeconds(80), isBusy: true);
        Assert.Equal(Start + TimeSpan.FromSeconds(5), liveness.KeepAliveDeadline); // at once
        Assert.Equal(busy + TimeSpan.FromSeconds(6), liveness.UnreachableDeadline);
        Assert.Equal(busy, liveness.SilentSince(Start));
    }

    [Theory]
    [InlineData(false, 100 + 60)]
    [InlineData(true, 80 + 60)] // What was asked meanwhile was not answered.
    public void An_agreement_that_ends_ends_no_connection_that_was_silent_by_it(bool hasAsked, int seconds)
    {
        Liveness liveness = Agreed(TimeSpan.FromSeconds(200), isBusy: false);
        if (hasAsked)
            liveness.OnAckElicitingSent(Start + TimeSpan.FromSeconds(80));
        liveness.Agree(Start + TimeSpan.FromSeconds(100), TimeSpan.Zero, isBusy: false);
        Assert.Equal(Start + TimeSpan.FromSeconds(seconds), liveness.IdleDeadline(TimeSpan.Zero));
    }

    [Fact]
    public void An_agreement_under_the_heartbeat_or_without_one_changes_nothing()
    {
        Assert.Equal(Start + TimeSpan.FromSeconds(5), Agreed(TimeSpan.FromSeconds(4), isBusy: false).KeepAliveDeadline);
        Liveness mute = Of(60);
        mute.Agree(Start, TimeSpan.FromSeconds(80), isBusy: false);
        Assert.Equal(Instant.Never, mute.KeepAliveDeadline);
    }

    private static Liveness Agreed(TimeSpan quiet, bool isBusy)
    {
        var liveness = new Liveness(TimeSpan.FromSeconds(60), TimeSpan.FromSeconds(5), TimeSpan.FromSeconds(6));
        liveness.Start(Start);
        liveness.Agree(Start, quiet, isBusy);
        return liveness;
    }

    private static Liveness Of(int idleSeconds)
    {
        var liveness = new Liveness(TimeSpan.FromSeconds(idleSeconds), TimeSpan.Zero, TimeSpan.FromSeconds(6));
        liveness.Start(Start);
        return liveness;
    }
}
