using System.Net;
using System.Net.Sockets;
using Punchline.Quic;

namespace Punchline.Udp;

/// <summary>Asks the system's routing table, by connecting a UDP socket, which sends no packet.</summary>
internal static class RouteLookup
{
    /// <summary>Which local address the system would use towards a remote one.</summary>
    /// <param name="remote">Where to; the port does not matter.</param>
    /// <returns>The local address with port 0, or none if there is no route.</returns>
    public static UdpAddress LocalAddressFor(in UdpAddress remote)
    {
        if (remote.IsNone || remote.IsUnspecified)
            return default;
        AddressFamily family = remote.IsIPv4 ? AddressFamily.InterNetwork : AddressFamily.InterNetworkV6;
        try
        {
            using var socket = new Socket(family, SocketType.Dgram, ProtocolType.Udp);
            socket.Connect(remote.WithPort(DiscardPort).ToIPEndPoint());
            return socket.LocalEndPoint is IPEndPoint local && !local.Address.Equals(IPAddress.Any) && !local.Address.Equals(IPAddress.IPv6Any)
                ? new UdpAddress(local.Address, 0)
                : default;
        }
        catch (SocketException)
        {
            // No route, no such family, or a rule against it: all of them mean that nothing gets there from here.
            return default;
        }
    }

    /// <summary>The discard service (RFC 863): some port must be named, and nothing is sent to it.</summary>
    private const ushort DiscardPort = 9;
}
