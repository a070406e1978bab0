using System.Net;
using System.Net.Sockets;
using Punchline.Quic;

namespace Punchline.Udp.Portable;

/// <summary>
/// A UDP socket over the base library's: one datagram at a time, and one local address, the one it is bound to.
/// </summary>
/// <remarks>
/// The base library offers no way to read the ECN field or the segment size, so there is neither here.
/// Addresses pass as the bytes of two reused <see cref="SocketAddress"/> objects, so that nothing is allocated for a datagram.
/// </remarks>
internal sealed class PortableUdpSocket : IUdpSocket
{
    private readonly Socket _socket;
    private readonly bool _isIPv4;
    private readonly SocketAddress _sendAddress;
    private readonly SocketAddress _receiveAddress;
    private readonly short _usualTimeToLive;

    /// <summary>Binds a socket. See <see cref="UdpPlatform.Bind"/>.</summary>
    public PortableUdpSocket(in UdpAddress local)
    {
        if (local.IsNone)
            throw new ArgumentException("A socket needs an address of a family.", nameof(local));
        _isIPv4 = local.IsIPv4;
        AddressFamily family = _isIPv4 ? AddressFamily.InterNetwork : AddressFamily.InterNetworkV6;
        _sendAddress = new SocketAddress(family);
        _receiveAddress = new SocketAddress(family);
        _socket = new Socket(family, SocketType.Dgram, ProtocolType.Udp);
        try
        {
            PortableSocketOptions.Configure(_socket);
            _usualTimeToLive = _socket.Ttl;
            _socket.Bind(local.ToIPEndPoint());
            var bound = (IPEndPoint)_socket.LocalEndPoint!;
            LocalAddress = new UdpAddress(bound.Address, bound.Port);
        }
        catch
        {
            _socket.Dispose();
            throw;
        }
    }

    /// <inheritdoc/>
    public UdpAddress LocalAddress { get; }

    /// <inheritdoc/>
    public int MaxSegments => 1;

    /// <summary>The base library's socket, for the poller.</summary>
    internal Socket Socket => _socket;

    /// <inheritdoc/>
    /// <remarks>
    /// A socket bound to one address sends from nowhere else; one on the wildcard leaves the choice to the system.
    /// ECN is left out. The hop limit is set for the moment of the call, which only this socket's one owner makes.
    /// </remarks>
    public UdpSendStatus Send(
        in UdpAddress remote, in UdpAddress local, ReadOnlySpan<byte> batch, int segmentSize, bool ect0, byte timeToLive)
    {
        if (remote.IsNone || remote.IsIPv4 != _isIPv4 || !CanSendFrom(local))
            return UdpSendStatus.Unreachable;
        SocketAddressFields.Write(remote, _sendAddress);
        if (timeToLive > 0)
            _socket.Ttl = timeToLive;
        try
        {
            return SendEach(batch, segmentSize);
        }
        finally
        {
            if (timeToLive > 0)
                _socket.Ttl = _usualTimeToLive;
        }
    }

    /// <inheritdoc/>
    public bool TryReceive(Span<byte> buffer, out UdpReceived received)
    {
        // Looking first costs a system call, but an exception at the end of every drain would cost far more.
        while (_socket.Poll(0, SelectMode.SelectRead))
        {
            try
            {
                _receiveAddress.Size = SocketAddress.GetMaximumAddressSize(_receiveAddress.Family);
                int length = _socket.ReceiveFrom(buffer, SocketFlags.None, _receiveAddress);
                if (!SocketAddressFields.TryRead(_receiveAddress, out UdpAddress remote))
                    continue;
                received = new UdpReceived(length, length, remote, LocalAddress, EcnCodepoint.NotEct);
                return true;
            }
            catch (SocketException error) when (error.SocketErrorCode == SocketError.WouldBlock)
            {
                // The datagram that was announced failed its checksum.
                break;
            }
            catch (SocketException error) when (ConcernsOneDatagram(error.SocketErrorCode))
            {
                // An ICMP answer to something sent earlier, or a datagram that was cut: the next may be there.
            }
        }
        received = default;
        return false;
    }

    /// <inheritdoc/>
    public void Dispose() => _socket.Dispose();

    private bool CanSendFrom(in UdpAddress local) =>
        local.IsNone || local.SameHost(LocalAddress) || (LocalAddress.IsUnspecified && local.IsIPv4 == _isIPv4);

    private UdpSendStatus SendEach(ReadOnlySpan<byte> batch, int segmentSize)
    {
        if (batch.Length <= segmentSize)
            return SendOne(batch);
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(segmentSize);
        for (int offset = 0; offset < batch.Length; offset += segmentSize)
        {
            UdpSendStatus status = SendOne(batch.Slice(offset, Math.Min(segmentSize, batch.Length - offset)));
            if (status != UdpSendStatus.Sent)
                // What did not follow the first counts as lost on the way. With MaxSegments heeded, there is no such rest.
                return offset == 0 ? status : UdpSendStatus.Sent;
        }
        return UdpSendStatus.Sent;
    }

    private UdpSendStatus SendOne(ReadOnlySpan<byte> datagram)
    {
        try
        {
            _socket.SendTo(datagram, SocketFlags.None, _sendAddress);
            return UdpSendStatus.Sent;
        }
        catch (SocketException error) when (error.SocketErrorCode is not (SocketError.NotSocket or SocketError.Fault))
        {
            return error.SocketErrorCode switch
            {
                SocketError.WouldBlock => UdpSendStatus.WouldBlock,
                SocketError.MessageSize => UdpSendStatus.TooLarge,
                // Dropped by our own device's queue (macOS, Windows), or an ICMP answer to an earlier datagram that took this
                // call's place: a loss like any other.
                SocketError.NoBufferSpaceAvailable or SocketError.ConnectionReset or SocketError.ConnectionRefused => UdpSendStatus.Sent,
                _ => UdpSendStatus.Unreachable,
            };
        }
    }

    private static bool ConcernsOneDatagram(SocketError error) => error
        is SocketError.ConnectionReset or SocketError.ConnectionRefused or SocketError.NetworkReset or SocketError.MessageSize
        or SocketError.HostUnreachable or SocketError.NetworkUnreachable or SocketError.HostDown or SocketError.NetworkDown
        or SocketError.AccessDenied or SocketError.ProtocolOption or SocketError.TimedOut or SocketError.Interrupted;
}
