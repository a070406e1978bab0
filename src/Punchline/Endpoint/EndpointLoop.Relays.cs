using Punchline.Quic;
using Punchline.Relay;
using Punchline.Udp;

namespace Punchline.Endpoint;

/// <content>Relayed datagrams: from which servers they are taken, and what carries them.</content>
internal sealed partial class EndpointLoop
{
    private readonly Dictionary<(IUdpSocket Socket, UdpAddress Server), RelayLink[]> _relayLinks = [];
    private readonly byte[] _channelBuffer = new byte[RelayFrame.MaxDatagram];

    /// <summary>The way from here to the peer that a server knows by a handle; null if the table of paths is full.</summary>
    public RelayPath? RelayedPath(RelayLink link, ulong handle) => Paths.Relayed(link, handle);

    /// <summary>
    /// Accepts relayed datagrams that this socket gets from this server; from anyone else they are dropped. Two names may be one
    /// server: then there are several links to it.
    /// </summary>
    public void AddRelayLink(IUdpSocket socket, UdpAddress server, RelayLink link) =>
        _relayLinks[(socket, server)] = [.. _relayLinks.GetValueOrDefault((socket, server), []), link];

    /// <summary>The link takes nothing from there any more; without any other no relayed datagram is accepted from that server.</summary>
    public void RemoveRelayLink(IUdpSocket socket, UdpAddress server, RelayLink link)
    {
        if (!_relayLinks.TryGetValue((socket, server), out RelayLink[]? links))
            return; // Its socket has gone, and took it along.
        links = [.. links.Where(other => other != link)];
        if (links.Length > 0)
            _relayLinks[(socket, server)] = links;
        else
            _relayLinks.Remove((socket, server));
    }

    /// <summary>Takes what came over a link's control channel, up to its share of the turn.</summary>
    /// <returns>True if there may be more.</returns>
    public bool ReceiveFromChannel(RelayLink link)
    {
        for (int i = 0; i < EndpointLimits.MaxChannelFrames; i++)
        {
            if (link.Channel is not { } channel || !channel.TryReceive(_channelBuffer, out ulong handle, out int length))
                return false;
            TakeRelayed(Paths.Relayed(link, handle), EcnCodepoint.NotEct, _channelBuffer.AsSpan(0, length));
        }
        return true;
    }

    private void TakeRelayed(RelayPath? path, EcnCodepoint ecn, Span<byte> datagram)
    {
        if (path is not null && Demultiplexer.Classify(datagram) == DatagramKind.Quic)
            TakeQuic(path, ecn, datagram);
    }

    /// <summary>The path of a relayed datagram: of several links to one server, that on which the handle is in use.</summary>
    private RelayPath? RelayedFrom(RelayLink[] links, ulong handle)
    {
        foreach (RelayLink link in links)
        {
            link.OnHeard();
            if (links.Length > 1 && Paths.IsInUse(link, handle))
                return Paths.Relayed(link, handle);
        }
        return Paths.Relayed(links[0], handle);
    }

    private void ForgetLinksOver(IUdpSocket socket)
    {
        foreach ((IUdpSocket Socket, UdpAddress Server) entry in _relayLinks.Keys.Where(entry => entry.Socket == socket).ToArray())
            _relayLinks.Remove(entry);
    }

    /// <summary>Hands a batch to what carries its path.</summary>
    private UdpSendStatus SendBatch(SocketPath path, in Transmit transmit, ReadOnlySpan<byte> batch, ref int offset)
    {
        if (path is RelayPath { Socket: null } relayed)
        {
            // Lost, if there is no channel either: the core's timers go on until there is a way again, or give up.
            relayed.Link.Channel?.Send(relayed.Handle, batch, transmit.SegmentSize);
            return UdpSendStatus.Sent;
        }
        (path as RelayPath)?.Link.OnSent(Now);
        return BatchSender.Send(path, transmit, batch, ref offset);
    }
}
