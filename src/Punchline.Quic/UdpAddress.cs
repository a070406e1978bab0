using System.Buffers.Binary;
using System.Net;
using System.Net.Sockets;

namespace Punchline.Quic;

/// <summary>
/// An IPv4 or IPv6 address with a UDP port, as a value without allocation.
/// IPv4-mapped IPv6 addresses become IPv4 when they come in, so that one peer has one name.
/// </summary>
public readonly struct UdpAddress : IEquatable<UdpAddress>
{
    private readonly ulong _high;
    private readonly ulong _low;
    private readonly uint _scope;
    private readonly ushort _port;
    private readonly Family _family;

    private enum Family : byte
    {
        None,
        IPv4,
        IPv6,
    }

    private UdpAddress(Family family, ulong high, ulong low, uint scope, ushort port)
    {
        _family = family;
        _high = high;
        _low = low;
        _scope = scope;
        _port = port;
    }

    /// <summary>An address from the base library's type.</summary>
    /// <param name="address">An IPv4 or IPv6 address; IPv4-mapped becomes IPv4.</param>
    /// <param name="port">0 to 65535.</param>
    public UdpAddress(IPAddress address, int port)
    {
        ArgumentNullException.ThrowIfNull(address);
        ArgumentOutOfRangeException.ThrowIfNegative(port);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(port, ushort.MaxValue);
        Span<byte> bytes = stackalloc byte[16];
        address.TryWriteBytes(bytes, out int length);
        uint scope = address.AddressFamily == AddressFamily.InterNetworkV6 ? (uint)address.ScopeId : 0;
        this = FromBytes(bytes[..length], scope, (ushort)port);
    }

    /// <summary>An address from 4 or 16 bytes in network order.</summary>
    /// <param name="address">4 bytes (IPv4) or 16 bytes (IPv6).</param>
    /// <param name="scope">The IPv6 scope id (interface index), 0 if none; kept for link-local addresses only.</param>
    /// <param name="port">The UDP port in host order.</param>
    public static UdpAddress FromBytes(ReadOnlySpan<byte> address, uint scope, ushort port)
    {
        if (address.Length == 4)
            return new UdpAddress(Family.IPv4, 0, BinaryPrimitives.ReadUInt32BigEndian(address), 0, port);
        if (address.Length != 16)
            throw new ArgumentException("An address has 4 or 16 bytes.", nameof(address));
        ulong high = BinaryPrimitives.ReadUInt64BigEndian(address);
        ulong low = BinaryPrimitives.ReadUInt64BigEndian(address[8..]);
        if (high == 0 && low >> 32 == 0xffff)
            return new UdpAddress(Family.IPv4, 0, (uint)low, 0, port);
        bool linkLocal = high >> 54 == 0xfe80 >> 6;
        return new UdpAddress(Family.IPv6, high, low, linkLocal ? scope : 0, port);
    }

    /// <summary>True for the default value, which is no address.</summary>
    public bool IsNone => _family == Family.None;

    /// <summary>True for IPv4.</summary>
    public bool IsIPv4 => _family == Family.IPv4;

    /// <summary>True for IPv6.</summary>
    public bool IsIPv6 => _family == Family.IPv6;

    /// <summary>The UDP port in host order.</summary>
    public ushort Port => _port;

    /// <summary>The IPv6 scope id of a link-local address, else 0.</summary>
    public uint Scope => _scope;

    /// <summary>The number of address bytes: 4, 16, or 0 for none.</summary>
    public int AddressLength => _family switch { Family.IPv4 => 4, Family.IPv6 => 16, _ => 0 };

    /// <summary>0.0.0.0 or ::.</summary>
    public bool IsUnspecified => _high == 0 && _low == 0;

    /// <summary>127.0.0.0/8 or ::1.</summary>
    public bool IsLoopback => IsIPv4 ? _low >> 24 == 127 : IsIPv6 && _high == 0 && _low == 1;

    /// <summary>224.0.0.0/4 or ff00::/8.</summary>
    public bool IsMulticast => IsIPv4 ? _low >> 28 == 0xe : IsIPv6 && _high >> 56 == 0xff;

    /// <summary>255.255.255.255, and 240.0.0.0/4 which nobody may use, and 0.0.0.0/8.</summary>
    public bool IsBroadcastOrReserved => IsIPv4 && (_low >> 28 == 0xf || _low >> 24 == 0);

    /// <summary>169.254.0.0/16 or fe80::/10.</summary>
    public bool IsLinkLocal => IsIPv4 ? _low >> 16 == 0xa9fe : IsIPv6 && _high >> 54 == 0xfe80 >> 6;

    /// <summary>RFC 1918 and RFC 6598 (carrier NAT) space, link-local, or an IPv6 unique local address (RFC 4193).</summary>
    public bool IsPrivate => IsLinkLocal || (IsIPv4
        ? _low >> 24 == 10 || _low >> 20 == 0xac1 || _low >> 16 == 0xc0a8 || _low >> 22 == 0x6440_0000 >> 22
        : IsIPv6 && _high >> 57 == 0xfc >> 1);

    /// <summary>The same address with another port.</summary>
    public UdpAddress WithPort(ushort port) => new(_family, _high, _low, _scope, port);

    /// <summary>True if the addresses are equal, whatever the ports.</summary>
    public bool SameHost(in UdpAddress other) =>
        _family == other._family && _high == other._high && _low == other._low && _scope == other._scope;

    /// <summary>True if the first <paramref name="prefixLength"/> bits of both addresses of one family are equal.</summary>
    /// <param name="other">The address to compare with.</param>
    /// <param name="prefixLength">0 to 32 (IPv4) or 0 to 128 (IPv6).</param>
    public bool SamePrefix(in UdpAddress other, int prefixLength)
    {
        if (_family != other._family)
            return false;
        if (IsIPv4)
            return prefixLength == 0 || (_low ^ other._low) >> (32 - prefixLength) == 0;
        ulong high = prefixLength == 0 ? 0 : (_high ^ other._high) >> Math.Max(0, 64 - prefixLength);
        ulong low = prefixLength <= 64 ? 0 : (_low ^ other._low) >> (128 - prefixLength);
        return high == 0 && low == 0;
    }

    /// <summary>Writes the address, 4 or 16 bytes in network order.</summary>
    /// <param name="destination">At least <see cref="AddressLength"/> bytes.</param>
    public void WriteAddress(Span<byte> destination)
    {
        if (IsIPv4)
        {
            BinaryPrimitives.WriteUInt32BigEndian(destination, (uint)_low);
            return;
        }
        BinaryPrimitives.WriteUInt64BigEndian(destination, _high);
        BinaryPrimitives.WriteUInt64BigEndian(destination[8..], _low);
    }

    /// <summary>The address in the base library's type.</summary>
    public IPAddress ToIPAddress()
    {
        if (IsNone)
            return IPAddress.Any;
        Span<byte> bytes = stackalloc byte[16];
        WriteAddress(bytes);
        return IsIPv4 ? new IPAddress(bytes[..4]) : new IPAddress(bytes, _scope);
    }

    /// <summary>The address in the base library's type.</summary>
    public IPEndPoint ToIPEndPoint() => new(ToIPAddress(), _port);

    /// <inheritdoc/>
    public bool Equals(UdpAddress other) => SameHost(other) && _port == other._port;

    /// <inheritdoc/>
    public override bool Equals(object? obj) => obj is UdpAddress other && Equals(other);

    /// <inheritdoc/>
    public override int GetHashCode() => HashCode.Combine(_high, _low, _scope, _port);

    /// <summary>True if address, scope and port are equal.</summary>
    public static bool operator ==(UdpAddress left, UdpAddress right) => left.Equals(right);

    /// <summary>True if address, scope or port differ.</summary>
    public static bool operator !=(UdpAddress left, UdpAddress right) => !left.Equals(right);

    /// <summary>"192.0.2.1:443" or "[2001:db8::1]:443".</summary>
    public override string ToString() => IsNone ? "none" : ToIPEndPoint().ToString();
}
