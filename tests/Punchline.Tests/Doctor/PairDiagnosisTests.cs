using Punchline.Doctor;
using Punchline.Hosting;
using Punchline.Quic;
using Punchline.Quic.Paths;
using Punchline.Traversal;
using Xunit;
using static Punchline.Tests.Doctor.Seen;

namespace Punchline.Tests.Doctor;

/// <summary>The report on a pair, from what was seen.</summary>
public sealed class PairDiagnosisTests
{
    private static readonly DateTimeOffset Now = new(2026, 1, 2, 3, 4, 5, TimeSpan.Zero);

    [Fact]
    public void A_direct_pair_has_its_way_its_figures_and_both_networks()
    {
        UdpAddress second = Host.WithPort(50_002);
        PairExamined report = Report(Look(3, [
            Relayed(isCurrent: false), Direct(PathStage.Failed, Tally(9), remote: second), Direct(PathStage.Validated, Tally(3, 2, 1)).Used(),
        ], new RelayFacts(Easy, Hard)));
        Assert.Equal((Now, "ab12", "s.example", TimeSpan.FromSeconds(3)), (report.Time, report.Peer, report.Server, report.Duration));
        Assert.Equal(new PairResult(PathKind.Direct, Host.ToIPEndPoint(), TimeSpan.FromMilliseconds(40), null, "it is the only pair of addresses that works", ""), report.Result);
        Assert.Equal(("endpoint-independent", "address-and-port-dependent", true), (report.Ours.Mapping, report.Ours.Filtering, report.Ours.IsTranslated));
        Assert.Equal(("address-and-port-dependent", "random"), (report.Theirs.Mapping, report.Theirs.Allocation));
        Assert.Equal([CandidateKind.Host, CandidateKind.ServerReflexive], report.Ours.Candidates.Select(candidate => candidate.Kind));
        Assert.Equal(new PairCandidate(Host.ToIPEndPoint(), CandidateKind.ServerReflexive), Assert.Single(report.Theirs.Candidates));
        // What came farthest first; what no candidate names was made known by a packet of the host's.
        Assert.Equal([PairOutcome.InUse, PairOutcome.Silent], report.Pairs.Select(pair => pair.Outcome));
        Assert.Equal([CandidateKind.ServerReflexive, CandidateKind.PeerReflexive], report.Pairs.Select(pair => pair.Kind));
        Assert.Equal(
            new PairTried(
                Us.ToIPEndPoint(), Host.ToIPEndPoint(), CandidateKind.ServerReflexive, 3, Milliseconds(100), 2, Milliseconds(200), 1, Milliseconds(300), Milliseconds(40),
                PairOutcome.InUse, "in use"),
            report.Pairs[0]);
        Assert.Equal((9, Milliseconds(100), 0, null, 0, null, null), Passed(report.Pairs[1]));
        Assert.Empty(report.Methods);
    }

    [Fact]
    public void Of_several_that_work_it_is_told_how_many()
    {
        PairExamined report = Report(Look(3, [
            Relayed(isCurrent: false), Direct(PathStage.Validated, Tally(3, 2, 1)).Used(), Direct(PathStage.Validated, Tally(3, 2, 1), 50, Host.WithPort(50_002)),
        ]));
        Assert.Equal("it is the best of 2 pairs of addresses that work", report.Result.Because);
    }

    [Fact]
    public void A_relayed_pair_has_its_cause_and_advice()
    {
        PairExamined report = Report(Look(15, [Relayed(isCurrent: true), Direct(PathStage.Failed, Tally(9))], new RelayFacts(Hard, Hard)));
        RelayVerdict verdict = RelayVerdict.Of(new RelayFacts(Hard, Hard));
        Assert.Equal(
            new PairResult(PathKind.Relay, RelayServer.ToIPEndPoint(), TimeSpan.FromMilliseconds(80), RelayCause.HardNats, verdict.Because, verdict.Advice), report.Result);
    }

    [Fact]
    public void A_pair_that_lets_packets_through_in_one_direction_is_the_reason_where_the_NATs_are_none()
    {
        Way[] ways = [Relayed(isCurrent: true), Direct(PathStage.Failed, Tally(9, 3))];
        Assert.StartsWith("the other side's packets come in", Report(Look(15, ways)).Result.Because, StringComparison.Ordinal);
        Assert.StartsWith("this network lets no UDP out", Report(Look(15, ways, new RelayFacts(Easy, Easy) { WeLackUdp = true })).Result.Because, StringComparison.Ordinal);
    }

    [Fact]
    public void Of_a_host_that_has_not_said_nothing_is_known()
    {
        PairExamined report = Report(Look(15, [Relayed(isCurrent: true)], new RelayFacts(Easy, null)));
        Assert.Equal(("unknown", "unknown", "unknown", null), (report.Theirs.Nat, report.Theirs.Mapping, report.Theirs.Filtering, report.Theirs.IsTranslated));
        Assert.Empty(report.Pairs);
    }

    [Fact]
    public void A_candidate_that_is_not_tried_has_its_reason()
    {
        PairSnapshot look = Look(15, [Relayed(isCurrent: true)]);
        ToldCandidate[] told =
        [
            new(new Candidate(Address("198.51.100.9", 53), CandidateKind.Mapped), CandidateVerdict.LowPort),
            new(new Candidate(Address("2001:db8::1", 5000), CandidateKind.Host), CandidateVerdict.Probe),
        ];
        PairExamined report = Report(look with { Probing = look.Probing with { Theirs = told } });
        Assert.Equal(["this machine has no way to it: no IPv6 here", "ports below 1024 are never probed"], report.Theirs.Candidates.Select(candidate => candidate.NotTried));
    }

    [Fact]
    public void Attempts_are_told_with_their_figures_and_the_one_that_led_there_is_the_reason()
    {
        Way met = Direct(PathStage.Validated, Tally(3, 2, 1), remote: Host.WithPort(61_234)).Used();
        met = met with { Path = met.Path with { IsPair = false } };
        PairExamined report = Report(Look(12, [Relayed(isCurrent: false), met]) with
        {
            Attempts = [Attempt(TraversalMethod.Exchange, AttemptOutcome.Missed), Attempt(TraversalMethod.HostOpens, AttemptOutcome.Met)],
        });
        Assert.Equal("the two met by the birthday method, the host opens", report.Result.Because);
        Assert.Equal([("exchange", "missed"), ("birthday-host-opens", "met")], report.Methods.Select(tried => (tried.Method, tried.Outcome)));
        Assert.Equal((TimeSpan.FromSeconds(2), 1, 3, 9), (report.Methods[0].BeganAfter, report.Methods[0].Sockets, report.Methods[0].Ports, report.Methods[0].Probes));
        Assert.All(report.Methods, tried => Assert.NotEmpty(tried.Reason));
    }

    private static PairExamined Report(PairSnapshot look)
    {
        var watch = new PairWatch();
        watch.Add(look);
        return PairDiagnosis.Of(watch, "ab12", "s.example", Now);
    }

    private static (long, TimeSpan?, long, TimeSpan?, long, TimeSpan?, TimeSpan?) Passed(PairTried pair) =>
        (pair.Sent, pair.SentAfter, pair.Received, pair.ReceivedAfter, pair.Answered, pair.AnsweredAfter, pair.RoundTripTime);

    private static TimeSpan Milliseconds(int milliseconds) => TimeSpan.FromMilliseconds(milliseconds);
}
