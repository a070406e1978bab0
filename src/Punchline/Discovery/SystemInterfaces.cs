using System.Net;
using System.Net.NetworkInformation;
using System.Net.Sockets;
using System.Runtime.Versioning;
using Punchline.Quic;
using Punchline.Udp;

namespace Punchline.Discovery;

/// <summary>Asks the operating system for the addresses of this machine.</summary>
internal static class SystemInterfaces
{
    /// <summary>Every address of every device that is up, those that nobody should use included.</summary>
    public static List<InterfaceAddress> Read()
    {
        Dictionary<UdpAddress, AddressTraits>? linux = OperatingSystem.IsLinux() ? LinuxIpv6Addresses.Read() : null;
        // Where the system keeps its traits to itself, the address that it would use itself is the temporary one, if there is any.
        UdpAddress chosen = linux is null && !OperatingSystem.IsWindows() ? RouteLookup.LocalAddressFor(SomewhereInIpv6) : default;
        var found = new List<InterfaceAddress>();
        foreach (NetworkInterface device in NetworkInterface.GetAllNetworkInterfaces())
        {
            // Tunnels and the loopback device of Linux have no carrier to speak of and say "unknown".
            if (device.OperationalStatus is not (OperationalStatus.Up or OperationalStatus.Unknown))
                continue;
            InterfaceKind kind = VirtualAdapter.KindOf(device.Name, device.Description, device.NetworkInterfaceType);
            foreach (UnicastIPAddressInformation entry in device.GetIPProperties().UnicastAddresses)
            {
                if (entry.Address.AddressFamily is not (AddressFamily.InterNetwork or AddressFamily.InterNetworkV6))
                    continue;
                var address = new UdpAddress(entry.Address, 0);
                AddressTraits traits = AddressTraits.None;
                if (address.IsIPv6)
                {
                    traits = OperatingSystem.IsWindows() ? WindowsTraits(entry)
                        : linux is not null ? linux.GetValueOrDefault(address)
                        : address.SameHost(chosen) ? AddressTraits.Temporary : AddressTraits.None;
                }
                found.Add(new InterfaceAddress(address, entry.PrefixLength, device.Name, kind, traits));
            }
        }
        return found;
    }

    /// <summary>2000::1, in the range of global unicast addresses (RFC 4291 section 2.4). Nothing is sent there.</summary>
    private static UdpAddress SomewhereInIpv6 => new(IPAddress.Parse("2000::1"), 0);

    [SupportedOSPlatform("windows")]
    private static AddressTraits WindowsTraits(UnicastIPAddressInformation entry)
    {
        AddressTraits traits = entry.SuffixOrigin == SuffixOrigin.Random && entry.PrefixOrigin == PrefixOrigin.RouterAdvertisement
            ? AddressTraits.Temporary
            : AddressTraits.None;
        return traits | entry.DuplicateAddressDetectionState switch
        {
            DuplicateAddressDetectionState.Deprecated => AddressTraits.Deprecated,
            DuplicateAddressDetectionState.Preferred => AddressTraits.None,
            _ => AddressTraits.Tentative,
        };
    }
}
