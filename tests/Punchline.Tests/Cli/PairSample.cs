using System.Net;
using Punchline.Quic;

namespace Punchline.Tests.Cli;

/// <summary>A pair's examination, and how programs and people read it.</summary>
internal static class PairSample
{
    public static readonly PairExamined Relayed = new(
        new DateTimeOffset(2026, 1, 2, 3, 4, 5, 678, TimeSpan.FromHours(1)), "ab12", "s.example:3478",
        new PairResult(PathKind.Relay, IPEndPoint.Parse("203.0.113.5:3478"), TimeSpan.FromMilliseconds(80.5), RelayCause.HardNats, "it is so", "do that"),
        new PairSide("a NAT", "address-dependent", "unknown", "random", true, [new PairCandidate(IPEndPoint.Parse("192.168.1.2:40001"), CandidateKind.Host)]),
        new PairSide("unknown", "unknown", "unknown", "unknown", null, [
            new PairCandidate(IPEndPoint.Parse("198.51.100.9:50001"), CandidateKind.ServerReflexive),
            new PairCandidate(IPEndPoint.Parse("198.51.100.9:53"), CandidateKind.Mapped, "ports below 1024 are never probed"),
        ]),
        [
            new PairTried(
                IPEndPoint.Parse("192.168.1.2:40001"), IPEndPoint.Parse("198.51.100.9:50001"), CandidateKind.ServerReflexive,
                9, TimeSpan.FromMilliseconds(120), 2, TimeSpan.FromMilliseconds(161), 1, TimeSpan.FromMilliseconds(200), TimeSpan.FromMilliseconds(40), PairOutcome.Narrow, "large ones are dropped"),
            new PairTried(
                null, IPEndPoint.Parse("[2001:db8::1]:5000"), CandidateKind.PeerReflexive,
                0, null, 0, null, 0, null, null, PairOutcome.NotProbed, "its turn had not come"),
        ],
        [new MethodTried("exchange", "missed", "nothing came through", TimeSpan.FromSeconds(2.5), 1, 1, 6)],
        TimeSpan.FromSeconds(15.5));

    /// <summary>One line; broken here for reading.</summary>
    public static readonly string Json = """
        {"event":"pair","time":"2026-01-02T02:04:05.678Z","peer":"ab12","server":"s.example:3478","kind":"relay","remote":"203.0.113.5:3478","rttMs":80.5,"cause":"hard-nats","because":"it is so","advice":"do that",
        "ours":{"nat":"a NAT","mapping":"address-dependent","filtering":"unknown","allocation":"random","translated":true,"candidates":[{"address":"192.168.1.2:40001","kind":"host"}]},
        "theirs":{"nat":"unknown","mapping":"unknown","filtering":"unknown","allocation":"unknown","candidates":[
        {"address":"198.51.100.9:50001","kind":"server-reflexive"},
        {"address":"198.51.100.9:53","kind":"mapped","notTried":"ports below 1024 are never probed"}]},
        "pairs":[{"local":"192.168.1.2:40001","remote":"198.51.100.9:50001","kind":"server-reflexive","sent":9,"sentAfterMs":120,"received":2,"receivedAfterMs":161,"answered":1,"answeredAfterMs":200,"rttMs":40,"outcome":"narrow","reason":"large ones are dropped"},
        {"remote":"[2001:db8::1]:5000","kind":"peer-reflexive","sent":0,"received":0,"answered":0,"outcome":"not-probed","reason":"its turn had not come"}],
        "methods":[{"method":"exchange","afterMs":2500,"sockets":1,"ports":1,"probes":6,"outcome":"missed","reason":"nothing came through"}],
        "seconds":15.5}
        """.ReplaceLineEndings("");

    public const string Text = """
        The pair: this side and ab12, who met through s.example:3478; watched for 15.5 s.
          This side: a NAT; filtering unknown, new ports random. It may be at:
            192.168.1.2:40001 (host)
          The other side: unknown; filtering unknown, new ports unknown. It may be at:
            198.51.100.9:50001 (server-reflexive)
            198.51.100.9:53 (mapped), not tried: ports below 1024 are never probed
          Pairs of addresses, ours first:
            192.168.1.2:40001 - 198.51.100.9:50001 (server-reflexive): large ones are dropped.
              9 probes sent from 120 ms on; theirs came from 161 ms on (2); ours was answered at 200 ms, 1 in all, round trip 40.0 ms.
            any - [2001:db8::1]:5000 (peer-reflexive): its turn had not come.
              nothing sent; none of theirs came; none of ours was answered.
          After 2.5 s the method exchange: 1 socket here, 6 probes to 1 port; nothing came through.
        Relayed through 203.0.113.5:3478, round trip 80.5 ms, because it is so.
        To go direct: do that.

        """;
}
