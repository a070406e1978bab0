using System.Globalization;
using Punchline.Discovery;
using Punchline.PortMapping;
using Punchline.Quic;
using Punchline.Stun;

namespace Punchline.Doctor;

/// <summary>The facts as findings, each with its word for programs and its line for people (docs/doctor.md). Pure.</summary>
internal static class NetworkFindings
{
    private const string Unknown = "unknown";
    private const string Yes = "yes";
    private const string No = "no";

    /// <summary>All of them, in the order to be read.</summary>
    public static IReadOnlyList<Finding> Of(NetworkFacts facts)
    {
        List<Finding> findings =
        [
            Addresses(facts.Network),
            new("router", facts.Gateway?.Address.ToIPAddress().ToString() ?? "none", facts.Gateway is { } gateway ? $"{gateway.Address.ToIPAddress()}" : "none on the way out over IPv4"),
            Server(facts.Channel),
            Udp("udp-ipv4", facts.IPv4, "IPv4"),
            Udp("udp-ipv6", facts.IPv6, "IPv6"),
            Firewall(facts),
        ];
        if (facts.BestUdp is { } udp)
            findings.AddRange(Nat(udp));
        if (facts.IPv4 is { Works: true, Nat.IsTranslated: not false } ipv4)
        {
            findings.Add(Hairpinning(facts.Hairpins));
            findings.Add(CarrierNat(facts, ipv4));
        }
        if (facts.Mappings is { } mappings)
            findings.AddRange(mappings.Select(Mapping));
        if (facts.Lifetime is { } lifetime)
        {
            string stream = LifetimeText.Of(lifetime.Stream);
            findings.Add(new("mapping-lifetime", stream, $"a silent mapping in use lives {stream}, one that was just opened {LifetimeText.Of(lifetime.Brief)}"));
        }
        return findings;
    }

    private static Finding Addresses(LocalNetwork network)
    {
        if (network.Usable.IsEmpty)
            return new("addresses", "none", "none: this computer has no network");
        string value = string.Join(' ', network.Usable.Select(usable => usable.Address.ToIPAddress().ToString()));
        return new("addresses", value, string.Join(", ", network.Usable.Select(usable => $"{usable.Address.ToIPAddress()} ({usable.Interface}{(usable.Kind == InterfaceKind.Virtual ? ", virtual" : "")})")));
    }

    private static Finding Server(in ChannelFacts channel) => channel.Failure is { } failure
        ? new("server", "failed", failure)
        : new("server", "reached", $"answers over TCP, and relays {(channel.Relays ? "data where no direct path is found" : "no data: a friend who is not reached directly is not reached")}");

    private static Finding Udp(string name, UdpFacts? udp, string family) => udp switch
    {
        null => new(name, "none", $"no {family} between this computer and the server"),
        { Works: true } => new(name, "works", string.Create(CultureInfo.InvariantCulture,
            $"works{(udp.RoundTripTime is { } rtt ? $", round trip {rtt.TotalMilliseconds:0.0} ms" : "")}; the server sees this computer at {udp.Mapped}")),
        { DropsHere: true } => new(name, "blocked-here", "blocked: the server's answers arrive, and a firewall of this computer drops them"),
        { DropsHere: false } => new(name, "blocked", "blocked: the server's answers do not arrive at this computer"),
        _ => new(name, "blocked", "blocked: the server does not answer"),
    };

    private static Finding Firewall(NetworkFacts facts)
    {
        bool?[] said = [facts.IPv4?.DropsHere, facts.IPv6?.DropsHere, facts.Mappings?.Any(static mapping => mapping.IsDroppedHere) == true ? true : null];
        const string Name = "own-firewall";
        if (said.Contains(true))
            return new(Name, "drops", "this computer's own firewall drops what it does not expect, even where router and NAT let it through");
        return said.Contains(false) || facts.IPv4 is { Nat.Filtering: NatFiltering.EndpointIndependent or NatFiltering.PortIndependent } || facts.HasOpenPort
            ? new(Name, "open", "this computer's own firewall drops nothing that arrives: what does not come was stopped before")
            : new(Name, Unknown, "not known: this system does not tell what it drops");
    }

