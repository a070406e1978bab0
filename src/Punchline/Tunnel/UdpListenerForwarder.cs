using System.Buffers.Binary;
using System.Net;
using System.Net.Sockets;
using Punchline.Endpoint;
using Punchline.Quic;

namespace Punchline.Tunnel;

/// <summary>A local UDP port of the client: receives on the thread pool, hands over on the driver thread, answers from there.</summary>
internal sealed class UdpListenerForwarder : IDisposable
{
    private readonly IDriver _driver;
    private readonly ClientTunnel _tunnel;
    private readonly Socket _socket;
    private readonly DatagramInbox<UdpAddress> _inbox = new(TunnelLimits.DatagramSlots, TunnelLimits.DatagramSlot);
    private readonly ActionWorkItem _drain;
    private volatile bool _disposed;

    internal UdpListenerForwarder(IDriver driver, ClientTunnel tunnel, Socket bound)
    {
        _driver = driver;
        _tunnel = tunnel;
        _socket = bound;
        // Sending happens on the driver thread, which must not wait: a full buffer drops the datagram.
        _socket.Blocking = false;
        _drain = new ActionWorkItem(_ => Drain());
    }

    /// <summary>The host's service; null until it is known. Driver thread only.</summary>
    public ulong? ServiceId { get; set; }

    /// <summary>Local datagrams that came faster than the driver took them.</summary>
    public long InboxDropped => _inbox.Dropped;

    /// <summary>Receives no more. Driver thread only.</summary>
    public void Dispose()
    {
        _disposed = true;
        _socket.Dispose();
    }

    internal void Start() => _ = ReceiveAsync();

    /// <summary>Sends an answer to a local program. Driver thread only.</summary>
    internal bool TrySend(SocketAddress to, ReadOnlySpan<byte> datagram)
    {
        // A flow outlives its port when the host's services change; both are the driver thread's, so this cannot change meanwhile.
        if (_disposed)
            return false;
        try
        {
            _socket.SendTo(datagram, SocketFlags.None, to);
            return true;
        }
        catch (SocketException)
        {
            // Full, or an ICMP error about an earlier datagram: this one is lost, which the caller counts.
            return false;
        }
    }

    /// <summary>Reads a sockaddr_in or sockaddr_in6: port and address in network order, the scope in host order.</summary>
    internal static bool TryRead(SocketAddress address, out UdpAddress value)
    {
        ReadOnlySpan<byte> bytes = address.Buffer.Span[..address.Size];
        value = default;
        if (address.Family == AddressFamily.InterNetwork && bytes.Length >= 8)
            value = UdpAddress.FromBytes(bytes.Slice(4, 4), 0, BinaryPrimitives.ReadUInt16BigEndian(bytes[2..]));
        else if (address.Family == AddressFamily.InterNetworkV6 && bytes.Length >= 28)
            value = UdpAddress.FromBytes(bytes.Slice(8, 16), BitConverter.ToUInt32(bytes[24..]), BinaryPrimitives.ReadUInt16BigEndian(bytes[2..]));
        return !value.IsNone;
    }

    private async Task ReceiveAsync()
    {
        var buffer = new byte[TunnelLimits.DatagramSlot];
        var from = new SocketAddress(_socket.AddressFamily);
        while (!_disposed)
        {
            try
            {
                int count = await _socket.ReceiveFromAsync(buffer, SocketFlags.None, from).ConfigureAwait(false);
                Enqueue(from, buffer.AsSpan(0, count));
            }
            catch (SocketException e) when (e.SocketErrorCode == SocketError.MessageSize)
            {
                // Windows says instead of cutting that it did not fit: count it like one that filled its slot.
                Enqueue(from, buffer);
            }
            catch (SocketException e) when (e.SocketErrorCode is SocketError.ConnectionReset or SocketError.ConnectionRefused && !_disposed)
            {
                // A local program went away before its answer came (ICMP); the port lives on.
            }
            catch (SocketException e) when (!_disposed)
            {
                _driver.Post(new ActionWorkItem(_ => _tunnel.OnListenerFailed(ServiceId, e.SocketErrorCode)));
                await Task.Delay(TunnelLimits.AcceptRetry).ConfigureAwait(false);
            }
            catch (Exception e) when (e is SocketException or ObjectDisposedException)
            {
                return;
            }
        }
    }

    private void Enqueue(SocketAddress from, ReadOnlySpan<byte> datagram)
    {
        if (TryRead(from, out UdpAddress source) && _inbox.TryAdd(source, datagram))
            _driver.Post(_drain);
    }

    private void Drain()
    {
        while (_inbox.TryPeek(out UdpAddress source, out ReadOnlySpan<byte> datagram))
        {
            if (!_disposed)
                _tunnel.OnLocalDatagram(this, source, datagram);
            _inbox.Release();
        }
    }
}
