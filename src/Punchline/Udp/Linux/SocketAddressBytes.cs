using System.Buffers.Binary;
using Punchline.Quic;

namespace Punchline.Udp.Linux;

/// <summary>
/// An address as the kernel writes it, by bytes.
/// <code>
/// sockaddr_in   family(2, host) port(2, network) address(4) zero(8)
/// sockaddr_in6  family(2, host) port(2, network) flow(4) address(16) scope(4, host)
/// </code>
/// </summary>
internal static class SocketAddressBytes
{
    /// <summary>Bytes of a sockaddr_in6, the longer of the two.</summary>
    public const int MaxLength = 28;

    private const int InetLength = 16;
    private const int PortOffset = 2;
    private const int InetAddressOffset = 4;
    private const int Inet6AddressOffset = 8;
    private const int Inet6ScopeOffset = 24;

    /// <summary>Writes an address, which must not be none.</summary>
    /// <returns>Bytes written, 16 or 28.</returns>
    public static int Write(in UdpAddress address, Span<byte> destination)
    {
        int length = address.IsIPv4 ? InetLength : MaxLength;
        destination[..length].Clear();
        BinaryPrimitives.WriteUInt16LittleEndian(destination, (ushort)(address.IsIPv4 ? Libc.FamilyInet : Libc.FamilyInet6));
        BinaryPrimitives.WriteUInt16BigEndian(destination[PortOffset..], address.Port);
        address.WriteAddress(destination[(address.IsIPv4 ? InetAddressOffset : Inet6AddressOffset)..]);
        if (address.IsIPv6)
            BinaryPrimitives.WriteUInt32LittleEndian(destination[Inet6ScopeOffset..], address.Scope);
        return length;
    }

    /// <summary>Reads what the kernel wrote.</summary>
    public static bool TryRead(ReadOnlySpan<byte> source, out UdpAddress address)
    {
        address = default;
        if (source.Length < InetLength)
            return false;
        ushort port = BinaryPrimitives.ReadUInt16BigEndian(source[PortOffset..]);
        switch (BinaryPrimitives.ReadUInt16LittleEndian(source))
        {
            case Libc.FamilyInet:
                address = UdpAddress.FromBytes(source.Slice(InetAddressOffset, 4), 0, port);
                return true;
            case Libc.FamilyInet6 when source.Length >= MaxLength:
                uint scope = BinaryPrimitives.ReadUInt32LittleEndian(source[Inet6ScopeOffset..]);
                address = UdpAddress.FromBytes(source.Slice(Inet6AddressOffset, 16), scope, port);
                return true;
            default:
                return false;
        }
    }
}
