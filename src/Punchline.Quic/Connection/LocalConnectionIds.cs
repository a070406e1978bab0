using Punchline.Quic.Recovery;
using Punchline.Quic.Streams;
using Punchline.Quic.Tls;
using Punchline.Quic.Wire;

namespace Punchline.Quic;

/// <summary>Where connection ids lead to connections; the endpoint's table.</summary>
internal interface IConnectionIdTable
{
    /// <summary>Draws a new id that leads to the connection.</summary>
    ConnectionId Issue(QuicConnection connection);

    /// <summary>Writes the id's stateless reset token, 16 bytes.</summary>
    void WriteResetToken(in ConnectionId id, Span<byte> token);

    /// <summary>The id leads nowhere from now on.</summary>
    void Withdraw(in ConnectionId id);
}

/// <summary>What all connections of one endpoint share.</summary>
/// <param name="Options">What the endpoint is made of.</param>
/// <param name="Ids">Where connection ids lead to connections.</param>
/// <param name="Chunks">Memory for stream data.</param>
/// <param name="Tickets">The keys and the memory of session tickets, which all connections of an endpoint share.</param>
internal sealed record ConnectionContext(QuicEndpointOptions Options, IConnectionIdTable Ids, ChunkPool Chunks, TicketKeeper Tickets);

/// <summary>The connection ids that we issue to the peer and it sends to (RFC 9000 section 5.1).</summary>
internal sealed class LocalConnectionIds(IConnectionIdTable table)
{
    /// <summary>
    /// Ids that the peer holds at once: one for the path in use, one for opening probes, and a fresh one for each path
    /// that is being validated. Also what we accept of the peer's (active_connection_id_limit).
    /// </summary>
    internal const int MaxActive = 8;

    private readonly List<Entry> _active = new(MaxActive);
    private readonly byte[] _token = new byte[ConnectionIdFactory.ResetTokenLength];
    private readonly Queue<ConnectionId> _retired = new(MaxActive);
    private QuicConnection? _owner;
    private ulong _nextSequence;
    private ulong _highestSent; // the handshake's packets carry number 0
    private int _unsent;

    private record struct Entry(ulong Sequence, ConnectionId Id, bool NeedsSending);

    /// <summary>True if NEW_CONNECTION_ID frames wait to be sent.</summary>
    internal bool HasFramesToSend => _unsent > 0;

    /// <summary>The first id, which the handshake's packets carry: sequence number 0.</summary>
    internal ConnectionId Start(QuicConnection owner)
    {
        _owner = owner;
        ConnectionId id = table.Issue(owner);
        _active.Add(new Entry(_nextSequence++, id, NeedsSending: false));
        return id;
    }

    /// <summary>
    /// Issues ids until the peer holds as many as both sides' limits allow (RFC 9000 section 5.1.1), long before any migration
    /// needs them (section 9.5).
    /// </summary>
    /// <param name="peerLimit">The peer's active_connection_id_limit.</param>
    internal void Replenish(ulong peerLimit)
    {
        while (_active.Count < MaxActive && (ulong)_active.Count < peerLimit)
        {
            _active.Add(new Entry(_nextSequence++, table.Issue(_owner!), NeedsSending: true));
            _unsent++;
        }
    }

    internal void WriteFrames(scoped ref WireWriter writer, SentFrameList sent)
    {
        for (int i = 0; i < _active.Count && _unsent > 0; i++)
        {
            Entry entry = _active[i];
            if (!entry.NeedsSending)
                continue;
            table.WriteResetToken(entry.Id, _token);
            var frame = new NewConnectionIdFrame(entry.Sequence, 0, entry.Id, _token);
            if (frame.Length > writer.Remaining)
                return;
            frame.Write(ref writer);
            sent.Add(new SentFrame(SentFrameKind.NewConnectionId, entry.Sequence, 0, 0, false));
            _highestSent = Math.Max(_highestSent, entry.Sequence);
            _active[i] = entry with { NeedsSending = false };
            _unsent--;
        }
    }

    internal void OnLost(ulong sequence)
    {
        int index = IndexOf(sequence);
        if (index < 0 || _active[index].NeedsSending)
            return;
        _active[index] = _active[index] with { NeedsSending = true };
        _unsent++;
    }

    /// <summary>RETIRE_CONNECTION_ID (RFC 9000 section 19.16).</summary>
    /// <param name="sequence">The sequence number in the frame.</param>
    /// <param name="arrivedAt">The id that the packet with the frame was sent to.</param>
    /// <param name="peerLimit">The peer's active_connection_id_limit.</param>
    internal QuicError? OnRetire(ulong sequence, in ConnectionId arrivedAt, ulong peerLimit)
    {
        // Numbers are sent in their order. One that was drawn and not sent yet counts as never issued: otherwise a packet of
        // RETIRE_CONNECTION_ID frames could name hundreds of ids, each as soon as the frame before it had it drawn.
        if (sequence > _highestSent)
            return QuicError.Transport(TransportErrorCode.ProtocolViolation, "retired a connection id that was never issued", FrameTypes.RetireConnectionId);
        int index = IndexOf(sequence);
        if (index < 0)
            return null;
        if (_active[index].Id == arrivedAt)
            return QuicError.Transport(TransportErrorCode.ProtocolViolation, "retired the connection id that carried the frame", FrameTypes.RetireConnectionId);
        // Packets to it may still be under way on another path: it leads here for a while longer.
        if (_retired.Count == MaxActive)
            table.Withdraw(_retired.Dequeue());
        _retired.Enqueue(_active[index].Id);
        Remove(index, withdraw: false);
        Replenish(peerLimit);
        return null;
    }

    internal void WithdrawAll()
    {
        while (_active.Count > 0)
            Remove(_active.Count - 1, withdraw: true);
        while (_retired.TryDequeue(out ConnectionId id))
            table.Withdraw(id);
    }

    private void Remove(int index, bool withdraw)
    {
        if (_active[index].NeedsSending)
            _unsent--;
        if (withdraw)
            table.Withdraw(_active[index].Id);
        _active.RemoveAt(index);
    }

    private int IndexOf(ulong sequence)
    {
        for (int i = 0; i < _active.Count; i++)
        {
            if (_active[i].Sequence == sequence)
                return i;
        }
        return -1;
    }
}
