using Punchline.Stun;
using Punchline.Traversal;

namespace Punchline.Doctor;

/// <summary>How this network meets those that friends have. Pure.</summary>
internal static class FriendExpectations
{
    /// <summary>They are met through the server whatever this network is.</summary>
    public const string WithoutUdp = "without UDP";

    private static readonly NatReport OpenNat = new(NatMapping.EndpointIndependent, NatFiltering.EndpointIndependent, true, true, true, PortAllocation.Preserving);

    private static readonly (string Name, NatReport Nat)[] Kinds =
    [
        ("open to everybody (a public address, a forwarded port)", OpenNat),
        ("behind a usual home router", OpenNat with { Filtering = NatFiltering.AddressAndPortDependent }),
        ("behind a NAT with another port for each peer, one after the other",
            new(NatMapping.AddressAndPortDependent, NatFiltering.AddressAndPortDependent, true, false, true, PortAllocation.Sequential, Step: 1)),
        ("behind a NAT with another, random port for each peer (mobile, company)",
            new(NatMapping.AddressAndPortDependent, NatFiltering.AddressAndPortDependent, true, false, true, PortAllocation.Random)),
    ];

    /// <summary>With each kind of friend, the easiest first.</summary>
    public static IReadOnlyList<Expectation> Of(NetworkFacts facts) =>
    [
        .. Kinds.Select(kind => new Expectation(kind.Name, With(facts, kind.Nat))),
        new Expectation("reached over IPv6 as well", facts.IPv6 is { Works: true } ? Meeting.Direct : With(facts, OpenNat with { Filtering = NatFiltering.AddressAndPortDependent })),
        new Expectation(WithoutUdp, Meeting.Relayed),
    ];

    private static Meeting With(NetworkFacts facts, in NatReport friend)
    {
        // Friends with IPv4 alone are met over IPv4 alone.
        if (facts.IPv4 is not { Works: true } udp)
            return Meeting.Relayed;
        if (facts.HasOpenPort)
            return Meeting.Direct;
        TraversalPlan plan = TraversalStrategy.Choose(udp.Nat, friend);
        if (!plan.AtOnce)
            return Meeting.Direct;
        return plan.Methods switch
        {
            [] => Meeting.Relayed,
            [TraversalMethod.Exchange, ..] => Meeting.Foretold,
            _ => Meeting.Guessed,
        };
    }
}
