using System.Net;
using Punchline.Discovery;
using Punchline.Doctor;
using Punchline.PortMapping;
using Punchline.Quic;
using Punchline.Stun;
using Punchline.Traversal.Lifetime;
using Xunit;

namespace Punchline.Tests.Doctor;

/// <summary>From what an examination found to what people and programs are told, network by network.</summary>
public sealed class NetworkReportTests
{
    private const string Direct = "direct direct direct direct direct relayed";

    private static readonly UdpAddress Server = Address("198.51.100.1", 3478);
    private static readonly UdpAddress Mapped = Address("203.0.113.9", 40_000);
    private static readonly LocalNetwork Network = new([new(Address("192.168.1.10", 0), 24, "eth0", InterfaceKind.Physical), new(Address("172.17.0.1", 0), 16, "docker0", InterfaceKind.Virtual)], allowsLoopback: false);

    private static readonly NatReport Home = new(NatMapping.EndpointIndependent, NatFiltering.AddressAndPortDependent, true, true, true, PortAllocation.Preserving);
    private static readonly NatReport Mobile = new(NatMapping.AddressAndPortDependent, NatFiltering.AddressAndPortDependent, true, false, true, PortAllocation.Random);

    private static readonly UdpFacts AtHome = new(Server) { Mapped = Mapped, Nat = Home, DropsHere = false, RoundTripTime = TimeSpan.FromMilliseconds(20) };
    private static readonly UdpFacts Ipv6 = new(Address("2001:db8::1", 3478)) { Mapped = Address("2001:db8::99", 50_000), Nat = new(NatMapping.EndpointIndependent, NatFiltering.AddressAndPortDependent, false, true, true) };
    private static readonly NetworkFacts Basis = new(Network, new ChannelFacts(null, Relays: true)) { IPv4 = AtHome, Hairpins = false, Gateway = new(Address("192.168.1.1", 0), Address("192.168.1.10", 0)) };

