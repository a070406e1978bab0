using System.Net.NetworkInformation;

namespace Punchline.Discovery;

/// <summary>
/// Recognises devices of VPNs, containers and virtual machines. No system says so reliably (a container's own eth0 is virtual, and
/// its only way), so names and descriptions must do; a wrong guess only changes an order.
/// </summary>
internal static class VirtualAdapter
{
    /// <summary>How device names begin on Linux and macOS.</summary>
    private static readonly string[] NamePrefixes =
    [
        "docker", "br-", "veth", "virbr", "vnet", "vmnet", "vmenet", "vboxnet", "podman", "cni", "flannel", "cali", "lxc", "lxdbr",
        "tun", "tap", "utun", "wg", "ppp", "ipsec", "tailscale", "nordlynx", "proton", "zt", "ham", "gpd", "sit", "gif", "stf",
        "awdl", "llw", "vEthernet",
    ];

    /// <summary>Words in descriptions on Windows.</summary>
    private static readonly string[] DescriptionWords =
    [
        "Hyper-V", "VMware", "VirtualBox", "Virtual Adapter", "Virtual Ethernet", "TAP-", "Wintun", "WireGuard", "OpenVPN", "ZeroTier",
        "Tailscale", "Hamachi", "Docker", "Teredo", "ISATAP", "WAN Miniport", "Npcap", "VPN",
    ];

    /// <summary>Tells a device's kind.</summary>
    public static InterfaceKind KindOf(string name, string description, NetworkInterfaceType type)
    {
        if (type == NetworkInterfaceType.Loopback)
            return InterfaceKind.Loopback;
        bool isVirtual = type is NetworkInterfaceType.Tunnel or NetworkInterfaceType.Ppp
            || Array.Exists(NamePrefixes, prefix => name.StartsWith(prefix, StringComparison.OrdinalIgnoreCase))
            || Array.Exists(DescriptionWords, word => description.Contains(word, StringComparison.OrdinalIgnoreCase));
        return isVirtual ? InterfaceKind.Virtual : InterfaceKind.Physical;
    }
}
