using System.Net.Sockets;
using System.Runtime.Versioning;
using Punchline.Quic;

namespace Punchline.Udp.Linux;

/// <summary>Sockets through the system calls of Linux.</summary>
[SupportedOSPlatform("linux")]
internal sealed class LinuxUdpPlatform : UdpPlatform
{
    /// <inheritdoc/>
    public override bool KnowsLocalAddress => true;

    /// <inheritdoc/>
    public override string Name => "linux";

    /// <inheritdoc/>
    public override IUdpSocket Bind(in UdpAddress local) => new LinuxUdpSocket(local);

    /// <inheritdoc/>
    public override IUdpPoller CreatePoller() => new LinuxUdpPoller();

    /// <summary>An error of socket creation in the words of the base library, so that both platforms fail alike.</summary>
    internal static SocketException Failure(Errno error)
    {
        SocketError code = error switch
        {
            Errno.AddressInUse => SocketError.AddressAlreadyInUse,
            Errno.AddressNotAvailable => SocketError.AddressNotAvailable,
            Errno.AccessDenied or Errno.NotPermitted => SocketError.AccessDenied,
            Errno.AddressFamilyNotSupported => SocketError.AddressFamilyNotSupported,
            Errno.InvalidArgument => SocketError.InvalidArgument,
            Errno.NoMemory or Errno.NoBufferSpace => SocketError.NoBufferSpaceAvailable,
            _ => SocketError.SocketError,
        };
        return code == SocketError.SocketError
            ? new SocketException((int)code, $"A socket call failed with error {(int)error} ({error}).")
            : new SocketException((int)code);
    }
}
