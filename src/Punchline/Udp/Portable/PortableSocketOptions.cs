using System.Net.Sockets;
using System.Runtime.InteropServices;

namespace Punchline.Udp.Portable;

/// <summary>What each system needs to be told so that its UDP sockets behave alike.</summary>
internal static class PortableSocketOptions
{
    // SIO_UDP_CONNRESET and SIO_UDP_NETRESET: IOC_IN | IOC_VENDOR | 12 and 15. On, an ICMP answer makes a later receive fail.
    private const int UdpConnectionReset = unchecked((int)0x9800_000C);
    private const int UdpNetworkReset = unchecked((int)0x9800_000F);

    private const int LevelIp = 0;
    private const int LevelIpv6 = 41;

    // Linux: see Linux/Libc.cs.
    private const int LinuxIpMtuDiscover = 10;
    private const int LinuxIpv6MtuDiscover = 23;
    private const int LinuxMtuDiscoverProbe = 3;

    // macOS 11 and newer (netinet/in.h, netinet6/in6.h).
    private const int AppleIpDontFragment = 28;
    private const int AppleIpv6DontFragment = 62;

    /// <summary>Prepares a new socket, before it is bound.</summary>
    public static void Configure(Socket socket)
    {
        socket.Blocking = false;
        // IPv4 has sockets of its own.
        if (socket.AddressFamily == AddressFamily.InterNetworkV6)
            socket.DualMode = false;
        // On Windows another program could otherwise bind the same port and take our datagrams.
        if (OperatingSystem.IsWindows())
            socket.ExclusiveAddressUse = true;
        TrySet(() => socket.ReceiveBufferSize = UdpLimits.SocketReceiveBytes);
        TrySet(() => socket.SendBufferSize = UdpLimits.SocketSendBytes);
        TrySet(() => SetDontFragment(socket));
        if (OperatingSystem.IsWindows())
        {
            socket.IOControl(UdpConnectionReset, new byte[sizeof(int)], null);
            socket.IOControl(UdpNetworkReset, new byte[sizeof(int)], null);
        }
    }

    /// <summary>RFC 9000 section 14: datagrams must not be fragmented, where the system lets us say so.</summary>
    private static void SetDontFragment(Socket socket)
    {
        bool isIPv4 = socket.AddressFamily == AddressFamily.InterNetwork;
        if (OperatingSystem.IsLinux())
            SetRaw(socket, isIPv4 ? LevelIp : LevelIpv6, isIPv4 ? LinuxIpMtuDiscover : LinuxIpv6MtuDiscover, LinuxMtuDiscoverProbe);
        else if (OperatingSystem.IsMacOS())
            SetRaw(socket, isIPv4 ? LevelIp : LevelIpv6, isIPv4 ? AppleIpDontFragment : AppleIpv6DontFragment, 1);
        else if (isIPv4)
            socket.DontFragment = true;
        else
            socket.SetSocketOption(SocketOptionLevel.IPv6, SocketOptionName.DontFragment, true);
    }

    private static void SetRaw(Socket socket, int level, int name, int value) =>
        socket.SetRawSocketOption(level, name, MemoryMarshal.AsBytes(new ReadOnlySpan<int>(in value)));

    /// <summary>Sets an option that a system may lack or bound: we then go on with what it gives.</summary>
    private static void TrySet(Action set)
    {
        try
        {
            set();
        }
        catch (SocketException error) when (error.SocketErrorCode
            is SocketError.ProtocolOption or SocketError.OperationNotSupported or SocketError.InvalidArgument
            or SocketError.NoBufferSpaceAvailable)
        {
            // An older system: fragments, or a shorter queue, cost speed and not correctness.
        }
    }
}
