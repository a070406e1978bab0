using System.Net;
using System.Net.Sockets;
using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Connections.Features;
using Punchline.Udp;

namespace Punchline.Server;

/// <summary>
/// Bounds TCP connections by address before a byte of them is read, so that one machine cannot hold all of the server's. Above the bounds on
/// channels, so that whoever has too many of these is still told why. And keeps what TCP holds back of each short.
/// </summary>
internal sealed class ConnectionGate(PunchlineServerOptions options, MonotonicClock clock)
{
    /// <summary>TCP_NOTSENT_LOWAT (tcp(7)): what the connection has in flight does not count, unlike with a small send buffer.</summary>
    private const int LinuxNotSentLowWater = 25;

    private readonly AddressLimiter _addresses = new(
        options.MaxChannelsPerAddress + ServerLimits.PendingConnectionsPerAddress, options.NewChannelsPerSecond * ServerLimits.ConnectionsPerChannel);

    /// <summary>Kestrel's connection middleware.</summary>
    public ConnectionDelegate Use(ConnectionDelegate next) => async connection =>
    {
        if (connection.Features.Get<IConnectionSocketFeature>() is { } feature)
            KeepShort(feature.Socket);
        IPAddress address = (connection.RemoteEndPoint as IPEndPoint)?.Address ?? IPAddress.None;
        if (address.IsIPv4MappedToIPv6)
            address = address.MapToIPv4();
        // A web server in front brings everybody's connections.
        if (options.TrustedProxies.Contains(address))
        {
            await next(connection).ConfigureAwait(false);
            return;
        }
        if (!_addresses.TryEnter(clock.Now, address))
        {
            connection.Abort(new ConnectionAbortedException("too many connections from this address"));
            return;
        }
        try
        {
            await next(connection).ConfigureAwait(false);
        }
        finally
        {
            _addresses.Leave(address);
        }
    };

    // What TCP takes before the network does is delay for relayed datagrams, and seconds of it where the link is slow.
    private static void KeepShort(Socket socket)
    {
        try
        {
            if (OperatingSystem.IsLinux())
                socket.SetRawSocketOption((int)SocketOptionLevel.Tcp, LinuxNotSentLowWater, BitConverter.GetBytes(ServerLimits.UnsentBytes));
        }
        catch (SocketException)
        {
            // A kernel of before 3.12, or a sandbox without it: a queue that may grow is still a queue.
        }
    }

    /// <summary>Forgets addresses that hold nothing.</summary>
    public void Sweep() => _addresses.Sweep(clock.Now);
}
