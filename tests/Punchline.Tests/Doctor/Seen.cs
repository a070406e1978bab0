using Punchline.Doctor;
using Punchline.Hosting;
using Punchline.Quic;
using Punchline.Quic.Paths;
using Punchline.Stun;
using Punchline.Testing;
using Punchline.Traversal;

namespace Punchline.Tests.Doctor;

/// <summary>Looks at a pair, made up.</summary>
internal static class Seen
{
    public static readonly NatReport Easy = NatReport.From(default, []) with
    {
        Mapping = NatMapping.EndpointIndependent, Filtering = NatFiltering.AddressAndPortDependent, IsTranslated = true,
    };

    public static readonly NatReport Hard = Easy with { Mapping = NatMapping.AddressAndPortDependent, Allocation = PortAllocation.Random };

    public static UdpAddress Us { get; } = Address("192.168.1.2", 40_001);

    public static UdpAddress OurNat { get; } = Address("203.0.113.1", 40_001);

    public static UdpAddress Host { get; } = Address("198.51.100.9", 50_001);

    public static UdpAddress RelayServer { get; } = Address("192.0.2.1", 3478);

    /// <summary>When the connection began.</summary>
    public static Instant Start { get; } = Instant.Zero + TimeSpan.FromMinutes(1);

    public static IReadOnlyList<Candidate> Ours { get; } = [new(Us, CandidateKind.Host), new(OurNat, CandidateKind.ServerReflexive)];

    public static UdpAddress Address(string address, int port) => new(System.Net.IPAddress.Parse(address), port);

    public static Instant At(double seconds) => Start + TimeSpan.FromSeconds(seconds);

    /// <summary>Probes sent from 0.1 s on, packets heard from 0.2 s on, answers from 0.3 s on.</summary>
    public static ProbeTally Tally(int sent, int heard = 0, int answered = 0, int roundTrip = 40)
    {
        ProbeTally tally = default;
        for (int i = 0; i < sent; i++)
            tally.OnSent(At(0.1));
        for (int i = 0; i < heard; i++)
        {
            tally.OnHeard(At(0.2));
            tally.OnChallenged();
        }
        for (int i = 0; i < answered; i++)
            tally.OnAnswered(At(0.3) - TimeSpan.FromMilliseconds(roundTrip), At(0.3));
        return tally;
    }

    /// <summary>A direct way to the host.</summary>
    public static Way Direct(PathStage stage, ProbeTally tally, int roundTrip = 40, UdpAddress remote = default, int refused = 0) => new(
        Us, refused,
        new PathReport(
            new SimulatedPath(PathKind.Direct, Us, remote.IsNone ? Host : remote), stage,
            new PathChooser.Rating(stage == PathStage.Validated, IsDirect: true, IsIPv6: false, TimeSpan.FromMilliseconds(roundTrip)), tally)
        {
            IsPair = true,
            WasValidated = stage == PathStage.Validated,
            IsProven = stage is PathStage.Validated or PathStage.Validating,
        });

    /// <summary>The way through the server.</summary>
    public static Way Relayed(bool isCurrent) => new(
        default, 0,
        new PathReport(
            new SimulatedPath(PathKind.Relay, Us, RelayServer), PathStage.Validated,
            new PathChooser.Rating(true, IsDirect: false, IsIPv6: false, TimeSpan.FromMilliseconds(80)), default) { IsCurrent = isCurrent });

    /// <summary>The same way, in use.</summary>
    public static Way Used(this Way way) => way with { Path = way.Path with { IsCurrent = true } };

    /// <summary>The same way, while probes are still to leave.</summary>
    public static Way Probed(this Way way) => way with { Path = way.Path with { IsBeingProbed = true } };

    /// <summary>A look, so many seconds after the start.</summary>
    public static PairSnapshot Look(double seconds, IReadOnlyList<Way> ways, RelayFacts? facts = null) => new(
        At(seconds),
        new ProbingReport(Start, 1, Ours, [new ToldCandidate(new Candidate(Host, CandidateKind.ServerReflexive), CandidateVerdict.Probe)], [.. ways.Select(way => way.Path)]),
        ways, facts ?? new RelayFacts(Easy, Easy), [], TraversalMethod.None, Instant.Never);

    public static AttemptReport Attempt(TraversalMethod method, AttemptOutcome outcome) => new(method, outcome, At(2), Sockets: 1, Ports: 3, Probes: 9);
}
