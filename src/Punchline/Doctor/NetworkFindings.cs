using System.Globalization;
using Punchline.Discovery;
using Punchline.PortMapping;
using Punchline.Quic;
using Punchline.Stun;

namespace Punchline.Doctor;

/// <summary>The facts as findings, each with its word for programs and its line for people (docs/doctor.md). Pure.</summary>
internal static class NetworkFindings
{
    private const string Unknown = NatWords.Unknown;
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
            Udp("udp-ipv4", facts.IPv4, "IPv4", facts.Channel),
            Udp("udp-ipv6", facts.IPv6, "IPv6", facts.Channel),
            Firewall(facts),
        ];
        if (facts.BestUdp is { } udp)
            findings.AddRange(Nat(udp));
        if (facts.IPv4 is { Works: true, Nat.IsTranslated: not false } ipv4)
        {
            findings.Add(Hairpinning(facts.Hairpins, ipv4.Nat));
            findings.Add(CarrierNat(facts, ipv4));
        }
        if (facts.Mappings is { } mappings)
            findings.AddRange(mappings.Select(Mapping));
        if (facts.Lifetime is { } lifetime)
        {
            string seconds = (lifetime.Stream.Held ?? (lifetime.Stream.Failed is null ? null : TimeSpan.Zero))?.TotalSeconds.ToString("0", CultureInfo.InvariantCulture) ?? Unknown;
            findings.Add(new("mapping-lifetime", seconds, $"a silent mapping in use lives {LifetimeText.Of(lifetime.Stream)}, one that was just opened {LifetimeText.Of(lifetime.Brief)}"));
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

    private static Finding Udp(string name, UdpFacts? udp, string family, in ChannelFacts channel) => udp switch
    {
        null when channel.Failure is not null => new(name, Unknown, $"not asked: no address of the server's over {family} is known, or no way leads there"),
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
        if (facts.HasOpenPort || facts.IPv4 is { Nat.Filtering: NatFiltering.PortIndependent } || facts.IPv6 is { Nat.Filtering: NatFiltering.PortIndependent })
            return new(Name, "open", "this computer's own firewall lets in what it does not expect");
        return new(Name, Unknown, said.Contains(false)
            ? "not known: nothing that was not expected came as far as this computer; it was stopped before"
            : "not known: no unexpected packet could be had from the server, or this system does not tell what it drops");
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
            yield return new("mapping", NatWords.Of(nat.Mapping), TextOf(nat.Mapping));
            yield return new("port-allocation", NatWords.Of(nat.Allocation), AllocationText(nat));
        }
        yield return new("filtering", NatWords.Of(nat.Filtering), TextOf(nat.Filtering));
    }

    private static string TextOf(NatMapping mapping) => mapping switch
    {
        NatMapping.EndpointIndependent => "one public port for all peers: easy to meet (endpoint-independent mapping)",
        NatMapping.PortIndependent => "one public port towards one address; the server has no second address to tell more (endpoint-independent mapping, most probably)",
        NatMapping.AddressDependent => "another public port for each peer's address: hard to meet (address-dependent mapping)",
        NatMapping.AddressAndPortDependent => "another public port for each peer: hard to meet (address- and port-dependent mapping)",
        NatMapping.Dependent => "another public port for other peers: hard to meet (address-dependent mapping, perhaps also port-dependent)",
        _ => "not known: only one server address answered",
    };

    private static string AllocationText(NatReport nat) => nat.Allocation switch
    {
        PortAllocation.Preserving => "the public port is the computer's own (port preservation)",
        PortAllocation.Sequential => $"public ports follow each other in steps of {nat.Step}: the next one can be foretold",
        PortAllocation.Random => "public ports follow no rule",
        _ => nat.PreservesPort == false ? "the public port is another than the computer's own; no more is needed, as it is one for all" : "not known",
    };

    private static string TextOf(NatFiltering filtering) => filtering switch
    {
        NatFiltering.PortIndependent => "lets in packets from other ports of a peer that was sent to (endpoint-independent or address-dependent filtering)",
        NatFiltering.AddressAndPortDependent => "lets in packets from addresses and ports alone that were sent to (address- and port-dependent filtering)",
        _ => "not known: the server has no second port, or did not answer",
    };

    private static Finding Hairpinning(bool? hairpins, NatReport nat) => hairpins switch
    {
        true => new("hairpinning", Yes, "yes: two computers behind this NAT can meet at its public address"),
        false => new("hairpinning", No, "no: two computers behind this NAT can meet at their inner addresses alone"),
        null => new("hairpinning", Unknown, nat.VariesByDestination ? "not tried: the public port is another one for each peer" : "not known: it could not be tried"),
    };

    // RFC 6598, or a router whose own outer address is not the one that servers see.
    private static Finding CarrierNat(NetworkFacts facts, UdpFacts udp)
    {
        const string Name = "carrier-nat";
        MappingFacts[] granted = [.. (facts.Mappings ?? []).Where(static mapping => mapping.Reply.Outcome == MappingOutcome.Granted)];
        if (granted.FirstOrDefault(static mapping => mapping.Verdict is MappingVerdict.Private or MappingVerdict.Elsewhere) is { } inner)
            return new(Name, Yes, $"yes: the router's outer address is {inner.Reply.Mapping.External.ToIPAddress()}, and the server sees {udp.Mapped.ToIPAddress()}");
        return granted.Any(static mapping => mapping.Verdict == MappingVerdict.Believed)
            ? new(Name, No, "no: the router's outer address is the one that the server sees")
            : new(Name, Unknown, facts.Mappings is null ? "not known: the router was not asked" : "not known: the router does not tell its outer address");
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
            { Check: MappingCheckOutcome.Shut } => new(name, "closed", $"the router says that it opened {external}, but nothing comes through"),
            _ => new(name, Unknown, $"the router says that it opened {external}; whether anything comes through could not be tried: the server does not check ports, or did not answer"),
        };
    }
}
