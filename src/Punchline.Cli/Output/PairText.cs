using System.Globalization;
using Punchline.Quic;

namespace Punchline.Cli.Output;

/// <summary>A pair's examination as lines for people.</summary>
internal static class PairText
{
    /// <summary>All lines, and whether each is one to stand out.</summary>
    public static IEnumerable<(string Line, bool IsMain)> Of(PairExamined pair)
    {
        yield return (Say($"The pair: this side and {pair.Peer}, who met through {pair.Server}; watched for {pair.Duration.TotalSeconds:0.0} s."), false);
        foreach (var line in Side("This side", pair.Ours).Concat(Side("The other side", pair.Theirs)))
            yield return (line, false);
        yield return ("  Pairs of addresses, ours first:", false);
        if (pair.Pairs.Count == 0)
            yield return ("    none: there was nothing to try", false);
        foreach (var tried in pair.Pairs)
        {
            yield return ($"    {tried.Local?.ToString() ?? "any"} - {tried.Remote} ({EventWords.Of(tried.Kind)}): {tried.Reason}.", false);
            yield return ($"      {Passed(tried)}", false);
        }

        foreach (var tried in pair.Methods)
            yield return (Say($"  After {tried.BeganAfter.TotalSeconds:0.0} s the method {tried.Method}: {Count(tried.Sockets, "socket")} here, {Count(tried.Probes, "probe")} to {Count(tried.Ports, "port")}; {tried.Reason}."), false);
        yield return (Say($"{Way(pair.Result)} {pair.Result.Remote}, round trip {pair.Result.RoundTripTime.TotalMilliseconds:0.0} ms, because {pair.Result.Because}."), true);
        if (pair.Result.Advice.Length > 0)
            yield return ($"To go direct: {pair.Result.Advice}.", true);
    }

    private static IEnumerable<string> Side(string name, PairSide side)
    {
        yield return $"  {name}: {side.Nat}; filtering {side.Filtering}, new ports {side.Allocation}. It may be at:";
        foreach (var candidate in side.Candidates)
            yield return $"    {candidate.Address} ({EventWords.Of(candidate.Kind)}){(candidate.NotTried.Length > 0 ? $", not tried: {candidate.NotTried}" : "")}";
    }

    private static string Passed(PairTried tried)
    {
        var sent = tried.SentAfter is { } sentAfter ? Say($"{Count(tried.Sent, "probe")} sent from {sentAfter.TotalMilliseconds:0} ms on") : "nothing sent";
        var received = tried.ReceivedAfter is { } heardAfter ? Say($"theirs came from {heardAfter.TotalMilliseconds:0} ms on ({tried.Received})") : "none of theirs came";
        var answered = tried.AnsweredAfter is { } answeredAfter
            ? Say($"ours was answered at {answeredAfter.TotalMilliseconds:0} ms, {tried.Answered} in all, round trip {tried.RoundTripTime.GetValueOrDefault().TotalMilliseconds:0.0} ms")
            : "none of ours was answered";
        return $"{sent}; {received}; {answered}.";
    }

    private static string Way(PairResult result) => result.Kind == PathKind.Direct ? "Direct to" : "Relayed through";

    private static string Count(long count, string what) => Say($"{count} {what}{(count == 1 ? "" : "s")}");

    private static string Say(FormattableString text) => text.ToString(CultureInfo.InvariantCulture);
}
