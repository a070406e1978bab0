namespace Punchline.Quic.Paths;

/// <summary>
/// Which addresses a peer may make us probe: we are nobody's reflector (docs/wire/punch.md; RFC 9000 sections 21.5 and
/// 21.5.6). Pure.
/// </summary>
internal static class CandidateRules
{
    /// <summary>Candidates that a peer may have alive at once; what we offer in the transport parameter.</summary>
    internal const int MaxLive = 16;

    /// <summary>Paths of one connection that may be probed at once: 4 local sockets times 16 candidates.</summary>
    internal const int MaxPairs = 64;

    /// <summary>Private addresses that are not on one of our links, live at once: enough for a peer in a second LAN.</summary>
    internal const int MaxPrivateOffLink = 2;

    /// <summary>
    /// Beside these, such an address that a port mapping protocol gave: the inner side of a carrier's NAT, which the peer may learn long after
    /// its virtual adapters have taken the other places.
    /// </summary>
    internal const int MaxPrivateMapped = 1;

    /// <summary>
    /// Both in the whole life of a connection, ports counted apart, live or withdrawn: enough for a peer that moves to
    /// another network once, useless for a scan of ours.
    /// </summary>
    internal const int MaxPrivateOffLinkEver = 2 * MaxPrivateOffLink;

    /// <summary>Candidates that may come at once: all that may live.</summary>
    internal const int Burst = MaxLive;

    /// <summary>Below live the services that answer small packets with large ones.</summary>
    internal const int LowestPort = 1024;

    /// <summary>After a burst one more candidate is taken in this time; networks change far more slowly, a scan would not.</summary>
    internal static readonly TimeSpan NewInterval = TimeSpan.FromSeconds(1);

    /// <summary>Whether a packet may be sent to the candidate because the peer asked for it, as far as the address alone decides it.</summary>
    /// <param name="address">The candidate's address.</param>
    /// <param name="network">This machine's network.</param>
    internal static CandidateVerdict Judge(in UdpAddress address, ILocalNetwork network)
    {
        if (address.IsNone || address.IsUnspecified || address.IsMulticast || address.IsBroadcastOrReserved)
            return CandidateVerdict.NoMachine;
        if (address.Port < LowestPort)
            return CandidateVerdict.LowPort;
        if (network.IsOwn(address))
            return CandidateVerdict.Own;
        if (address.IsLoopback)
            return network.AllowsLoopback ? CandidateVerdict.Probe : CandidateVerdict.Loopback;
        return !address.IsLinkLocal || network.IsOnLink(address) ? CandidateVerdict.Probe : CandidateVerdict.OtherLink;
    }

    /// <summary>True if the address is one of a private network that this machine is not part of: these are counted.</summary>
    internal static bool IsPrivateOffLink(in UdpAddress address, ILocalNetwork network) =>
        address.IsPrivate && !address.IsLoopback && !network.IsOnLink(address);
}
