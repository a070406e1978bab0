using System.Diagnostics.CodeAnalysis;
using Punchline.Quic;

namespace Punchline.PortMapping.Upnp;

/// <summary>A service of the router's that maps ports, and where it is called.</summary>
/// <param name="Type">One of <see cref="Types"/>.</param>
/// <param name="Control">Where: on the router itself.</param>
internal sealed record UpnpService(string Type, Uri Control)
{
    /// <summary>The services that we know how to use, best first.</summary>
    public static IReadOnlyList<string> Types { get; } =
    [
        "urn:schemas-upnp-org:service:WANIPConnection:2",
        "urn:schemas-upnp-org:service:WANIPConnection:1",
        "urn:schemas-upnp-org:service:WANPPPConnection:1",
    ];

    /// <summary>Knows AddAnyPortMapping (IGD:2).</summary>
    public bool ChoosesPorts => Type == Types[0];

    /// <summary>Finds the best service in a device description (UPnP Device Architecture 1.1, section 2.3).</summary>
    /// <param name="document">The description.</param>
    /// <param name="location">Where it was fetched: relative addresses start there, or at URLBase.</param>
    /// <param name="gateway">The router.</param>
    /// <param name="service">The service.</param>
    public static bool TryFind(string document, Uri location, UdpAddress gateway, [NotNullWhen(true)] out UpnpService? service)
    {
        Uri start = location;
        var found = new List<(int Rank, string Control)>();
        string type = "";
        string control = "";
        bool read = UpnpXml.TryWalk(
            document,
            (name, text) =>
            {
                switch (name)
                {
                    case "URLBase" when UpnpUrl.TryRead(text, gateway, out Uri? named):
                        start = named;
                        break;
                    case "serviceType":
                        type = text;
                        break;
                    case "controlURL":
                        control = text;
                        break;
                }
            },
            name =>
            {
                if (name != "service")
                    return;
                int rank = Types.ToList().IndexOf(type);
                if (rank >= 0)
                    found.Add((rank, control));
                (type, control) = ("", "");
            });
        service = null;
        if (!read)
            return false;
        foreach ((int rank, string path) in found.OrderBy(entry => entry.Rank))
        {
            if (path.Length is > 0 and <= SsdpMessage.MaxLocationLength && UpnpUrl.TryRead(start, path, gateway, out Uri? url))
            {
                service = new UpnpService(Types[rank], url);
                return true;
            }
        }
        return false;
    }
}
