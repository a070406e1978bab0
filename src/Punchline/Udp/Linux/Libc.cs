using System.Runtime.InteropServices;

namespace Punchline.Udp.Linux;

/// <summary>
/// The system calls and structures of 64-bit Linux that the UDP sockets use. glibc and musl agree on them for little-endian
/// machines: where musl has a 32-bit length and padding, the kernel reads one 64-bit length whose upper half is zero.
/// </summary>
internal static unsafe partial class Libc
{
    private const string Library = "libc";

    // socket(2)
    public const int FamilyInet = 2;
    public const int FamilyInet6 = 10;
    public const int TypeDatagram = 2;
    public const int TypeNonBlocking = 0x800;
    public const int TypeCloseOnExec = 0x8_0000;

    // Levels of socket options and control messages
    public const int LevelSocket = 1;
    public const int LevelIp = 0;
    public const int LevelUdp = 17;
    public const int LevelIpv6 = 41;

    // socket(7)
    public const int SendBuffer = 7;
    public const int ReceiveBuffer = 8;
    public const int SendBufferForce = 32;
    public const int ReceiveBufferForce = 33;

    // ip(7)
    public const int IpTypeOfService = 1;
    public const int IpTimeToLive = 2;
    public const int IpPacketInfo = 8;
    public const int IpMtuDiscover = 10;
    public const int IpReceiveTypeOfService = 13;

    // ipv6(7)
    public const int Ipv6MtuDiscover = 23;
    public const int Ipv6Only = 26;
    public const int Ipv6ReceivePacketInfo = 49;
    public const int Ipv6PacketInfo = 50;
    public const int Ipv6HopLimit = 52;
    public const int Ipv6ReceiveTrafficClass = 66;
    public const int Ipv6TrafficClass = 67;

    /// <summary>Sets Don't Fragment and ignores the kernel's own idea of the path's MTU (IP_PMTUDISC_PROBE), as RFC 8899 is done above (RFC 9000 sections 14 and 14.2.1).</summary>
    public const int MtuDiscoverProbe = 3;

    // udp(7)
    public const int UdpSegment = 103;
    public const int UdpReceiveOffload = 104;

    /// <summary>In the flags of a received message: it was longer than the buffer (MSG_TRUNC).</summary>
    public const int MessageTruncated = 0x20;

    // poll(2)
    public const short PollIn = 1;
    public const short PollOut = 4;

    // eventfd(2)
    public const int EventNonBlocking = 0x800;
    public const int EventCloseOnExec = 0x8_0000;

    [StructLayout(LayoutKind.Sequential)]
    internal struct IoVector
    {
        public byte* Base;
        public nuint Length;
    }

    [StructLayout(LayoutKind.Sequential)]
    internal struct MessageHeader
    {
        public byte* Name;
        public uint NameLength;
        public IoVector* Vectors;
        public nuint VectorCount;
        public byte* Control;
        public nuint ControlLength;
        public int Flags;
    }

    [StructLayout(LayoutKind.Sequential)]
    internal struct PollEntry
    {
        public int Descriptor;
        public short Events;
        public short Returned;
    }

    [StructLayout(LayoutKind.Sequential)]
    internal struct TimeSpec
    {
        public long Seconds;
        public long Nanoseconds;
    }

    /// <summary>The error of the last call that returned -1 on this thread.</summary>
    public static Errno LastError => (Errno)Marshal.GetLastPInvokeError();

    [LibraryImport(Library, EntryPoint = "socket", SetLastError = true)]
    public static partial Descriptor Socket(int family, int type, int protocol);

    [LibraryImport(Library, EntryPoint = "bind", SetLastError = true)]
    public static partial int Bind(Descriptor socket, byte* address, uint length);

    [LibraryImport(Library, EntryPoint = "getsockname", SetLastError = true)]
    public static partial int GetSocketName(Descriptor socket, byte* address, uint* length);

    [LibraryImport(Library, EntryPoint = "setsockopt", SetLastError = true)]
    public static partial int SetOption(Descriptor socket, int level, int name, int* value, uint length);

    [LibraryImport(Library, EntryPoint = "sendmsg", SetLastError = true)]
    public static partial nint SendMessage(Descriptor socket, MessageHeader* message, int flags);

    [LibraryImport(Library, EntryPoint = "recvmsg", SetLastError = true)]
    public static partial nint ReceiveMessage(Descriptor socket, MessageHeader* message, int flags);

    [LibraryImport(Library, EntryPoint = "ppoll", SetLastError = true)]
    public static partial int Poll(PollEntry* entries, nuint count, TimeSpec* timeout, void* signalMask);

    [LibraryImport(Library, EntryPoint = "eventfd", SetLastError = true)]
    public static partial Descriptor EventDescriptor(uint initial, int flags);

    [LibraryImport(Library, EntryPoint = "read", SetLastError = true)]
    public static partial nint Read(Descriptor descriptor, ulong* value, nuint length);

    [LibraryImport(Library, EntryPoint = "write", SetLastError = true)]
    public static partial nint Write(Descriptor descriptor, ulong* value, nuint length);

    [LibraryImport(Library, EntryPoint = "close")]
    public static partial int Close(int descriptor);
}
