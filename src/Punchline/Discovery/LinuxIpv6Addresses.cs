using System.Globalization;
using Punchline.Quic;

namespace Punchline.Discovery;

/// <summary>
/// What Linux says of its IPv6 addresses, which the base library does not pass on: the lines of /proc/net/if_inet6.
/// <code>address(32 hex) interface(hex) prefix(hex) scope(hex) flags(hex) name</code>
/// </summary>
internal static class LinuxIpv6Addresses
{
    /// <summary>That file, for the network namespace of the calling thread.</summary>
    public const string Path = "/proc/thread-self/net/if_inet6";

    // linux/if_addr.h
    private const int Temporary = 0x01;
    private const int DuplicateFound = 0x08;
    private const int Deprecated = 0x20;
    private const int Tentative = 0x40;

    /// <summary>Reads one line.</summary>
    /// <returns>False if it has not this form.</returns>
    public static bool TryParse(ReadOnlySpan<char> line, out UdpAddress address, out AddressTraits traits)
    {
        address = default;
        traits = AddressTraits.None;
        Span<Range> fields = stackalloc Range[7];
        int count = line.Split(fields, ' ', StringSplitOptions.RemoveEmptyEntries);
        Span<byte> bytes = stackalloc byte[16];
        if (count < 6 || line[fields[0]].Length != 32
            || Convert.FromHexString(line[fields[0]], bytes, out _, out _) != System.Buffers.OperationStatus.Done
            || !TryHex(line[fields[1]], out int scope) || !TryHex(line[fields[4]], out int flags))
            return false;
        address = UdpAddress.FromBytes(bytes, (uint)scope, port: 0);
        if ((flags & Temporary) != 0)
            traits |= AddressTraits.Temporary;
        if ((flags & Deprecated) != 0)
            traits |= AddressTraits.Deprecated;
        if ((flags & (Tentative | DuplicateFound)) != 0)
            traits |= AddressTraits.Tentative;
        return true;
    }

    /// <summary>Reads all of them; none if the file is missing, as it is without IPv6.</summary>
    public static Dictionary<UdpAddress, AddressTraits> Read(string path = Path)
    {
        var found = new Dictionary<UdpAddress, AddressTraits>();
        if (!File.Exists(path))
            return found;
        foreach (string line in File.ReadLines(path))
        {
            if (TryParse(line, out UdpAddress address, out AddressTraits traits))
                found[address] = traits;
        }
        return found;
    }

    private static bool TryHex(ReadOnlySpan<char> text, out int value) =>
        int.TryParse(text, NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out value);
}
