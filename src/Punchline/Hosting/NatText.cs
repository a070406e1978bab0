using Punchline.Stun;

namespace Punchline.Hosting;

/// <summary>A NAT report in a few words, with RFC 4787's name in brackets.</summary>
internal static class NatText
{
    public static string Of(NatReport? report) => report switch
    {
        null => "unknown",
        { IsTranslated: false } => "no NAT (perhaps a firewall)",
        { Mapping: NatMapping.EndpointIndependent or NatMapping.PortIndependent } => "a NAT with one port for all peers (endpoint-independent mapping)",
        { Mapping: NatMapping.AddressDependent } => "a NAT with another port for each peer's address (address-dependent mapping)",
        { Mapping: NatMapping.AddressAndPortDependent or NatMapping.Dependent } => "a NAT with another port for each peer (address- and port-dependent mapping)",
        { IsTranslated: true } => "a NAT of unknown kind",
        _ => "unknown",
    };
}
