using System.Text;

namespace Punchline.PortMapping.Upnp;

/// <summary>SSDP's search and its answer (UPnP Device Architecture 1.1, section 1.3), without I/O.</summary>
internal static class SsdpMessage
{
    /// <summary>What a gateway says that it is; one of version 2 answers to version 1 as well.</summary>
    public const string Gateway = "urn:schemas-upnp-org:device:InternetGatewayDevice:1";

    /// <summary>Longer addresses of descriptions are not taken.</summary>
    public const int MaxLocationLength = 512;

    private const string Location = "LOCATION:";

    /// <summary>A search for gateways.</summary>
    public static byte[] Search() => Encoding.ASCII.GetBytes(
        "M-SEARCH * HTTP/1.1\r\nHOST: 239.255.255.250:1900\r\nMAN: \"ssdp:discover\"\r\nMX: 1\r\nST: " + Gateway + "\r\n\r\n");

    /// <summary>Reads an answer to it: where the device's description is. Whether that may be fetched is another question (<see cref="UpnpUrl"/>).</summary>
    public static bool TryReadAnswer(ReadOnlySpan<byte> datagram, out string location)
    {
        location = "";
        // Everything that counts is ASCII; other bytes become question marks, which no address that we take has.
        ReadOnlySpan<char> text = Encoding.ASCII.GetString(datagram);
        if (!text.StartsWith("HTTP/1.1 200", StringComparison.OrdinalIgnoreCase) && !text.StartsWith("HTTP/1.0 200", StringComparison.OrdinalIgnoreCase))
            return false;
        foreach (ReadOnlySpan<char> line in text.EnumerateLines())
        {
            if (!line.StartsWith(Location, StringComparison.OrdinalIgnoreCase))
                continue;
            ReadOnlySpan<char> value = line[Location.Length..].Trim();
            if (value.Length is 0 or > MaxLocationLength)
                return false;
            location = value.ToString();
            return true;
        }
        return false;
    }
}
