using System.Net;
using System.Net.Sockets;
using Punchline.Quic;
using Punchline.Udp;

namespace Punchline.PortMapping;

/// <summary>
/// Carries requests to the router over a socket of their own, for as long as each takes. Not the socket of QUIC: the first
/// bytes of these protocols are those of others there, and a mapping need not be asked for from the port that it leads to.
/// </summary>
internal sealed class GatewayLink(Gateway gateway, TimeProvider time)
{
    /// <summary>No answer that we read is longer; RFC 6887 section 7 says 1,100, and SSDP's fit an Ethernet frame.</summary>
    private const int MaxDatagram = 1500;

    private readonly MonotonicClock _clock = new(time);

    /// <summary>The router, and where we stand.</summary>
    public Gateway Gateway => gateway;

    /// <summary>Asks, until there is an answer or the request is given up.</summary>
    /// <returns>The request with its answer; null without one, or if this machine cannot send there.</returns>
    public async Task<GatewayRequest<T>?> AskAsync<T>(GatewayRequest<T> request, CancellationToken cancellationToken)
    {
        try
        {
            using var socket = new Socket(AddressFamily.InterNetwork, SocketType.Dgram, ProtocolType.Udp);
            socket.Bind(gateway.Local.WithPort(0).ToIPEndPoint());
            if (request.Server.IsMulticast)
                socket.SetSocketOption(SocketOptionLevel.IP, SocketOptionName.MulticastInterface, gateway.Local.ToIPAddress().GetAddressBytes());
            await RunAsync(socket, request, cancellationToken).ConfigureAwait(false);
            return request.IsAnswered ? request : null;
        }
        catch (SocketException)
        {
            // The address has gone, or a rule of this machine forbids it: this router cannot be asked from here.
            return null;
        }
    }

    private async Task RunAsync<T>(Socket socket, GatewayRequest<T> request, CancellationToken cancellationToken)
    {
        byte[] sending = new byte[MaxDatagram];
        byte[] receiving = new byte[MaxDatagram];
        var from = new SocketAddress(AddressFamily.InterNetwork);
        Task<int>? received = null;
        while (true)
        {
            while (request.TryTransmit(_clock.Now, sending, out int length))
                await socket.SendToAsync(sending.AsMemory(0, length), request.Server.ToIPEndPoint(), cancellationToken).ConfigureAwait(false);
            if (!request.NextTimeout.IsSet)
                return;
            received ??= socket.ReceiveFromAsync(receiving, SocketFlags.None, from, CancellationToken.None).AsTask();
            TimeSpan wait = request.NextTimeout - _clock.Now;
            try
            {
                int length = await received.WaitAsync(wait > TimeSpan.Zero ? wait : TimeSpan.Zero, time, cancellationToken).ConfigureAwait(false);
                received = null;
                var sender = (IPEndPoint)new IPEndPoint(IPAddress.Any, 0).Create(from);
                request.TryReceive(_clock.Now, new UdpAddress(sender.Address, sender.Port), receiving.AsSpan(0, length));
            }
            catch (TimeoutException)
            {
                // The request's own time has come.
            }
            catch (SocketException e) when (e.SocketErrorCode is SocketError.ConnectionReset or SocketError.MessageSize)
            {
                // Windows tells of an ICMP message to an earlier datagram, or that one was too long: neither is an answer.
                received = null;
            }
        }
    }
}
