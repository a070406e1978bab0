using System.Diagnostics.CodeAnalysis;
using System.Net;
using Punchline.Quic;

namespace Punchline.PortMapping.Upnp;

/// <summary>Which addresses a router may have us call: http on the router itself, by number, and nothing else.</summary>
internal static class UpnpUrl
{
    /// <summary>Reads an absolute address.</summary>
    /// <param name="text">What the router says.</param>
    /// <param name="gateway">The router.</param>
    /// <param name="url">The address, if it may be called.</param>
    public static bool TryRead(string text, in UdpAddress gateway, [NotNullWhen(true)] out Uri? url) =>
        Uri.TryCreate(text, UriKind.Absolute, out url) && IsOnGateway(url, gateway);

    /// <summary>Reads an address that may be relative to another one.</summary>
    public static bool TryRead(Uri from, string text, in UdpAddress gateway, [NotNullWhen(true)] out Uri? url) =>
        Uri.TryCreate(from, text, out url) && IsOnGateway(url, gateway);

    private static bool IsOnGateway(Uri url, in UdpAddress gateway) =>
        url is { IsAbsoluteUri: true, Scheme: "http", UserInfo: "", Port: > 0, HostNameType: UriHostNameType.IPv4 }
        && IPAddress.TryParse(url.Host, out IPAddress? address) && new UdpAddress(address, 0).SameHost(gateway);
}
