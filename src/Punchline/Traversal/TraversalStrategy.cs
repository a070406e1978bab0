using Punchline.Stun;

namespace Punchline.Traversal;

/// <summary>What to try for a pair of networks.</summary>
/// <param name="AtOnce">Plain probing cannot work: not even its first round is worth waiting for.</param>
/// <param name="Methods">In this order; empty where a relay is all there is.</param>
internal readonly record struct TraversalPlan(bool AtOnce, IReadOnlyList<TraversalMethod> Methods);

/// <summary>
/// Which method may join two networks, from what is known of their NATs. Pure. What is not known counts as what it most probably is, and
/// plain probing goes on beside whatever is tried.
/// <code>
///              │ steady              foretold            scattered
///   ───────────┼─────────────────────────────────────────────────────
///   steady     │ exchange            exchange            birthday
///   foretold   │ exchange            exchange            –
///   scattered  │ birthday            –                   –
/// </code>
/// </summary>
internal static class TraversalStrategy
{
    /// <summary>What a side's NAT makes of a new peer.</summary>
    private enum Side : byte
    {
        /// <summary>The port that servers see is the port for everybody.</summary>
        Steady,

        /// <summary>The same, as far as ports of one address tell; it may be another one for another address.</summary>
        Uncertain,

        /// <summary>Another port for each peer, by a rule.</summary>
        Foretold,

        /// <summary>Another port for each peer, by no rule.</summary>
        Scattered,
    }

    /// <summary>Chooses.</summary>
    /// <param name="client">What is known of the client's NATs.</param>
    /// <param name="host">What is known of the host's.</param>
    public static TraversalPlan Choose(in NatReport client, in NatReport host)
    {
        Side a = SideOf(client);
        Side b = SideOf(host);
        // Whoever lets in everybody is found at the port that servers see.
        if (client.Filtering == NatFiltering.EndpointIndependent || host.Filtering == NatFiltering.EndpointIndependent)
            return new TraversalPlan(AtOnce: false, IsSteady(a) && IsSteady(b) ? [TraversalMethod.Exchange] : []);
        return new TraversalPlan(IsPlainFutile(client, a, host, b), MethodsFor(a, b));
    }

    private static TraversalMethod[] MethodsFor(Side client, Side host) => (client, host) switch
    {
        (Side.Scattered, Side.Scattered or Side.Foretold) or (Side.Foretold, Side.Scattered) => [],
        (Side.Scattered, _) => [TraversalMethod.ClientOpens],
        (_, Side.Scattered) => [TraversalMethod.HostOpens],
        // Two that look steady and do not meet: one of them may have another port for another address after all.
        (Side.Uncertain, Side.Uncertain) => [TraversalMethod.Exchange, TraversalMethod.ClientOpens, TraversalMethod.HostOpens],
        (Side.Uncertain, Side.Steady) => [TraversalMethod.Exchange, TraversalMethod.ClientOpens],
        (Side.Steady, Side.Uncertain) => [TraversalMethod.Exchange, TraversalMethod.HostOpens],
        _ => [TraversalMethod.Exchange],
    };

    /// <summary>
    /// Plain probing meets a side whose port is another for each peer only if the other side takes packets from any port; two such sides
    /// never meet by it.
    /// </summary>
    private static bool IsPlainFutile(in NatReport client, Side a, in NatReport host, Side b)
    {
        if (IsSteady(a) && IsSteady(b))
            return false;
        return (!IsSteady(a) || IsStrict(client)) && (!IsSteady(b) || IsStrict(host)) && !MayBeOpen(client) && !MayBeOpen(host);
    }

    private static Side SideOf(in NatReport report) => report switch
    {
        { IsTranslated: false } or { Mapping: NatMapping.EndpointIndependent } => Side.Steady,
        // A NAT that keeps ports keeps them for everybody, as a rule.
        { Mapping: NatMapping.PortIndependent, PreservesPort: true } => Side.Steady,
        { Mapping: NatMapping.PortIndependent or NatMapping.Unknown } => Side.Uncertain,
        { Allocation: PortAllocation.Sequential, Step: > 0 } => Side.Foretold,
        _ => Side.Scattered,
    };

    private static bool IsSteady(Side side) => side is Side.Steady or Side.Uncertain;

    private static bool IsStrict(in NatReport report) => report.Filtering == NatFiltering.AddressAndPortDependent;

    private static bool MayBeOpen(in NatReport report) => report.Filtering is NatFiltering.Unknown or NatFiltering.PortIndependent;
}
