using Punchline.Doctor;
using Punchline.Hosting;
using Punchline.Quic;
using Punchline.Quic.Paths;
using Punchline.Traversal;
using Xunit;
using static Punchline.Tests.Doctor.Seen;

namespace Punchline.Tests.Doctor;

/// <summary>When a pair has been watched for long enough, and what is kept of what is no longer there.</summary>
public sealed class PairWatchTests
{
    private static readonly Way Silent = Direct(PathStage.Failed, Tally(9));

    [Fact]
    public void A_direct_path_is_watched_for_two_seconds_more()
    {
        var watch = new PairWatch();
        watch.Add(Look(0.2, [Relayed(isCurrent: true), Direct(PathStage.Opening, Tally(1)).Probed()]));
        Assert.False(watch.IsSettled);
        watch.Add(Look(1, [Relayed(isCurrent: false), Direct(PathStage.Validated, Tally(2, 2, 2)).Used()]));
        Assert.Contains("stands", watch.Doing, StringComparison.Ordinal);
        watch.Add(Look(2.9, [Relayed(isCurrent: false), Direct(PathStage.Validated, Tally(2, 2, 2)).Used()]));
        Assert.False(watch.IsSettled);
        watch.Add(Look(3, [Relayed(isCurrent: false), Direct(PathStage.Validated, Tally(2, 2, 2)).Used()]));
        Assert.True(watch.IsSettled);
    }

    [Fact]
    public void One_that_does_not_last_is_none()
    {
        var watch = new PairWatch();
        watch.Add(Look(1, [Relayed(isCurrent: false), Direct(PathStage.Validated, Tally(2, 2, 2)).Used()]));
        watch.Add(Look(2, [Relayed(isCurrent: true), Direct(PathStage.Failed, Tally(2, 2, 2))]));
        watch.Add(Look(3.5, [Relayed(isCurrent: false), Direct(PathStage.Validated, Tally(2, 2, 2)).Used()]));
        Assert.False(watch.IsSettled);
    }

    [Theory]
    [InlineData(14.9, false)]
    [InlineData(15, true)]
    public void Without_one_two_rounds_are_waited_for(double seconds, bool settled)
    {
        var watch = new PairWatch();
        watch.Add(Look(5, [Relayed(isCurrent: true), Silent]));
        watch.Add(Look(seconds, [Relayed(isCurrent: true), Silent]));
        Assert.Equal(settled, watch.IsSettled);
    }

    public static TheoryData<string, bool> Networks => new() { { "both hard", true }, { "one hides", true }, { "no UDP here", true }, { "no UDP there", true }, { "both easy", false } };

    [Theory]
    [MemberData(nameof(Networks))]
    public void Where_nothing_can_come_the_first_round_is_enough(string network, bool isFutile)
    {
        RelayFacts facts = network switch
        {
            "both hard" => new RelayFacts(Hard, Hard),
            "one hides" => new RelayFacts(Easy, Easy) { TheyHide = true },
            "no UDP here" => new RelayFacts(Easy, Easy) { WeLackUdp = true },
            "no UDP there" => new RelayFacts(Easy, Easy) { TheyLackUdp = true },
            _ => new RelayFacts(Easy, Easy),
        };
        var watch = new PairWatch();
        watch.Add(Look(3, [Relayed(isCurrent: true), Silent.Probed()], facts));
        Assert.False(watch.IsSettled);
        // Nor does a method that would begin, where one side has nothing to offer.
        PairSnapshot over = Look(4, [Relayed(isCurrent: true), Silent], facts);
        watch.Add(over with { Next = TraversalMethod.Exchange, NextAt = At(9) });
        Assert.Equal(network is not ("both easy" or "both hard"), watch.IsSettled);
        watch.Add(over);
        Assert.Equal(isFutile, watch.IsSettled);
        // A second round that begins changes nothing of that.
        watch.Add(Look(4.2, [Relayed(isCurrent: true), Silent.Probed()], facts));
        Assert.Equal(isFutile, watch.IsSettled);
    }

    [Fact]
    public void Where_nothing_is_to_be_probed_the_time_of_a_round_is_enough()
    {
        var watch = new PairWatch();
        watch.Add(Look(4.9, [Relayed(isCurrent: true)], new RelayFacts(Easy, Easy) { TheyHide = true }));
        Assert.False(watch.IsSettled);
        watch.Add(Look(5, [Relayed(isCurrent: true)], new RelayFacts(Easy, Easy) { TheyHide = true }));
        Assert.True(watch.IsSettled);
    }

