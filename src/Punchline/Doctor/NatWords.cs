using Punchline.Stun;

namespace Punchline.Doctor;

/// <summary>RFC 4787's words for what a NAT does, as programs read them (docs/doctor.md).</summary>
internal static class NatWords
{
    public const string Unknown = "unknown";

    public static string Of(NatMapping mapping) => mapping switch
    {
        NatMapping.EndpointIndependent => "endpoint-independent",
        NatMapping.PortIndependent => "port-independent",
        NatMapping.AddressDependent => "address-dependent",
        NatMapping.AddressAndPortDependent => "address-and-port-dependent",
        NatMapping.Dependent => "dependent",
        _ => Unknown,
    };

    public static string Of(NatFiltering filtering) => filtering switch
    {
        NatFiltering.EndpointIndependent => "endpoint-independent",
        NatFiltering.AddressDependent => "address-dependent",
        NatFiltering.AddressAndPortDependent => "address-and-port-dependent",
        NatFiltering.PortIndependent => "port-independent",
        _ => Unknown,
    };

    public static string Of(PortAllocation allocation) => allocation switch
    {
        PortAllocation.Preserving => "preserving",
        PortAllocation.Sequential => "sequential",
        PortAllocation.Random => "random",
        _ => Unknown,
    };
}
