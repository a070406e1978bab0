using System.Net;
using System.Net.Sockets;
using Punchline.Quic;
using Punchline.Udp;

namespace Punchline.Server.Relay;

/// <summary>The server's UDP sockets: the main port and perhaps the next one, in each family that the machine has.</summary>
internal sealed class UdpPorts : IDisposable
{
    private UdpPorts(IReadOnlyList<IUdpSocket> main, IReadOnlyList<IUdpSocket> alternate)
    {
        Main = main;
        Alternate = alternate;
    }

    /// <summary>STUN and relay frames.</summary>
    public IReadOnlyList<IUdpSocket> Main { get; }

    /// <summary>STUN alone; may be empty.</summary>
    public IReadOnlyList<IUdpSocket> Alternate { get; }

    public int Port => Main[0].LocalAddress.Port;

    /// <summary>0 if there is none.</summary>
    public int AlternatePort => Alternate.Count == 0 ? 0 : Alternate[0].LocalAddress.Port;

    /// <summary>Binds all of them or none.</summary>
    /// <param name="address">Null: the wildcards of both families.</param>
    /// <param name="port">0: any.</param>
    /// <param name="alternate">Bind a second STUN port.</param>
    /// <param name="alternateAt">Where; null for the next port.</param>
    /// <exception cref="SocketException">A port is taken or reserved, or the address is not ours.</exception>
    public static UdpPorts Bind(UdpPlatform platform, IPAddress? address, int port, bool alternate, IPEndPoint? alternateAt)
    {
        var bound = new List<IUdpSocket>();
        try
        {
            List<IUdpSocket> main = BindAll(platform, address, port, bound);
            List<IUdpSocket> next = alternate
                ? BindAll(platform, alternateAt?.Address ?? address, alternateAt?.Port ?? main[0].LocalAddress.Port + 1, bound)
                : [];
            return new UdpPorts(main, next);
        }
        catch
        {
            foreach (IUdpSocket socket in bound)
                socket.Dispose();
            throw;
        }
    }

    /// <summary>The socket of an address's family.</summary>
    public static IUdpSocket? For(IReadOnlyList<IUdpSocket> sockets, in UdpAddress address)
    {
        foreach (IUdpSocket socket in sockets)
        {
            if (socket.LocalAddress.IsIPv4 == address.IsIPv4)
                return socket;
        }
        return null;
    }

    public void Dispose()
    {
        foreach (IUdpSocket socket in Main)
            socket.Dispose();
        foreach (IUdpSocket socket in Alternate)
            socket.Dispose();
    }

    private static List<IUdpSocket> BindAll(UdpPlatform platform, IPAddress? address, int port, List<IUdpSocket> bound)
    {
        // Beyond the last port there is no next one.
        if (port > ushort.MaxValue)
            throw new SocketException((int)SocketError.AddressNotAvailable);
        var sockets = new List<IUdpSocket>();
        foreach (IPAddress local in address is null ? [IPAddress.Any, IPAddress.IPv6Any] : new[] { address })
        {
            try
            {
                IUdpSocket socket = platform.Bind(new UdpAddress(local, port));
                sockets.Add(socket);
                bound.Add(socket);
                // Both families have the same number.
                port = socket.LocalAddress.Port;
            }
            catch (SocketException e) when (address is null && sockets.Count > 0
                && e.SocketErrorCode is SocketError.AddressFamilyNotSupported or SocketError.AddressNotAvailable or SocketError.ProtocolFamilyNotSupported)
            {
                // A machine without IPv6 serves IPv4 alone.
                break;
            }
        }
        return sockets;
    }
}
