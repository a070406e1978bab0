using Punchline.Quic;

namespace Punchline.PortMapping;

/// <summary>How a router is asked for a port, best first.</summary>
internal enum MappingProtocol : byte
{
    /// <summary>Port Control Protocol (RFC 6887).</summary>
    Pcp,

    /// <summary>NAT Port Mapping Protocol (RFC 6886).</summary>
    NatPmp,

    /// <summary>UPnP Internet Gateway Device, versions 1 and 2.</summary>
    Upnp,
}

/// <summary>A port of the router's that leads to our UDP socket, as the router says.</summary>
/// <param name="Protocol">How it was asked for.</param>
/// <param name="External">The router's outer address and the port there: its word, not checked.</param>
/// <param name="Lifetime">From the answer on; zero for one that stands until it is taken back (UPnP alone).</param>
internal readonly record struct Mapping(MappingProtocol Protocol, UdpAddress External, TimeSpan Lifetime);

/// <summary>What an attempt to get or to renew a mapping came to.</summary>
internal enum MappingOutcome : byte
{
    /// <summary>No answer, or none that made sense.</summary>
    Silent,

    /// <summary>The mapping stands.</summary>
    Granted,

    /// <summary>The router says no.</summary>
    Refused,
}

/// <summary>The answer to one attempt.</summary>
/// <param name="Outcome">What it came to.</param>
/// <param name="Mapping">The mapping, if it was granted.</param>
/// <param name="Code">The protocol's own result or error code of a refusal.</param>
/// <param name="Restarted">The router has lost its state since it was heard before (RFC 6886 section 3.6, RFC 6887 section 8.5).</param>
internal readonly record struct MappingReply(MappingOutcome Outcome, Mapping Mapping = default, int Code = 0, bool Restarted = false);
