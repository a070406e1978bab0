using Punchline.Quic;

namespace Punchline.Cli.Output;

/// <summary>Words and figures that both ways of showing events share.</summary>
internal static class EventWords
{
    public static string Of(ServiceProtocol protocol) => protocol == ServiceProtocol.Tcp ? "tcp" : "udp";

    public static string Of(ProgressStage stage) => stage switch
    {
        ProgressStage.Examining => "examining",
        ProgressStage.ReachingServer => "reaching-server",
        ProgressStage.ReachingHost => "reaching-host",
        ProgressStage.Punching => "punching",
        _ => "connected",
    };

    public static string Of(RelayCause cause) => cause switch
    {
        RelayCause.RelayOnly => "relay-only",
        RelayCause.NoUdp => "no-udp",
        RelayCause.HardNat => "hard-nat",
        RelayCause.HardNats => "hard-nats",
        RelayCause.Firewall => "firewall",
        RelayCause.SharedNat => "shared-nat",
        _ => "unknown",
    };

    public static string Of(Meeting meeting) => meeting switch
    {
        Meeting.Direct => "direct",
        Meeting.Foretold => "foretold",
        Meeting.Guessed => "guessed",
        _ => "relayed",
    };

    public static string Of(PathKind kind) => kind == PathKind.Direct ? "direct" : "relay";

    public static string Of(CandidateKind kind) => kind switch
    {
        CandidateKind.Host => "host",
        CandidateKind.ServerReflexive => "server-reflexive",
        CandidateKind.PeerReflexive => "peer-reflexive",
        _ => "mapped",
    };

    public static string Of(PairOutcome outcome) => outcome switch
    {
        PairOutcome.InUse => "in-use",
        PairOutcome.Works => "works",
        PairOutcome.Died => "died",
        PairOutcome.Narrow => "narrow",
        PairOutcome.OneWay => "one-way",
        PairOutcome.Silent => "silent",
        PairOutcome.Refused => "refused",
        _ => "not-probed",
    };

    public static double MegabitsPerSecond(Transferred transferred) =>
        transferred.Duration > TimeSpan.Zero ? transferred.Bytes * 8 / 1e6 / transferred.Duration.TotalSeconds : 0;
}
