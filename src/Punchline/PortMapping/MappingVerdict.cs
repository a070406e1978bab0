using Punchline.Quic;
using Punchline.Quic.Paths;

namespace Punchline.PortMapping;

/// <summary>Whether the address that a router told is worth telling to a peer.</summary>
internal enum MappingVerdict : byte
{
    /// <summary>It is the one at which servers see us, or may be.</summary>
    Believed,

    /// <summary>No peer can send there: unspecified, multicast, reserved, loopback, link-local, or a port below 1024, which none would try.</summary>
    Impossible,

    /// <summary>
    /// A private address, or a carrier NAT's: beyond the router is another NAT, and only who is behind that one, too, can send there. For these it
    /// is the shortest way, and the only one if that NAT does not hairpin. No server can check it.
    /// </summary>
    Private,

    /// <summary>Not the address at which servers see us: another NAT beyond the router, or another way out.</summary>
    Elsewhere,
}

/// <summary>The first half of the check from outside: what servers see decides, not what the router says.</summary>
internal static class MappingVerdicts
{
    /// <summary>Judges.</summary>
    /// <param name="external">What the router told.</param>
    /// <param name="reflexive">Our address as a server sees it; none if no server has said.</param>
    public static MappingVerdict Of(in UdpAddress external, in UdpAddress reflexive)
    {
        if (external.IsNone || external.IsUnspecified || external.IsMulticast || external.IsBroadcastOrReserved || external.IsLoopback
            || external.IsLinkLocal || external.Port < CandidateRules.LowestPort)
            return MappingVerdict.Impossible;
        // A server in the same private network as the router's outer side sees a private address, and rightly.
        if (!reflexive.IsNone && external.SameHost(reflexive))
            return MappingVerdict.Believed;
        if (external.IsPrivate)
            return MappingVerdict.Private;
        return reflexive.IsNone ? MappingVerdict.Believed : MappingVerdict.Elsewhere;
    }
}
