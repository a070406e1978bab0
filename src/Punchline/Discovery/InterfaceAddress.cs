using Punchline.Quic;

namespace Punchline.Discovery;

/// <summary>What kind of device an address belongs to.</summary>
internal enum InterfaceKind : byte
{
    /// <summary>A network card, or a bridge or bond over one.</summary>
    Physical,

    /// <summary>A VPN, a tunnel, containers or virtual machines: rarely the way to a friend.</summary>
    Virtual,

    /// <summary>This machine alone.</summary>
    Loopback,
}

/// <summary>What the system says of an IPv6 address (RFC 4862, RFC 8981).</summary>
[Flags]
internal enum AddressTraits : byte
{
    /// <summary>An ordinary, stable address.</summary>
    None = 0,

    /// <summary>Replaced every day or so, and preferred for new connections (RFC 8981).</summary>
    Temporary = 1,

    /// <summary>Still working, no longer to be used for anything new.</summary>
    Deprecated = 2,

    /// <summary>Not yet known to be unique, or known not to be.</summary>
    Tentative = 4,
}

/// <summary>One address of one device of this machine.</summary>
/// <param name="Address">The address, with its scope if it is link-local; port 0.</param>
/// <param name="PrefixLength">Bits that all addresses on the link share: 0 to 32 or 0 to 128.</param>
/// <param name="Interface">The device's name.</param>
/// <param name="Kind">The device's kind.</param>
/// <param name="Traits">What the system says of the address.</param>
internal readonly record struct InterfaceAddress(
    UdpAddress Address, int PrefixLength, string Interface, InterfaceKind Kind, AddressTraits Traits = AddressTraits.None);
