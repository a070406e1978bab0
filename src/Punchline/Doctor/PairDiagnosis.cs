using Punchline.Hosting;
using Punchline.Quic;
using Punchline.Quic.Paths;
using Punchline.Stun;
using Punchline.Traversal;

namespace Punchline.Doctor;

/// <summary>From what was watched to what it means. Pure.</summary>
internal static class PairDiagnosis
{
    /// <summary>The report on a pair that was looked at at least once.</summary>
    public static PairExamined Of(PairWatch watch, string peer, string server, DateTimeOffset now)
    {
        PairSnapshot last = watch.Last!;
        Way current = last.Ways.First(way => way.Path.IsCurrent);
        List<PairTried> pairs = [.. watch.Ways
            .Select(way => PairOf(watch, way, current))
            .OrderBy(pair => pair.Outcome).ThenBy(pair => pair.RoundTripTime ?? TimeSpan.MaxValue)];
        return new PairExamined(
            now, peer, server, ResultOf(last, current, pairs),
            SideOf(last.Facts.Ours, last.Probing.Ours.Select(candidate => new PairCandidate(candidate.Address.ToIPEndPoint(), candidate.Kind))),
            SideOf(last.Facts.Theirs, watch.Theirs.Select(told => CandidateOf(told, pairs))),
            pairs, [.. last.Attempts.Select(attempt => MethodOf(attempt, last.Probing.StartedAt))], last.Elapsed);
    }

    private static PairResult ResultOf(PairSnapshot last, in Way current, List<PairTried> pairs)
    {
        if (!current.IsDirect)
        {
            RelayVerdict verdict = RelayVerdict.Of(last.Facts);
            // What was seen says more than what the NATs are like.
            string why = verdict.Cause is RelayCause.Firewall or RelayCause.Unknown && pairs.Exists(pair => pair.Outcome == PairOutcome.OneWay)
                ? "the other side's packets come in here, but what this side sends is not answered: a firewall drops it on its way" : verdict.Because;
            return new PairResult(PathKind.Relay, current.Remote.ToIPEndPoint(), current.Path.Rating.RoundTrip, verdict.Cause, why, verdict.Advice);
        }
        AttemptReport? met = last.Attempts.Where(attempt => attempt.Outcome == AttemptOutcome.Met).Select(attempt => (AttemptReport?)attempt).LastOrDefault();
        int working = pairs.Count(pair => pair.Outcome is PairOutcome.InUse or PairOutcome.Works);
        string because = met is { } attempt && !current.Path.IsPair ? $"the two met by the {PairWords.Of(attempt.Method)}"
            : working == 1 ? "it is the only pair of addresses that works"
            : $"it is the best of {working} pairs of addresses that work";
        return new PairResult(PathKind.Direct, current.Remote.ToIPEndPoint(), current.Path.Rating.RoundTrip, null, because, "");
    }

    private static PairSide SideOf(NatReport? report, IEnumerable<PairCandidate> candidates)
    {
        NatReport known = report ?? default;
        return new PairSide(
            NatText.Of(report), NatWords.Of(known.Mapping), NatWords.Of(known.Filtering), NatWords.Of(known.Allocation), known.IsTranslated,
            [.. candidates.OrderBy(candidate => candidate.Kind)]);
    }

    private static PairCandidate CandidateOf(in ToldCandidate told, List<PairTried> pairs)
    {
        var address = told.Candidate.Address.ToIPEndPoint();
        string why = PairWords.Of(told.Verdict);
        if (why.Length == 0 && !pairs.Exists(pair => pair.Remote.Equals(address)))
            why = told.Candidate.Address.IsIPv6 ? "this machine has no way to it: no IPv6 here" : "this machine has no way to it";
        return new PairCandidate(address, told.Candidate.Kind, why);
    }

    private static PairTried PairOf(PairWatch watch, in Way way, in Way current)
    {
        ProbeTally tally = way.Path.Tally;
        Instant start = watch.Last!.Probing.StartedAt;
        UdpAddress remote = way.Remote;
        CandidateKind kind = watch.Theirs.Where(told => told.Candidate.Address == remote)
            .Select(told => (CandidateKind?)told.Candidate.Kind).FirstOrDefault() ?? CandidateKind.PeerReflexive;
        (PairOutcome outcome, string reason) = PairReasons.Of(way, current, watch.Last.Probing.Ours);
        return new PairTried(
            way.Local.IsNone ? null : way.Local.ToIPEndPoint(), remote.ToIPEndPoint(), kind,
            tally.Sent, tally.FirstSentAt - start, tally.Received, tally.FirstHeardAt - start, tally.Answered, tally.FirstAnsweredAt - start, tally.RoundTrip,
            outcome, reason);
    }

    private static MethodTried MethodOf(in AttemptReport attempt, Instant start)
    {
        (string name, string reason) = PairWords.Of(attempt.Outcome);
        return new MethodTried(
            PairWords.NameOf(attempt.Method), name, reason, attempt.BeganAt - start, attempt.Sockets, attempt.Ports, attempt.Probes);
    }
}
