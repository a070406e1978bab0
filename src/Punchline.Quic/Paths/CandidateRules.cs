namespace Punchline.Quic.Paths;

/// <summary>
/// Which addresses a peer may make us probe: we are nobody's reflector (docs/wire/punch.md). Pure.
/// </summary>
internal static class CandidateRules
{
    /// <summary>Candidates that a peer may have alive at once; what we offer in the transport parameter.</summary>
    internal const int MaxLive = 16;

    /// <summary>Paths of one connection that may be probed at once: 4 local sockets times 16 candidates.</summary>
    internal const int MaxPairs = 64;

    /// <summary>Private addresses that are not on one of our links: enough for a peer in a second LAN, useless for a scan.</summary>
    internal const int MaxPrivateOffLink = 2;

    /// <summary>Below live the services that answer small packets with large ones.</summary>
    internal const int LowestPort = 1024;

    /// <summary>True if a packet may be sent to the candidate because the peer asked for it.</summary>
    /// <param name="address">The candidate's address.</param>
    /// <param name="network">This machine's network.</param>
    /// <param name="privateOffLink">Private addresses off our links that this peer already has alive; counted up here.</param>
    internal static bool MayProbe(in UdpAddress address, ILocalNetwork network, ref int privateOffLink)
    {
        if (address.IsNone || address.IsUnspecified || address.IsMulticast || address.IsBroadcastOrReserved)
            return false;
        if (address.Port < LowestPort || network.IsOwn(address))
            return false;
        if (address.IsLoopback)
            return network.AllowsLoopback;
        if (!address.IsPrivate || network.IsOnLink(address))
            return true;
        if (address.IsLinkLocal || privateOffLink >= MaxPrivateOffLink)
            return false;
        privateOffLink++;
        return true;
    }
}
