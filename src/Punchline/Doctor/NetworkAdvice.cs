using Punchline.PortMapping;
using Punchline.Stun;

namespace Punchline.Doctor;

/// <summary>The one change that would help this network most: what stops everything first, then what stops the most friends. Pure.</summary>
internal static class NetworkAdvice
{
    private const string OwnFirewall = "allow this program's UDP, in and out, in this computer's own firewall";

    public static string Of(NetworkFacts facts, IReadOnlyList<Expectation> expectations) => facts switch
    {
        { Channel.Failure: not null, BestUdp: null } => "see whether this computer is online, and whether the server's name and port are right",
        { BestUdp: null } when facts.IPv4?.DropsHere == true || facts.IPv6?.DropsHere == true => OwnFirewall,
        { BestUdp: null } => "allow UDP to the Internet in this network's firewall, or use another network: until then everything goes through the server",
        { Channel: { Failure: not null, IsSilent: false } } => "see to the server first, or use another one: without it friends are not found",
        { Channel.Failure: not null } => "allow TCP to the server's port in this network's firewall: without it friends are not found",
        { HasOpenPort: true } => Nothing,
        _ when facts.IPv4?.DropsHere == true || facts.Mappings?.Any(static mapping => mapping.IsDroppedHere) == true => OwnFirewall,
        _ when !expectations.Any(static expectation => expectation.Meeting is Meeting.Guessed or Meeting.Foretold || IsNeedless(expectation)) => Nothing,
        { IPv4: null } => "nothing here; friends without IPv6 are reached through the server, unless this network gets IPv4",
        { IPv4.Works: false } => "allow UDP over IPv4 in this network's firewall, for friends without IPv6",
        { IPv4.Nat.IsTranslated: false } => "let UDP come in to this computer in the router's firewall, for friends behind hard NATs",
        _ when facts.Mappings?.Any(static mapping => mapping.Verdict is MappingVerdict.Private or MappingVerdict.Elsewhere) == true =>
            facts.IPv6 is { Works: true }
                ? "IPv6 works here: friends who have it, too, are met directly whatever their NAT is"
                : "ask the provider for a public IPv4 address or for IPv6: its own NAT stands before the router's",
        { Gateway: null } => "forward a UDP port to this computer at its router, which could not be found from here",
        { MayMapPorts: false } => "let Punchline ask the router for a port (start it without --no-port-mapping)",
        _ => "turn on UPnP, NAT-PMP or PCP in the router, or forward a UDP port to this computer",
    };

    private const string Nothing = "nothing: friends are met directly here, unless their own network lets no UDP through";

    // Relayed although the friend has UDP.
    private static bool IsNeedless(Expectation expectation) => expectation is { Meeting: Meeting.Relayed, Friend: not FriendExpectations.WithoutUdp };
}
