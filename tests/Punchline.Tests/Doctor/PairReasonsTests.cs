using Punchline.Doctor;
using Punchline.Quic;
using Punchline.Quic.Paths;
using Xunit;
using static Punchline.Tests.Doctor.Seen;

namespace Punchline.Tests.Doctor;

/// <summary>Why a pair of addresses is in use or is not, case by case.</summary>
public sealed class PairReasonsTests
{
    private static readonly Way InUse = Direct(PathStage.Validated, Tally(3, 3, 2)).Used();

    private static readonly Dictionary<string, (Way Way, Way Current, PairOutcome Outcome, string Reason)> Cases = new()
    {
        ["in use"] = (InUse, InUse, PairOutcome.InUse, "in use"),
        ["slower"] = (Direct(PathStage.Validated, Tally(3, 3, 2), roundTrip: 60), InUse, PairOutcome.Works, "slower than the pair in use (60.0 ms against 40.0 ms)"),
        ["a little faster"] = (Direct(PathStage.Validated, Tally(3, 3, 2), roundTrip: 38), InUse, PairOutcome.Works, "not enough better"),
        ["a little slower"] = (Direct(PathStage.Validated, Tally(3, 3, 2), roundTrip: 42), InUse, PairOutcome.Works, "not better"),
        ["not IPv6"] = (Direct(PathStage.Validated, Tally(3, 3, 2), roundTrip: 39), Rated(InUse, rating => rating with { IsIPv6 = true }), PairOutcome.Works, "is IPv6"),
        ["farther"] = (
            Rated(Direct(PathStage.Validated, Tally(3, 3, 2), roundTrip: 39), rating => rating with { Reach = PathReach.Public }),
            Rated(InUse, rating => rating with { Reach = PathReach.OnLink }), PairOutcome.Works, "nearer"),
        ["leaving"] = (Rated(Direct(PathStage.Validated, Tally(3, 3, 2)), rating => rating with { IsLeaving = true }), InUse, PairOutcome.Works, "soon be gone"),
        ["the first moment"] = (Direct(PathStage.Validated, Tally(3, 3, 2)), Relayed(isCurrent: true), PairOutcome.Works, "about to take it"),
        ["dead"] = (Rated(Direct(PathStage.Validated, Tally(3, 3, 2)), rating => rating with { IsUsable = false }), Relayed(isCurrent: true), PairOutcome.Died, "no longer acknowledged"),
        ["died"] = (
            Changed(Direct(PathStage.Failed, Tally(3, 3, 2)), path => path with { IsProven = true, WasValidated = true }), Relayed(isCurrent: true),
            PairOutcome.Died, "no longer does"),
        ["died, and is asked again"] = (
            Changed(Direct(PathStage.Opening, Tally(9, 3, 2)).Probed(), path => path with { IsProven = true, WasValidated = true }), Relayed(isCurrent: true),
            PairOutcome.Died, "probed again"),
        ["paused"] = (Changed(Direct(PathStage.Failed, Tally(3, 3, 2)), path => path with { IsPaused = true }), Relayed(isCurrent: true), PairOutcome.Died, "left alone"),
        ["narrow"] = (Changed(Direct(PathStage.Failed, Tally(9, 3, 1)), path => path with { IsProven = true }), Relayed(isCurrent: true), PairOutcome.Narrow, "none of 1,200 bytes"),
        ["perhaps narrow"] = (Direct(PathStage.Validating, Tally(9, 3, 1)).Probed(), Relayed(isCurrent: true), PairOutcome.Narrow, "not known yet"),
        ["one-way"] = (Direct(PathStage.Failed, Tally(9, 3)), Relayed(isCurrent: true), PairOutcome.OneWay, "one-way"),
        ["heard only"] = (Direct(PathStage.Opening, Tally(0, 1)), Relayed(isCurrent: true), PairOutcome.OneWay, "nothing to answer"),
        ["refused"] = (Direct(PathStage.Failed, Tally(9), refused: 9), Relayed(isCurrent: true), PairOutcome.Refused, "the system refused"),
        ["refused at first"] = (Direct(PathStage.Failed, Tally(9), refused: 2), Relayed(isCurrent: true), PairOutcome.Silent, "nothing came back"),
        ["silent"] = (Direct(PathStage.Failed, Tally(9)), Relayed(isCurrent: true), PairOutcome.Silent, "nothing came back"),
        ["silent so far"] = (Direct(PathStage.Opening, Tally(3)).Probed(), Relayed(isCurrent: true), PairOutcome.Silent, "yet"),
        ["a private address"] = (Direct(PathStage.Failed, Tally(9), remote: Address("10.0.0.7", 5000)), Relayed(isCurrent: true), PairOutcome.Silent, "private"),
        ["our own NAT"] = (Direct(PathStage.Failed, Tally(9), remote: OurNat.WithPort(50_002)), Relayed(isCurrent: true), PairOutcome.Silent, "hairpinning"),
        ["not probed"] = (Direct(PathStage.Opening, Tally(0)), Relayed(isCurrent: true), PairOutcome.NotProbed, "its turn"),
    };

    public static TheoryData<string> Names => [.. Cases.Keys];

    [Theory]
    [MemberData(nameof(Names))]
    public void Each_case_has_its_outcome_and_reason(string name)
    {
        (Way way, Way current, PairOutcome expected, string words) = Cases[name];
        (PairOutcome outcome, string reason) = PairReasons.Of(way, current, Ours);
        Assert.Equal(expected, outcome);
        Assert.Contains(words, reason, StringComparison.Ordinal);
    }

    [Fact]
    public void Every_outcome_is_among_the_cases() => Assert.Equal(Enum.GetValues<PairOutcome>(), Cases.Values.Select(entry => entry.Outcome).Distinct().Order());

    [Fact]
    public void Every_verdict_on_a_candidate_has_words_but_the_good_one()
    {
        foreach (CandidateVerdict verdict in Enum.GetValues<CandidateVerdict>())
            Assert.Equal(verdict == CandidateVerdict.Probe, PairWords.Of(verdict).Length == 0);
    }

    private static Way Rated(Way way, Func<PathChooser.Rating, PathChooser.Rating> change) => Changed(way, path => path with { Rating = change(path.Rating) });

    private static Way Changed(Way way, Func<PathReport, PathReport> change) => way with { Path = change(way.Path) };
}
