using Punchline.Quic;
using Punchline.Relay;
using Punchline.Udp;

namespace Punchline.Endpoint;

/// <content>Datagrams in and out: demultiplexing, batches, sockets that are full, clients beside QUIC.</content>
internal sealed partial class EndpointLoop
{
    /// <summary>Takes in a socket, which is the loop's from now on.</summary>
    /// <param name="socket">The socket.</param>
    /// <param name="isExtra">It serves one attempt to meet a peer, and no candidate is paired with it.</param>
    public void AddSocket(IUdpSocket socket, bool isExtra = false)
    {
        var slot = new SocketSlot(socket) { IsExtra = isExtra };
        _slotOf.Add(socket, slot);
        _slots.Add(slot);
        _poller.Add(socket);
    }

    /// <summary>
    /// A socket's mapping comes to its age: every connection gets ways to its peer from another one, which are probed at once, and data leaves
    /// those that begin at the old one. It stays until <see cref="RemoveSocket"/>.
    /// </summary>
    public void ReplaceSocket(IUdpSocket old, IUdpSocket fresh)
    {
        _slotOf[old].IsExtra = true;
        _slotOf[fresh].IsExtra = false;
        foreach (EndpointConnection connection in _connections.ToArray())
        {
            foreach (Candidate candidate in connection.Candidates)
                AddPathsTo(connection, candidate);
            connection.LeavePathsOver(old);
        }
    }

    /// <summary>Gives a socket up: its paths are taken from every connection, and it is disposed. Not from inside a client's call: post it.</summary>
    public void RemoveSocket(IUdpSocket socket)
    {
        if (!_slotOf.Remove(socket, out SocketSlot? slot))
            return;
        _slots.Remove(slot);
        ForgetLinksOver(socket);
        _poller.Remove(socket);
        foreach (EndpointConnection connection in _connections)
            connection.RemovePathsOver(socket);
        socket.Dispose();
    }

    /// <summary>
    /// This machine's addresses or routes changed: every connection gets the ways to its peer that lead out now, which are probed at
    /// once, and loses those that would leave from an address that is gone. Routes that come later are noticed for some seconds.
    /// </summary>
    /// <param name="isOurs">Tells the addresses that this machine has now.</param>
    public void Reroute(Func<UdpAddress, bool> isOurs) => _settling.Begin(isOurs, Now);

    private void TakeRoutes(Func<UdpAddress, bool> isOurs)
    {
        foreach (EndpointConnection connection in _connections.ToArray())
        {
            foreach (Candidate candidate in connection.Candidates)
                AddPathsTo(connection, candidate);
            connection.RemovePathsFrom(local => !local.IsNone && !isOurs(local));
        }
    }

    /// <summary>Whether a socket is this loop's: one whose address is gone has left it.</summary>
    public bool Has(IUdpSocket socket) => _slotOf.ContainsKey(socket);

    /// <summary>Has a client's datagrams carried by a socket, beginning in this turn; by one that has left the loop none are, as if all were lost.</summary>
    public void AddClient(IUdpSocket socket, IDatagramClient client)
    {
        if (!_slotOf.TryGetValue(socket, out SocketSlot? slot))
            return;
        slot.Clients = [.. slot.Clients, client];
        Serve(slot, client);
    }

    /// <summary>Carries the client's datagrams no more.</summary>
    public void RemoveClient(IUdpSocket socket, IDatagramClient client)
    {
        if (_slotOf.TryGetValue(socket, out SocketSlot? slot))
            slot.Clients = Array.FindAll(slot.Clients, other => other != client);
    }

    private void ReceiveAll()
    {
        _moreToReceive = false;
        // Those alone that have something: an attempt to meet a hard NAT brings hundreds that are silent.
        IReadOnlyList<IUdpSocket> readable = _poller.Readable;
        for (int i = 0; i < readable.Count; i++)
        {
            if (!_slotOf.TryGetValue(readable[i], out SocketSlot? slot))
                continue;
            int batches = 0;
            while (batches < EndpointLimits.MaxReceiveBatches && slot.Socket.TryReceive(_receiveBuffer, out UdpReceived received))
            {
                batches++;
                TakeApart(slot, received);
            }
            _moreToReceive |= batches == EndpointLimits.MaxReceiveBatches;
        }
    }

