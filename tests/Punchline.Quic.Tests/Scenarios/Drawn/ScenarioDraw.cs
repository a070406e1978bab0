using System.Collections.Immutable;
using Punchline.Testing;

namespace Punchline.Quic.Tests.Scenarios;

/// <summary>Draws a scenario from a seed. Sizes are such that a run costs some ten milliseconds, and times such that faults meet work.</summary>
internal static class ScenarioDraw
{
    /// <summary>Keeps the draw apart from the streams of the run itself, which begin with the seed.</summary>
    private const ulong DrawStream = 77;

    internal static Scenario From(ulong seed)
    {
        SeededRandomness draw = new SeededRandomness(seed).Fork(DrawStream);
        bool isPlain = draw.NextBool(0.25);
        var scenario = new Scenario
        {
            Seed = seed,
            IsPlain = isPlain,
            SharesNat = !isPlain && draw.NextBool(0.1),
            ClientNat = Nat(draw),
            HostNat = Nat(draw),
            ClientLeg = Leg(draw),
            HostLeg = Leg(draw),
            DirectLeg = Leg(draw),
            RelayRate = draw.NextBool(0.3) ? draw.NextInt(60_000, 1_000_000) : 0,
            OfferAt = isPlain || draw.NextBool(0.2) ? null : Milliseconds(draw, 0, 4_000),
            IdleTimeout = TimeSpan.FromSeconds(draw.NextBool(0.3) ? draw.NextInt(10, 60) : 60),
            // Small ones, so that flow control decides and not the network.
            MaxStreamWindow = draw.NextBool(0.5) ? draw.NextInt(1, 80) * 1024 : 8 << 20,
            MaxConnectionWindow = draw.NextBool(0.5) ? draw.NextInt(8, 160) * 1024 : 24 << 20,
            MaxStreams = draw.NextBool(0.5) ? draw.NextInt(1, 12) : 1024,
            Ending = (Ending)draw.NextInt(5),
            IdlesBeforeEnd = draw.NextBool(0.1),
        };
        // Only where the NATs let every pair through, so that the work can be done.
        if (scenario is { OfferAt: not null, SharesNat: false } && draw.NextBool(0.3))
        {
            scenario = scenario with
            {
                DataOverRelay = false,
                ClientNat = scenario.ClientNat with { Mapping = NatDependence.Independent, Filtering = NatDependence.Independent },
                HostNat = scenario.HostNat with { Mapping = NatDependence.Independent, Filtering = NatDependence.Independent },
            };
        }
        var faults = ImmutableArray.CreateBuilder<Fault>();
        for (int i = draw.NextInt(6); i > 0; i--)
            faults.Add(DrawFault(draw, isPlain));
        var works = ImmutableArray.CreateBuilder<Work>();
        for (int i = draw.NextInt(1, 7); i > 0; i--)
            works.Add(DrawWork(draw));
        return scenario with { Faults = faults.ToImmutable(), Works = works.ToImmutable() };
    }

    private static NatBehavior Nat(SeededRandomness draw) => new()
    {
        Mapping = (NatDependence)draw.NextInt(3),
        Filtering = (NatDependence)draw.NextInt(3),
        Ports = (NatPorts)draw.NextInt(3),
        Lifetime = TimeSpan.FromSeconds(draw.NextBool(0.3) ? draw.NextInt(8, 40) : 120),
        Hairpins = draw.NextBool(0.5),
    };

    private static LinkProfile Leg(SeededRandomness draw)
    {
        var delay = TimeSpan.FromMilliseconds(1 + (draw.NextBool(0.5) ? draw.NextInt(20) : draw.NextInt(150)));
        return new LinkProfile
        {
            Delay = delay,
            Jitter = draw.NextBool(0.4) ? delay * draw.NextDouble() : TimeSpan.Zero,
            Loss = draw.NextBool(0.4) ? 0.1 * draw.NextDouble() : draw.NextBool(0.1) ? 0.25 * draw.NextDouble() : 0,
            Burst = draw.NextBool(0.2)
                ? new BurstLoss { Good = Milliseconds(draw, 200, 3_000), Bad = Milliseconds(draw, 5, 150), LossWhenBad = 0.5 + (0.5 * draw.NextDouble()) }
                : null,
            Duplicate = draw.NextBool(0.2) ? 0.1 * draw.NextDouble() : 0,
            Corrupt = draw.NextBool(0.2) ? 0.03 * draw.NextDouble() : 0,
            Reorder = draw.NextBool(0.2) ? 0.1 * draw.NextDouble() : 0,
            Rate = draw.NextBool(0.3) ? draw.NextInt(60_000, 3_000_000) : 0,
            Queue = draw.NextInt(16_000, 300_000),
            MaxPayload = draw.NextBool(0.3) ? draw.NextInt(1200, 1472) : 1472,
        };
    }

