using System.Diagnostics.CodeAnalysis;
using Punchline.Quic;

namespace Punchline.PortMapping.Upnp;

/// <summary>
/// Looks for the gateway's description: asks on our link, some times, and takes the first answer that comes from the gateway itself and
/// leads to it. What else answers, on the link or beyond, could not open the gateway's ports, and shall not have us fetch anything.
/// </summary>
internal static class SsdpSearch
{
    /// <summary>A search, whose answer is where the description is.</summary>
    /// <param name="group">Where to ask: SSDP's multicast group.</param>
    /// <param name="gateway">The router's address. Its answers may come from any port.</param>
    public static GatewayRequest<Uri> Of(UdpAddress group, UdpAddress gateway)
    {
        return new GatewayRequest<Uri>(group, SsdpMessage.Search(), TryRead, from => from.SameHost(gateway));

        bool TryRead(ReadOnlySpan<byte> datagram, [NotNullWhen(true)] out Uri? location)
        {
            location = null;
            return SsdpMessage.TryReadAnswer(datagram, out string text) && UpnpUrl.TryRead(text, gateway, out location);
        }
    }
}