    private static IEnumerable<Finding> Nat(UdpFacts udp)
    {
        NatReport nat = udp.Nat;
        yield return nat.IsTranslated switch
        {
            false => new("nat", No, "none: the server sees this computer's own address"),
            true => new("nat", Yes, $"yes, between {udp.Mapped.ToIPAddress()} and this computer"),
            null => new("nat", Unknown, "not known"),
        };
        if (nat.IsTranslated != false)
        {
            yield return nat.Mapping switch
            {
                NatMapping.EndpointIndependent => new("mapping", "endpoint-independent", "one public port for all peers: easy to meet (endpoint-independent mapping)"),
                NatMapping.PortIndependent => new("mapping", "port-independent", "one public port towards one address; the server has no second address to tell more (endpoint-independent mapping, most probably)"),
                NatMapping.AddressDependent => new("mapping", "address-dependent", "another public port for each peer's address: hard to meet (address-dependent mapping)"),
                NatMapping.AddressAndPortDependent => new("mapping", "address-and-port-dependent", "another public port for each peer: hard to meet (address- and port-dependent mapping)"),
                NatMapping.Dependent => new("mapping", "dependent", "another public port for other peers: hard to meet (address-dependent mapping, perhaps also port-dependent)"),
                _ => new("mapping", Unknown, "not known: only one server address answered"),
            };
            yield return nat.Allocation switch
            {
                PortAllocation.Preserving => new("port-allocation", "preserving", "the public port is the computer's own (port preservation)"),
                PortAllocation.Sequential => new("port-allocation", "sequential", $"public ports follow each other in steps of {nat.Step}: the next one can be foretold"),
                PortAllocation.Random => new("port-allocation", "random", "public ports follow no rule"),
                _ => new("port-allocation", Unknown, nat.PreservesPort == false ? "the public port is another than the computer's own; no more is needed, as it is one for all" : "not known"),
            };
        }
        yield return nat.Filtering switch
        {
            NatFiltering.EndpointIndependent => new("filtering", "endpoint-independent", "lets in packets from everybody (endpoint-independent filtering)"),
            NatFiltering.PortIndependent => new("filtering", "port-independent", "lets in packets from other ports of a peer that was sent to (endpoint-independent or address-dependent filtering)"),
            NatFiltering.AddressDependent => new("filtering", "address-dependent", "lets in packets from addresses that were sent to (address-dependent filtering)"),
            NatFiltering.AddressAndPortDependent => new("filtering", "address-and-port-dependent", "lets in packets from addresses and ports alone that were sent to (address- and port-dependent filtering)"),
            _ => new("filtering", Unknown, "not known: the server has no second port, or did not answer"),
        };
    }

    private static Finding Hairpinning(bool? hairpins) => hairpins switch
    {
        true => new("hairpinning", Yes, "yes: two computers behind this NAT can meet at its public address"),
        false => new("hairpinning", No, "no: two computers behind this NAT can meet at their inner addresses alone"),
        null => new("hairpinning", Unknown, "not tried: the public port is another one for each peer"),
    };

    // RFC 6598, or a router whose own outer address is not the one that servers see.
    private static Finding CarrierNat(NetworkFacts facts, UdpFacts udp)
    {
        const string Name = "carrier-nat";
        MappingFacts[] granted = [.. (facts.Mappings ?? []).Where(static mapping => mapping.Reply.Outcome == MappingOutcome.Granted)];
        if (granted.FirstOrDefault(static mapping => mapping.Verdict is MappingVerdict.Private or MappingVerdict.Elsewhere) is { } inner)
            return new(Name, Yes, $"yes: the router's outer address is {inner.Reply.Mapping.External.ToIPAddress()}, and the server sees {udp.Mapped.ToIPAddress()}");
        return granted is [] ? new(Name, Unknown, "not known: the router does not tell its outer address") : new(Name, No, "no: the router's outer address is the one that the server sees");
    }

    private static Finding Mapping(MappingFacts mapping)
    {
        string name = mapping.Protocol switch { MappingProtocol.Pcp => "pcp", MappingProtocol.NatPmp => "nat-pmp", _ => "upnp" };
        UdpAddress external = mapping.Reply.Mapping.External;
        return mapping switch
        {
            { IsFound: false } => new(name, "none", "the router does not answer it"),
            { Reply.Outcome: MappingOutcome.Silent } => new(name, "silent", "the router speaks it, and does not answer the wish for a port"),
            { Reply.Outcome: MappingOutcome.Refused } => new(name, "refused", string.Create(CultureInfo.InvariantCulture, $"the router refuses a port (code {mapping.Reply.Code})")),
            { IsOpen: true } => new(name, "open", $"the router opened {external}, and the server came in through it"),
            { IsDroppedHere: true } => new(name, "dropped-here", $"the router opened {external}, and a firewall of this computer drops what comes through it"),
            { Verdict: MappingVerdict.Private } => new(name, "private", $"the router opened a port of {external.ToIPAddress()}, which only those behind the same provider's NAT can reach"),
            { Verdict: MappingVerdict.Elsewhere } => new(name, "elsewhere", $"the router opened a port of {external.ToIPAddress()}, but the server sees another address: there is another NAT beyond it, or another way out"),
            { Verdict: MappingVerdict.Impossible } => new(name, "impossible", $"the router says that it opened {external}, where nobody can send to"),
            _ => new(name, "closed", $"the router says that it opened {external}, but nothing comes through"),
        };
    }
}