    private static Fault DrawFault(SeededRandomness draw, bool isPlain)
    {
        var kind = (FaultKind)draw.NextInt(draw.NextBool(0.15) ? 11 : 10);
        TimeSpan at = Milliseconds(draw, 0, draw.NextBool(0.7) ? 3_000 : 15_000);
        // Mostly short, so that connections survive; sometimes longer than most timers, and rarely longer than all.
        TimeSpan length = draw.NextInt(20) switch
        {
            < 12 => Milliseconds(draw, 1, 1_500),
            < 18 => Milliseconds(draw, 500, 8_000),
            _ => Milliseconds(draw, 5_000, 90_000),
        };
        if (kind is FaultKind.Rebind or FaultKind.Narrow or FaultKind.Restart)
            length = TimeSpan.Zero;
        if (kind is FaultKind.Move)
            length = Milliseconds(draw, 0, 3_000); // until its owner has noticed
        int leg = isPlain ? 2 : draw.NextInt(3);
        return new Fault(at, kind, draw.NextBool(0.5), leg, length, draw.NextInt(1200, 1400));
    }

    private static Work DrawWork(SeededRandomness draw)
    {
        TimeSpan startAt = Milliseconds(draw, 0, draw.NextBool(0.6) ? 300 : 8_000);
        bool fromClient = draw.NextBool(0.6);
        switch (draw.NextInt(8))
        {
            case 0:
                return new Work(fromClient, startAt, draw.NextInt(1, 200), new Flow(draw.NextInt(8, 1_100), WriteEvery: Milliseconds(draw, 0, 40)),
                    null, false, IsDatagrams: true);
            case 1: // many small streams
                return new Work(fromClient, startAt, draw.NextInt(5, 60), Small(draw), draw.NextBool(0.6) ? Small(draw) : null, draw.NextBool(0.5), false);
            default:
                return new Work(fromClient, startAt, draw.NextInt(1, 4), DrawFlow(draw), draw.NextBool(0.7) ? DrawFlow(draw) : null, draw.NextBool(0.4), false);
        }
    }

    private static Flow Small(SeededRandomness draw)
    {
        int bytes = draw.NextInt(Workload.HeaderLength, 2_000);
        return new Flow(bytes, ResetAt: draw.NextBool(0.05) ? draw.NextInt(Workload.HeaderLength, 2_000) : -1,
            StopAt: draw.NextBool(0.05) ? draw.NextInt(bytes) : -1);
    }

    private static Flow DrawFlow(SeededRandomness draw)
    {
        int bytes = Workload.HeaderLength + draw.NextInt(1 << draw.NextInt(4, 18));
        var flow = new Flow(bytes);
        if (draw.NextBool(0.12))
            flow = flow with { ResetAt = Workload.HeaderLength + draw.NextInt(bytes) };
        if (draw.NextBool(0.12))
            flow = flow with { StopAt = draw.NextInt(bytes) };
        // A slow side needs at most 100 turns, so that it is done within some seconds.
        if (draw.NextBool(0.2))
            flow = flow with { ReadChunk = Math.Max(1, bytes / draw.NextInt(2, 100)), ReadEvery = Milliseconds(draw, 1, 60) };
        if (draw.NextBool(0.2))
            flow = flow with { WriteChunk = Math.Max(1, bytes / draw.NextInt(2, 100)), WriteEvery = Milliseconds(draw, 1, 60) };
        return flow;
    }

    private static TimeSpan Milliseconds(SeededRandomness draw, int from, int bound) => TimeSpan.FromMicroseconds(draw.NextInt(from * 1000, bound * 1000));
}