    [Fact]
    public void Each_method_is_waited_for_once()
    {
        var watch = new PairWatch();
        PairSnapshot look = Look(16, [Relayed(isCurrent: true), Silent]) with { Next = TraversalMethod.HostOpens, NextAt = At(40) };
        watch.Add(look);
        Assert.False(watch.IsSettled);
        Assert.Contains("birthday", watch.Doing, StringComparison.Ordinal);
        // The host was busy: it has not been tried.
        watch.Add(look with { Attempts = [Attempt(TraversalMethod.HostOpens, AttemptOutcome.NotNow)] });
        Assert.False(watch.IsSettled);
        watch.Add(look with { Attempts = [Attempt(TraversalMethod.HostOpens, AttemptOutcome.Running)] });
        Assert.StartsWith("trying the birthday method", watch.Doing, StringComparison.Ordinal);
        Assert.False(watch.IsSettled);
        watch.Add(look with { Attempts = [Attempt(TraversalMethod.HostOpens, AttemptOutcome.Missed)] });
        Assert.True(watch.IsSettled);
    }

    [Fact]
    public void No_method_is_waited_for_beyond_fifty_seconds()
    {
        var watch = new PairWatch();
        PairSnapshot look = Look(16, [Relayed(isCurrent: true), Silent]) with { Next = TraversalMethod.HostOpens, NextAt = At(51) };
        watch.Add(look);
        Assert.True(watch.IsSettled);
        watch.Add(look with { At = At(49), Attempts = [Attempt(TraversalMethod.HostOpens, AttemptOutcome.Running)] });
        Assert.False(watch.IsSettled);
        watch.Add(look with { At = At(50), Attempts = [Attempt(TraversalMethod.HostOpens, AttemptOutcome.Running)] });
        Assert.True(watch.IsSettled);
    }

    [Fact]
    public void Ways_and_candidates_that_are_gone_are_kept_as_they_were_last_seen()
    {
        var watch = new PairWatch();
        watch.Add(Look(1, [Relayed(isCurrent: false), Direct(PathStage.Validated, Tally(2, 2, 2)).Used()]));
        PairSnapshot last = Look(2, [Relayed(isCurrent: true)]);
        watch.Add(last with { Probing = last.Probing with { Theirs = [] } });
        Way kept = Assert.Single(watch.Ways);
        Assert.Equal((true, false), (kept.Path.WasValidated, kept.Path.IsCurrent));
        Assert.Equal(Host, Assert.Single(watch.Theirs).Candidate.Address);
    }

    [Fact]
    public void One_that_worked_and_is_gone_has_died_whether_it_is_made_known_anew_or_not()
    {
        var watch = new PairWatch();
        watch.Add(Look(1, [Relayed(isCurrent: false), Direct(PathStage.Validated, Tally(2, 2, 2)).Used()]));
        watch.Add(Look(2, [Relayed(isCurrent: true)]));
        Assert.Equal(PairOutcome.Died, OutcomeOf(watch));
        watch.Add(Look(3, [Relayed(isCurrent: true), Direct(PathStage.Opening, Tally(1)).Probed()]));
        Assert.Equal(PairOutcome.Died, OutcomeOf(watch));
        watch.Add(Look(4, [Relayed(isCurrent: false), Direct(PathStage.Validated, Tally(2, 2, 2)).Used()]));
        Assert.Equal(PairOutcome.InUse, OutcomeOf(watch));

        static PairOutcome OutcomeOf(PairWatch watch)
        {
            Way current = watch.Last!.Ways.First(way => way.Path.IsCurrent);
            return PairReasons.Of(Assert.Single(watch.Ways), current, Ours).Outcome;
        }
    }

    [Fact]
    public void A_way_that_is_made_known_anew_keeps_its_first_account()
    {
        var watch = new PairWatch();
        watch.Add(Look(1, [Relayed(isCurrent: true), Direct(PathStage.Opening, Tally(3, 1))]));
        watch.Add(Look(2, [Relayed(isCurrent: true), Direct(PathStage.Failed, Tally(9, 1))]));
        ProbeTally again = default;
        again.OnHeard(At(6));
        again.OnChallenged();
        again.OnSent(At(6.1));
        watch.Add(Look(7, [Relayed(isCurrent: true), Direct(PathStage.Opening, again)]));
        ProbeTally both = Assert.Single(watch.Ways).Path.Tally;
        Assert.Equal((10u, 2u, At(0.2)), (both.Sent, both.Received, both.FirstHeardAt));
    }
}
