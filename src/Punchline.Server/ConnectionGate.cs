using System.Net;
using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Connections.Features;
using Punchline.Relay;
using Punchline.Udp;

namespace Punchline.Server;

/// <summary>
/// Bounds TCP connections by address before a byte of them is read, so that one machine cannot hold all of the server's. Above the bounds on
/// channels, so that whoever has too many of these is still told why. And keeps what TCP holds back of each short.
/// </summary>
internal sealed class ConnectionGate(PunchlineServerOptions options, MonotonicClock clock)
{
    private readonly AddressLimiter _addresses = new(
        options.MaxChannelsPerAddress + ServerLimits.PendingConnectionsPerAddress, options.NewChannelsPerSecond * ServerLimits.ConnectionsPerChannel);

    /// <summary>Kestrel's connection middleware.</summary>
    public ConnectionDelegate Use(ConnectionDelegate next) => async connection =>
    {
        if (connection.Features.Get<IConnectionSocketFeature>() is { } feature)
            ShortSendQueue.Apply(feature.Socket, ServerLimits.UnsentBytes);
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

    /// <summary>Forgets addresses that hold nothing.</summary>
    public void Sweep() => _addresses.Sweep(clock.Now);
}