    private static readonly Dictionary<string, (NetworkFacts Facts, string Findings, string Meetings, string Advice)> Cases = new()
    {
        ["a home router that maps nothing"] = (
            Basis with { Mappings = [new(MappingProtocol.Pcp, false), new(MappingProtocol.NatPmp, false), new(MappingProtocol.Upnp, false)] },
            "addresses=192.168.1.10+172.17.0.1 router=192.168.1.1 server=reached udp-ipv4=works udp-ipv6=none own-firewall=unknown nat=yes mapping=endpoint-independent port-allocation=preserving"
                + " filtering=address-and-port-dependent hairpinning=no carrier-nat=unknown pcp=none nat-pmp=none upnp=none",
            "direct direct foretold guessed direct relayed", "turn on UPnP"),
        ["a home router that opens a port"] = (
            Basis with { Mappings = [Granted(MappingProtocol.Upnp, "203.0.113.9", MappingVerdict.Believed) with { Check = MappingCheckOutcome.Open }] },
            "own-firewall=open carrier-nat=no upnp=open", Direct, "nothing"),
        ["one whose port a firewall of this computer closes"] = (
            Basis with { Mappings = [Granted(MappingProtocol.Upnp, "203.0.113.9", MappingVerdict.Believed) with { IsDroppedHere = true }] },
            "own-firewall=drops upnp=dropped-here", "direct direct foretold guessed direct relayed", "allow this program's UDP"),
        ["a port that is not open"] = (
            Basis with { Mappings = [Granted(MappingProtocol.Upnp, "203.0.113.9", MappingVerdict.Believed) with { Check = MappingCheckOutcome.Shut }] },
            "carrier-nat=no upnp=closed", "direct direct foretold guessed direct relayed", "turn on UPnP"),
        ["a port that no server could try"] = (
            Basis with { Mappings = [Granted(MappingProtocol.Upnp, "203.0.113.9", MappingVerdict.Believed) with { Check = MappingCheckOutcome.Unheard }] },
            "carrier-nat=no upnp=unknown", "direct direct foretold guessed direct relayed", "turn on UPnP"),
        ["an impossible port"] = (
            Basis with { Mappings = [Granted(MappingProtocol.Upnp, "0.0.0.0", MappingVerdict.Impossible)] },
            "carrier-nat=unknown upnp=impossible", "direct direct foretold guessed direct relayed", "turn on UPnP"),
        ["a router that may not be asked"] = (
            Basis with { MayMapPorts = false }, "carrier-nat=unknown", "direct direct foretold guessed direct relayed", "let Punchline ask"),
        ["no router on the way out"] = (
            Basis with { Gateway = null }, "router=none carrier-nat=unknown", "direct direct foretold guessed direct relayed", "forward a UDP port"),
        ["IPv4's UDP blocked beside IPv6"] = (
            Basis with { IPv4 = new(Server) { DropsHere = false }, IPv6 = Ipv6, Hairpins = null },
            "udp-ipv4=blocked udp-ipv6=works nat=no", "relayed relayed relayed relayed direct relayed", "allow UDP over IPv4"),
        ["a firewall of this computer behind a NAT that lets in"] = (
            Basis with { IPv4 = AtHome with { DropsHere = true } },
            "own-firewall=drops", "direct direct foretold guessed direct relayed", "allow this program's UDP"),
        ["a carrier's NAT"] = (
            Basis with { Mappings = [Granted(MappingProtocol.NatPmp, "100.64.0.7", MappingVerdict.Private)] },
            "carrier-nat=yes nat-pmp=private", "direct direct foretold guessed direct relayed", "ask the provider"),
        ["a carrier's NAT beside IPv6"] = (
            Basis with { IPv6 = Ipv6, Mappings = [Granted(MappingProtocol.Pcp, "100.64.0.7", MappingVerdict.Elsewhere)] },
            "udp-ipv6=works carrier-nat=yes pcp=elsewhere", "direct direct foretold guessed direct relayed", "IPv6 works here"),
        ["a mobile network"] = (
            Basis with { IPv4 = AtHome with { Nat = Mobile }, Hairpins = null },
            "mapping=address-and-port-dependent port-allocation=random hairpinning=unknown", "direct guessed relayed relayed guessed relayed", "turn on UPnP"),
        ["a mobile network with IPv6"] = (
            Basis with { IPv4 = AtHome with { Nat = Mobile }, Hairpins = null, IPv6 = Ipv6 },
            "udp-ipv6=works", "direct guessed relayed relayed direct relayed", "turn on UPnP"),
        ["a public address behind a firewall"] = (
            Basis with { IPv4 = AtHome with { Nat = Home with { IsTranslated = false } }, Hairpins = null },
            "nat=no filtering=address-and-port-dependent", "direct direct foretold guessed direct relayed", "let UDP come in"),
        ["a public address"] = (
            Basis with { IPv4 = AtHome with { Nat = Home with { IsTranslated = false, Filtering = NatFiltering.PortIndependent } }, Hairpins = null },
            "own-firewall=open nat=no filtering=port-independent", Direct, "nothing"),
        ["UDP blocked on the way"] = (
            Basis with { IPv4 = new(Server) { DropsHere = false }, Hairpins = null },
            "udp-ipv4=blocked own-firewall=unknown", "relayed relayed relayed relayed relayed relayed", "allow UDP to the Internet"),
        ["UDP blocked here"] = (
            Basis with { IPv4 = new(Server) { DropsHere = true }, Hairpins = null },
            "udp-ipv4=blocked-here own-firewall=drops", "relayed relayed relayed relayed relayed relayed", "allow this program's UDP"),
        ["TCP blocked"] = (
            Basis with { Channel = new ChannelFacts("it does not answer", Relays: false, IsSilent: true) },
            "server=failed udp-ipv4=works", "direct direct foretold guessed direct relayed", "allow TCP"),
        ["a server that is too old"] = (
            Basis with { Channel = new ChannelFacts("it is too old", Relays: false) },
            "server=failed udp-ipv4=works udp-ipv6=unknown", "direct direct foretold guessed direct relayed", "see to the server"),
        ["no network"] = (
            new(new LocalNetwork([], allowsLoopback: false), new ChannelFacts("it does not answer", Relays: false)),
            "addresses=none router=none server=failed udp-ipv4=unknown udp-ipv6=unknown own-firewall=unknown", "relayed relayed relayed relayed relayed relayed", "see whether this computer is online"),
        ["a lifetime"] = (
            Basis with { Lifetime = new(new(TimeSpan.FromSeconds(28), TimeSpan.FromSeconds(55)), new(null, TimeSpan.FromSeconds(28)), Instant.Zero) },
            "mapping-lifetime=28", "direct direct foretold guessed direct relayed", "turn on UPnP"),
    };

    public static TheoryData<string> Names => [.. Cases.Keys];

    [Theory]
    [MemberData(nameof(Names))]
    public void Each_network_has_its_findings_its_expectations_and_one_advice(string name)
    {
        var (facts, findings, meetings, advice) = Cases[name];
        IReadOnlyList<Finding> found = NetworkFindings.Of(facts);
        IReadOnlyList<Expectation> expectations = FriendExpectations.Of(facts);
        string all = $" {string.Join("  ", found.Select(finding => $"{finding.Name}={finding.Value.Replace(' ', '+')}"))} ";
        // In this order, others between them.
        int at = 0;
        foreach (string expected in findings.Split(' ').Select(static part => $" {part} "))
        {
            int next = all.IndexOf(expected, at, StringComparison.Ordinal);
            Assert.True(next >= 0, $"'{expected}' is not in '{all[at..]}'");
            at = next + expected.Length;
        }
        Assert.Equal(meetings, string.Join(' ', expectations.Select(expectation => $"{expectation.Meeting}".ToLowerInvariant())));
        Assert.StartsWith(advice, NetworkAdvice.Of(facts, expectations), StringComparison.Ordinal);
        Assert.All(found, finding => Assert.NotEmpty(finding.Meaning));
    }

    private static MappingFacts Granted(MappingProtocol protocol, string external, MappingVerdict verdict) => new(protocol, IsFound: true)
    {
        Reply = new(MappingOutcome.Granted, new Mapping(protocol, Address(external, 40_001), TimeSpan.FromMinutes(20))),
        Verdict = verdict,
    };

    private static UdpAddress Address(string address, ushort port) => new(IPAddress.Parse(address), port);
}
