using System.Globalization;
using System.Net;
using System.Net.NetworkInformation;
using System.Net.Sockets;
using Punchline.Quic;

namespace Punchline.Discovery;

/// <summary>The router that this machine's IPv4 packets to the Internet go through.</summary>
internal static class DefaultGateway
{
    private const string LinuxRoutes = "/proc/net/route";

    /// <summary>RTF_UP and RTF_GATEWAY of Linux.</summary>
    private const int UpAndGateway = 0x1 | 0x2;

    /// <summary>The router's address without a port; none if there is none (a link to the provider itself, some VPNs).</summary>
    public static UdpAddress Find()
    {
        if (OperatingSystem.IsLinux())
            return File.Exists(LinuxRoutes) ? FromLinuxRoutes(File.ReadLines(LinuxRoutes)) : default;
        foreach (NetworkInterface device in NetworkInterface.GetAllNetworkInterfaces())
        {
            // The system's order: with several ways out, its first choice comes first.
            if (device.OperationalStatus != OperationalStatus.Up)
                continue;
            foreach (GatewayIPAddressInformation gateway in device.GetIPProperties().GatewayAddresses)
            {
                if (gateway.Address.AddressFamily == AddressFamily.InterNetwork && !gateway.Address.Equals(IPAddress.Any))
                    return new UdpAddress(gateway.Address, 0);
            }
        }
        return default;
    }

    /// <summary>
    /// Reads the kernel's table: device, destination, gateway, flags, two counters, metric, mask, with addresses as hexadecimal numbers
    /// of the machine's byte order. Of several default routes the one with the smallest metric is in force.
    /// </summary>
    internal static UdpAddress FromLinuxRoutes(IEnumerable<string> lines)
    {
        UdpAddress best = default;
        long bestMetric = long.MaxValue;
        foreach (string line in lines)
        {
            string[] fields = line.Split('\t', StringSplitOptions.TrimEntries);
            if (fields.Length < 8 || fields[1] != "00000000" || fields[7] != "00000000"
                || !int.TryParse(fields[3], NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out int flags)
                || !uint.TryParse(fields[2], NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out uint gateway)
                || !uint.TryParse(fields[6], NumberStyles.None, CultureInfo.InvariantCulture, out uint metric)
                || metric >= bestMetric)
                continue;
            // A default route without a router wins all the same: what goes that way meets none.
            best = (flags & UpAndGateway) == UpAndGateway ? UdpAddress.FromBytes(BitConverter.GetBytes(gateway), 0, 0) : default;
            bestMetric = metric;
        }
        return best;
    }
}
