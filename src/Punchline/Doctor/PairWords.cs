using System.Globalization;
using Punchline.Quic;
using Punchline.Quic.Paths;
using Punchline.Traversal;

namespace Punchline.Doctor;

/// <summary>What a pair's examination says in words.</summary>
internal static class PairWords
{
    /// <summary>A method for people.</summary>
    public static string Of(TraversalMethod method) => method switch
    {
        TraversalMethod.Exchange => "exchange of fresh ports",
        TraversalMethod.ClientOpens => "birthday method, this side opens",
        TraversalMethod.HostOpens => "birthday method, the host opens",
        _ => "none",
    };

    /// <summary>A method for programs.</summary>
    public static string NameOf(TraversalMethod method) => method switch
    {
        TraversalMethod.Exchange => "exchange",
        TraversalMethod.ClientOpens => "birthday-client-opens",
        TraversalMethod.HostOpens => "birthday-host-opens",
        _ => "none",
    };

    /// <summary>The end of an attempt, for programs and for people.</summary>
    public static (string Name, string Reason) Of(AttemptOutcome outcome) => outcome switch
    {
        AttemptOutcome.Running => ("running", "it still ran when the watch ended"),
        AttemptOutcome.Met => ("met", "the two met by it"),
        AttemptOutcome.Missed => ("missed", "everything was sent, and nothing came through"),
        AttemptOutcome.NotNow => ("not-now", "the host could not take part: it is busy with another friend or has just been, or no server tells it where this side is"),
        AttemptOutcome.Refused => ("refused", "the host takes no part in it: it was started with --no-spray, or is older"),
        AttemptOutcome.NoAnswer => ("no-answer", "the host or the server did not answer in time"),
        AttemptOutcome.NoSocket => ("no-socket", "this system gave no socket for it"),
        _ => ("overtaken", "something else was faster"),
    };

    /// <summary>Why nothing is sent to a candidate; empty if something is.</summary>
    public static string Of(CandidateVerdict verdict) => verdict switch
    {
        CandidateVerdict.Probe => "",
        CandidateVerdict.NoMachine => "no single machine has this address",
        CandidateVerdict.LowPort => "ports below 1024 are never probed",
        CandidateVerdict.Own => "it is an address of this program itself",
        CandidateVerdict.Loopback => "a loopback address means another machine there than here",
        CandidateVerdict.OtherLink => "it is link-local, and not on a link of this machine",
        CandidateVerdict.TooMany => "the host told too many at once",
        _ => "it is private and not on a link of this machine, and as many of these as may be are tried already",
    };

    public static string Milliseconds(TimeSpan time) => string.Create(CultureInfo.InvariantCulture, $"{time.TotalMilliseconds:0.0} ms");
}
