using Punchline.Quic;
using Punchline.Udp;

namespace Punchline.Endpoint;

/// <summary>Hands a batch to its socket in as many pieces as the socket's segmentation offload asks for.</summary>
internal static class BatchSender
{
    /// <summary>The socket's limit for one call (<see cref="IUdpSocket.Send"/>).</summary>
    private const int MaxSendBytes = 65_000;

    /// <summary>Sends from an offset on.</summary>
    /// <param name="path">Which socket, from and to where.</param>
    /// <param name="transmit">How the batch is cut and marked.</param>
    /// <param name="batch">The datagrams, relay headers filled in.</param>
    /// <param name="offset">The first byte that was not sent yet; moved on by what the system took.</param>
    public static UdpSendStatus Send(SocketPath path, in Transmit transmit, ReadOnlySpan<byte> batch, ref int offset)
    {
        if (path.Socket is not { } socket)
            return UdpSendStatus.Unreachable;
        while (offset < batch.Length)
        {
            // Read anew each time: a socket may find out that it has no segmentation offload after all.
            int segments = Math.Clamp(MaxSendBytes / transmit.SegmentSize, 1, Math.Max(1, socket.MaxSegments));
            int length = Math.Min(segments * transmit.SegmentSize, batch.Length - offset);
            UdpSendStatus status = socket.Send(path.RemoteAddress, path.LocalAddress, batch.Slice(offset, length),
                Math.Min(transmit.SegmentSize, length), transmit.Ect0, transmit.TimeToLive);
            if (status != UdpSendStatus.Sent)
                return status;
            offset += length;
        }
        return UdpSendStatus.Sent;
    }
}
