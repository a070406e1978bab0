using System.Net.Sockets;
using Punchline.Quic;
using Punchline.Udp.Linux;
using Punchline.Udp.Portable;

namespace Punchline.Udp;

/// <summary>Makes UDP sockets and the poller that belongs to them: an operating system's fast path, or the base library's sockets.</summary>
internal abstract class UdpPlatform
{
    /// <summary>Set to 1, this environment variable chooses the portable sockets everywhere.</summary>
    public const string PortableVariable = "PUNCHLINE_PORTABLE";

    /// <summary>Sockets of the base library: every system.</summary>
    public static UdpPlatform Portable { get; } = new PortableUdpPlatform();

    /// <summary>True where <see cref="CreateLinux"/> works. The layout of the kernel's structures is written for 64-bit little-endian machines.</summary>
    public static bool IsLinuxSupported => OperatingSystem.IsLinux() && Environment.Is64BitProcess && BitConverter.IsLittleEndian;

    /// <summary>
    /// True if one socket on the wildcard address serves every local address: it says which one a datagram reached and
    /// sends from the one that it is told. False: bind one socket to each usable local address.
    /// </summary>
    public abstract bool KnowsLocalAddress { get; }

    /// <summary>The name for logs.</summary>
    public abstract string Name { get; }

    /// <summary>Sockets through the system calls of Linux, in batches.</summary>
    /// <exception cref="PlatformNotSupportedException">Not a Linux that we know.</exception>
    public static UdpPlatform CreateLinux() => OperatingSystem.IsLinux() && IsLinuxSupported
        ? new LinuxUdpPlatform()
        : throw new PlatformNotSupportedException("The Linux sockets need 64-bit Linux.");

    /// <summary>The fastest for this machine.</summary>
    /// <param name="portable">Choose the portable one all the same.</param>
    public static UdpPlatform Detect(bool portable) => portable || !IsLinuxSupported ? Portable : CreateLinux();

    /// <summary>The fastest for this machine, unless <see cref="PortableVariable"/> says 1.</summary>
    public static UdpPlatform FromEnvironment() =>
        Detect(Environment.GetEnvironmentVariable(PortableVariable) is "1");

    /// <summary>Binds a socket.</summary>
    /// <param name="local">A local address, or the wildcard of a family (an IPv6 socket takes no IPv4); port 0 for any free one.</param>
    /// <exception cref="SocketException">The address is in use, reserved, or not of this machine, or its family is switched off.</exception>
    public abstract IUdpSocket Bind(in UdpAddress local);

    /// <summary>Makes a poller for sockets of this platform.</summary>
    public abstract IUdpPoller CreatePoller();
}
