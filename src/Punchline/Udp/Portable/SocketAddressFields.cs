using System.Buffers.Binary;
using System.Net;
using System.Net.Sockets;
using System.Runtime.InteropServices;
using Punchline.Quic;

namespace Punchline.Udp.Portable;

/// <summary>
/// The fields of the system's socket addresses inside a reused <see cref="SocketAddress"/>. Systems differ in the first
/// two bytes alone (a family; a length and a family), which the base library has filled in.
/// <code>
/// sockaddr_in   …(2) port(2, network) address(4) zero(8)
/// sockaddr_in6  …(2) port(2, network) flow(4) address(16) scope(4, host)
/// </code>
/// </summary>
internal static class SocketAddressFields
{
    private const int PortOffset = 2;
    private const int InetAddressOffset = 4;
    private const int Inet6FlowOffset = 4;
    private const int Inet6AddressOffset = 8;
    private const int Inet6ScopeOffset = 24;

    /// <summary>Puts an address into an object of the same family.</summary>
    public static void Write(in UdpAddress address, SocketAddress destination)
    {
        Span<byte> bytes = destination.Buffer.Span;
        BinaryPrimitives.WriteUInt16BigEndian(bytes[PortOffset..], address.Port);
        if (address.IsIPv4)
        {
            address.WriteAddress(bytes[InetAddressOffset..]);
            return;
        }
        bytes.Slice(Inet6FlowOffset, 4).Clear();
        address.WriteAddress(bytes[Inet6AddressOffset..]);
        uint scope = address.Scope;
        MemoryMarshal.Write(bytes[Inet6ScopeOffset..], in scope);
    }

    /// <summary>Takes an address out.</summary>
    public static bool TryRead(SocketAddress source, out UdpAddress address)
    {
        ReadOnlySpan<byte> bytes = source.Buffer.Span[..source.Size];
        address = default;
        switch (source.Family)
        {
            case AddressFamily.InterNetwork when bytes.Length >= InetAddressOffset + 4:
                address = UdpAddress.FromBytes(bytes.Slice(InetAddressOffset, 4), 0, Port(bytes));
                return true;
            case AddressFamily.InterNetworkV6 when bytes.Length >= Inet6ScopeOffset + 4:
                uint scope = MemoryMarshal.Read<uint>(bytes[Inet6ScopeOffset..]);
                address = UdpAddress.FromBytes(bytes.Slice(Inet6AddressOffset, 16), scope, Port(bytes));
                return true;
            default:
                return false;
        }
    }

    private static ushort Port(ReadOnlySpan<byte> bytes) => BinaryPrimitives.ReadUInt16BigEndian(bytes[PortOffset..]);
}
