using Punchline.Quic;
using Punchline.Quic.Paths;

namespace Punchline.Relay;

/// <summary>
/// Which UDP addresses of a server are used: what it claims in SERVER_HELLO, held against the address that TCP has really reached. A server
/// must not send its peers to addresses in their own machine or network that they would not have come to by themselves. Pure.
/// </summary>
internal static class ServerEndpoints
{
    /// <summary>The addresses in order, each once; empty if the port is none that may be used.</summary>
    /// <param name="reached">The name's addresses, that which TCP reached first; not empty.</param>
    /// <param name="claimed">Those in SERVER_HELLO; without a usable one the name's count.</param>
    /// <param name="port">The UDP port in SERVER_HELLO.</param>
    /// <param name="dialled">The port that was dialled.</param>
    public static IReadOnlyList<UdpAddress> Choose(IReadOnlyList<UdpAddress> reached, IReadOnlyList<UdpAddress> claimed, ushort port, int dialled)
    {
        List<UdpAddress> usable = [];
        foreach (UdpAddress address in claimed)
            Add(usable, reached[0], address, dialled);
        if (usable.Count > 0)
            return usable;
        foreach (UdpAddress address in reached)
            Add(usable, reached[0], address.WithPort(port), dialled);
        return usable;
    }

    /// <summary>The second STUN port, or 0: by default it is the one after the first.</summary>
    public static ushort Alternate(ushort port, int dialled) => port >= CandidateRules.LowestPort || port == dialled + 1 ? port : (ushort)0;

    private static void Add(List<UdpAddress> usable, in UdpAddress reached, in UdpAddress address, int dialled)
    {
        if (MayUse(reached, address, dialled) && !usable.Contains(address))
            usable.Add(address);
    }

    private static bool MayUse(in UdpAddress reached, in UdpAddress address, int dialled)
    {
        if (address.IsNone || address.IsUnspecified || address.IsMulticast || address.IsBroadcastOrReserved)
            return false;
        // What was dialled by its number is used whatever it is.
        if (address.Port == 0 || (address.Port < CandidateRules.LowestPort && address.Port != dialled))
            return false;
        if (address.SameHost(reached))
            return true;
        if (address.IsLoopback)
            return reached.IsLoopback;
        // On one link only with its scope, which no server can know.
        if (address.IsLinkLocal)
            return false;
        // A server that runs on this machine may well name the machine's address in its network.
        return !address.IsPrivate || reached.IsPrivate || reached.IsLoopback;
    }
}