    private void TakeApart(SocketSlot slot, in UdpReceived received)
    {
        UdpPath? direct = null;
        RelayPath? relayed = null;
        for (int offset = 0; offset < received.Length; offset += received.SegmentSize)
        {
            Span<byte> datagram = _receiveBuffer.AsSpan(offset, Math.Min(received.SegmentSize, received.Length - offset));
            switch (Demultiplexer.Classify(datagram))
            {
                case DatagramKind.Quic:
                    if (_relayOnly)
                        break;
                    direct ??= Paths.Direct(slot.Socket, received.Local, received.Remote);
                    if (direct is not null)
                        TakeQuic(direct, received.Ecn, datagram);
                    break;
                case DatagramKind.Relay when RelayFrame.TryReadDataHeader(datagram, out ulong handle):
                    if (relayed?.Handle != handle)
                        relayed = _relayLinks.TryGetValue((slot.Socket, received.Remote), out RelayLink[]? links) ? RelayedFrom(links, handle) : null;
                    TakeRelayed(relayed, received.Ecn, datagram[RelayFrame.DataHeaderLength..]);
                    break;
                case DatagramKind.Relay or DatagramKind.Stun:
                    TakeForClient(slot, received.Remote, datagram);
                    break;
            }
        }
    }

    private void TakeQuic(SocketPath path, EcnCodepoint ecn, Span<byte> datagram)
    {
        IConnectionCore? core = _core.Receive(Now, path, ecn, datagram);
        if (core is null)
        {
            SendStateless();
            return;
        }
        EndpointConnection connection = core.Owner ?? Accept(core);
        connection.CameBy(path);
        MarkReady(connection);
    }

    private void TakeForClient(SocketSlot slot, in UdpAddress from, ReadOnlySpan<byte> datagram)
    {
        foreach (IDatagramClient client in slot.Clients)
        {
            if (!client.TryReceive(Now, from, datagram))
                continue;
            Serve(slot, client);
            return;
        }
    }

    private void ServeClients()
    {
        foreach (SocketSlot slot in _slots)
        {
            foreach (IDatagramClient client in slot.Clients)
            {
                if (client.NextTimeout <= Now)
                    Serve(slot, client);
            }
        }
    }

    private void Serve(SocketSlot slot, IDatagramClient client)
    {
        Span<byte> buffer = _sendBuffer.AsSpan(0, EndpointLimits.ClientBufferSize);
        for (int i = 0; i < EndpointLimits.MaxClientTransmits && client.TryTransmit(Now, buffer, out int length); i++)
        {
            // Whatever becomes of it: such an exchange repeats what is not answered.
            slot.Socket.Send(client.Server, default, buffer[..length], length, ect0: false, timeToLive: 0);
        }
    }

    /// <summary>Sends one opening probe on a way that the connection does not keep (<see cref="QuicConnection.TryWriteProbe"/>).</summary>
    /// <param name="connection">Whose.</param>
    /// <param name="socket">One of this loop's.</param>
    /// <param name="remote">Where to.</param>
    /// <param name="timeToLive">Hops that it may make, 0 for the usual number.</param>
    internal void SendProbe(EndpointConnection connection, IUdpSocket socket, UdpAddress remote, byte timeToLive)
    {
        if (!_slotOf.ContainsKey(socket) || DirectPath(socket, remote) is not { } path || !connection.Core.TryWriteProbe(Now, path, _sendBuffer, out int length))
            return;
        // Whatever becomes of it: a probe is repeated, or another one is as good.
        socket.Send(remote, path.LocalAddress, _sendBuffer.AsSpan(0, length), length, ect0: false, timeToLive);
        MarkReady(connection);
    }

