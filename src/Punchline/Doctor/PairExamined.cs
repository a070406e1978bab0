using System.Net;
using Punchline.Quic;

namespace Punchline;

/// <summary>
/// What became of the search for a direct path to one host, pair of addresses by pair of addresses. Times are counted from the first packet of the
/// connection, which goes through the server.
/// </summary>
/// <param name="Time">When.</param>
/// <param name="Peer">The host's id, shortened for people.</param>
/// <param name="Server">Through which server the two met.</param>
/// <param name="Result">Which way data takes, and why.</param>
/// <param name="Ours">This side.</param>
/// <param name="Theirs">The host.</param>
/// <param name="Pairs">Every pair of addresses that was tried, or made known by a packet of the host's; what came farthest first.</param>
/// <param name="Methods">Attempts to meet where plain probing does not suffice, in order.</param>
/// <param name="Duration">How long it was watched.</param>
public sealed record PairExamined(
    DateTimeOffset Time, string Peer, string Server, PairResult Result, PairSide Ours, PairSide Theirs,
    IReadOnlyList<PairTried> Pairs, IReadOnlyList<MethodTried> Methods, TimeSpan Duration) : PunchlineEvent(Time);

/// <summary>Which way data takes in the end.</summary>
/// <param name="Kind">Direct or not.</param>
/// <param name="Remote">The host's address, or the server's.</param>
/// <param name="RoundTripTime">The shortest, as paths are chosen by it.</param>
/// <param name="Cause">If it is relayed: why, for programs.</param>
/// <param name="Because">Why, for people: the end of "direct, because …" or "relayed, because …".</param>
/// <param name="Advice">If it is relayed, what would help most: the end of "to go direct: …"; else empty.</param>
public sealed record PairResult(PathKind Kind, IPEndPoint Remote, TimeSpan RoundTripTime, RelayCause? Cause, string Because, string Advice);

/// <summary>One side's network, as it tells the other. The words are RFC 4787's.</summary>
/// <param name="Nat">In a few words, for people.</param>
/// <param name="Mapping">How its NAT maps.</param>
/// <param name="Filtering">How it filters.</param>
/// <param name="Allocation">How it finds the ports of new mappings.</param>
/// <param name="IsTranslated">False if servers see its own address; null if that is not known.</param>
/// <param name="Candidates">Addresses at which it may be reachable.</param>
public sealed record PairSide(
    string Nat, string Mapping, string Filtering, string Allocation, bool? IsTranslated, IReadOnlyList<PairCandidate> Candidates);

/// <summary>An address at which a side may be reachable.</summary>
/// <param name="Address">The address.</param>
/// <param name="Kind">Where it is known from.</param>
/// <param name="NotTried">Why nothing is sent there, for people; empty if something is, and for our own.</param>
public sealed record PairCandidate(IPEndPoint Address, CandidateKind Kind, string NotTried = "");

/// <summary>What became of a pair of addresses; the earlier, the farther.</summary>
public enum PairOutcome
{
    /// <summary>Data takes it.</summary>
    InUse,

    /// <summary>It works, and another one is in use.</summary>
    Works,

    /// <summary>It worked and does no more.</summary>
    Died,

    /// <summary>Small packets pass, full-sized ones do not.</summary>
    Narrow,

    /// <summary>The host's packets come in; what this side sends is not answered.</summary>
    OneWay,

    /// <summary>Nothing came back.</summary>
    Silent,

    /// <summary>This machine sends nothing there: there is no route, or its firewall forbids it.</summary>
    Refused,

    /// <summary>Nothing was sent.</summary>
    NotProbed,
}

/// <summary>A pair of addresses, and what passed between them as far as this side sees it.</summary>
/// <param name="Local">Our address; null if the system chooses it.</param>
/// <param name="Remote">The host's.</param>
/// <param name="Kind">Where the host's address is known from.</param>
/// <param name="Sent">Probes that left, small and full-sized.</param>
/// <param name="SentAfter">When the first did.</param>
/// <param name="Received">Probes of the host's that came.</param>
/// <param name="ReceivedAfter">When the first packet of the host's came this way.</param>
/// <param name="Answered">Our probes that the host answered.</param>
/// <param name="AnsweredAfter">When the first answer came.</param>
/// <param name="RoundTripTime">From a probe to its answer, the shortest.</param>
/// <param name="Outcome">What became of it.</param>
/// <param name="Reason">Why, for people.</param>
public sealed record PairTried(
    IPEndPoint? Local, IPEndPoint Remote, CandidateKind Kind, long Sent, TimeSpan? SentAfter, long Received, TimeSpan? ReceivedAfter,
    long Answered, TimeSpan? AnsweredAfter, TimeSpan? RoundTripTime, PairOutcome Outcome, string Reason);

/// <summary>An attempt to meet a hard NAT (docs/wire/tunnel.md), as this side saw it.</summary>
/// <param name="Method"><c>exchange</c>, <c>birthday-client-opens</c> or <c>birthday-host-opens</c>.</param>
/// <param name="Outcome"><c>running</c>, <c>met</c>, <c>missed</c>, <c>not-now</c>, <c>refused</c>, <c>no-answer</c>, <c>no-socket</c> or <c>overtaken</c>.</param>
/// <param name="Reason">The same for people.</param>
/// <param name="BeganAfter">When it was proposed.</param>
/// <param name="Sockets">That this side opened for it.</param>
/// <param name="Ports">Of the host's, how many this side tried.</param>
/// <param name="Probes">That left from this side.</param>
public sealed record MethodTried(string Method, string Outcome, string Reason, TimeSpan BeganAfter, int Sockets, int Ports, int Probes);
