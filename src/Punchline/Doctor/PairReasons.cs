using Punchline.Quic;
using Punchline.Quic.Paths;

namespace Punchline.Doctor;

/// <summary>Why a pair of addresses is in use or is not. Pure.</summary>
internal static class PairReasons
{
    /// <summary>Judges a pair.</summary>
    /// <param name="way">The pair.</param>
    /// <param name="current">The way that data takes.</param>
    /// <param name="ours">Our own candidates.</param>
    public static (PairOutcome Outcome, string Reason) Of(in Way way, in Way current, IReadOnlyList<Candidate> ours)
    {
        PathReport path = way.Path;
        ProbeTally tally = path.Tally;
        if (path.IsCurrent)
            return (PairOutcome.InUse, "in use");
        if (path.IsPaused)
            return (PairOutcome.Died, "it works now and then, but died more than once: it is left alone for a while");
        if (path.Stage == PathStage.Validated)
            return path.Rating.IsUsable ? (PairOutcome.Works, WhyNotPreferred(way, current)) : (PairOutcome.Died, "it worked, but what is sent there is no longer acknowledged");
        if (path.WasValidated)
            return (PairOutcome.Died, path.IsBeingProbed ? "it worked, but no longer does; it is being probed again" : "it worked, but no longer does");
        if (path.IsProven)
        {
            return path.IsBeingProbed
                ? (PairOutcome.Narrow, "it answers small packets; whether full-sized ones pass is not known yet")
                : (PairOutcome.Narrow, "small packets pass, but none of 1,200 bytes: something on the way drops large ones");
        }
        if (tally.FirstHeardAt is not null)
        {
            return tally.Sent == 0
                ? (PairOutcome.OneWay, "packets of the host's came in; there was nothing to answer them with yet")
                : (PairOutcome.OneWay, "packets of the host's come in, but none of ours was answered: one-way; the host's NAT or firewall drops them, or the answers are lost");
        }
        if (way.Refused > 0 && way.Refused >= tally.Sent)
            return (PairOutcome.Refused, "the system refused to send: no route, or this computer's own firewall forbids it");
        if (tally.Sent == 0)
            return (PairOutcome.NotProbed, "not probed: its turn had not come");
        return (PairOutcome.Silent, (path.IsBeingProbed ? "nothing has come back yet" : "nothing came back") + Hint(way.Remote, ours));
    }

    private static string WhyNotPreferred(in Way way, in Way current)
    {
        PathChooser.Rating rating = way.Path.Rating;
        PathChooser.Rating chosen = current.Path.Rating;
        if (!current.IsDirect)
            return "it works; data is about to take it";
        if (rating.IsLeaving)
            return "it works, but one of its addresses will soon be gone";
        string times = $"{PairWords.Milliseconds(rating.RoundTrip)} against {PairWords.Milliseconds(chosen.RoundTrip)}";
        if (rating.Biased <= chosen.Biased)
            return $"it works, and is not enough better than the pair in use to change, or not measured often enough yet ({times})";
        return rating.RoundTrip - chosen.RoundTrip >= PathChooser.MinimumGain ? $"it works, but is slower than the pair in use ({times})"
            : rating.Reach > chosen.Reach ? $"it works, but the pair in use is nearer ({times})"
            : chosen.IsIPv6 && !rating.IsIPv6 ? $"it works, but the pair in use is IPv6, which no NAT mapping can end ({times})"
            : $"it works, and is not better than the pair in use ({times})";
    }

    private static string Hint(UdpAddress remote, IReadOnlyList<Candidate> ours)
    {
        if (ours.Any(candidate => candidate.Kind != CandidateKind.Host && candidate.Address.SameHost(remote)))
            return ": it is the address of this side's own NAT, which does not send packets back inside (no hairpinning)";
        return remote.IsPrivate && !remote.IsLoopback ? ": it is a private address, which leads to the host only from within its own network" : "";
    }
}