    private void SendStateless()
    {
        for (int i = 0; i < EndpointLimits.MaxStatelessTransmits && _core.TryTransmit(_sendBuffer, out Transmit transmit); i++)
        {
            Span<byte> batch = _sendBuffer.AsSpan(0, transmit.Length);
            var path = (SocketPath)transmit.Path;
            (path as RelayPath)?.WriteHeaders(batch, transmit.SegmentSize);
            int offset = 0;
            // Stateless answers are best effort: one that finds the socket full is dropped, as a stranger's flood would have it.
            SendBatch(path, transmit, batch, ref offset);
        }
    }

    /// <summary>Sends what the core has for a connection, up to its share of the turn.</summary>
    /// <returns>True if its share was used up and there may be more.</returns>
    private bool Transmit(EndpointConnection connection)
    {
        for (int i = 0; i < EndpointLimits.MaxTransmitBatches; i++)
        {
            if (connection.HoldsBatch || IsBlocked(connection.Core.CurrentPath))
            {
                Await(connection);
                return false;
            }
            if (!connection.Core.TryTransmit(Now, _sendBuffer, out Transmit transmit))
                return false;
            Span<byte> batch = _sendBuffer.AsSpan(0, transmit.Length);
            var path = (SocketPath)transmit.Path;
            SocketSlot? slot = null;
            // The socket may have left the loop since the core chose the path.
            if (path.Socket is { } socket && !_slotOf.TryGetValue(socket, out slot))
                continue;
            (path as RelayPath)?.WriteHeaders(batch, transmit.SegmentSize);
            int offset = 0;
            UdpSendStatus status = slot is { Blocked: true } ? UdpSendStatus.WouldBlock : SendBatch(path, transmit, batch, ref offset);
            switch (status)
            {
                case UdpSendStatus.Sent:
                    if (ReferenceEquals(connection.UnreachablePath, path))
                        connection.UnreachablePath = null;
                    break;
                case UdpSendStatus.WouldBlock:
                    connection.HoldBatch(transmit, batch[offset..]);
                    Block(slot!);
                    break;
                case UdpSendStatus.TooLarge:
                    connection.Core.OnDatagramTooLarge(Now, path, transmit.SegmentSize - path.HeaderLength);
                    break;
                case UdpSendStatus.Unreachable:
                    // Lost, as far as the core is concerned: its timers find another path or give up.
                    UnreachableBatches++;
                    path.Refused++;
                    if (!ReferenceEquals(connection.UnreachablePath, path))
                        _log.Unreachable(slot!.Socket, path.RemoteAddress);
                    connection.UnreachablePath = path;
                    break;
            }
        }
        return true;
    }

    private bool IsBlocked(NetworkPath path) =>
        path is SocketPath { Socket: { } socket } && _slotOf.TryGetValue(socket, out SocketSlot? slot) && slot.Blocked;

    private void Block(SocketSlot slot)
    {
        if (slot.Blocked)
            return;
        slot.Blocked = true;
        _poller.WatchWritable(slot.Socket);
    }

    private void Await(EndpointConnection connection)
    {
        if (connection.Waiting)
            return;
        connection.Waiting = true;
        _waiting.Add(connection);
    }

    /// <summary>The sockets that were full may have room: the batches that wait go first, in the order in which they began to wait.</summary>
    private void RetryWaiting()
    {
        if (_waiting.Count == 0)
            return;
        foreach (SocketSlot slot in _slots)
            slot.Blocked = false;
        (_waiting, _retrying) = (_retrying, _waiting);
        foreach (EndpointConnection connection in _retrying)
        {
            connection.Waiting = false;
            if (connection.HeldSocket is { } socket && _slotOf.TryGetValue(socket, out SocketSlot? slot)
                && (slot.Blocked || connection.SendHeld() == UdpSendStatus.WouldBlock))
            {
                Block(slot);
                Await(connection);
                continue;
            }
            MarkReady(connection);
        }
        _retrying.Clear();
    }
}
