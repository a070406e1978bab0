using System.Diagnostics.CodeAnalysis;
using Punchline.Quic.Wire;

namespace Punchline.Quic.Streams;

/// <summary>
/// Which streams there are (RFC 9000 sections 2.1, 3.4 and 4.6): makes them, finds them, forgets them. A stream that
/// is not here either has ended, if its number is below the next one of its kind, or has not been opened.
/// </summary>
internal sealed class StreamTable(bool isClient, StreamLimits limits, ChunkAccount chunks)
{
    private readonly Dictionary<ulong, QuicStream> _streams = [];
    private readonly ReassemblyBudget _budget = new();
    private readonly RemoteStreams _remoteBidirectional = new(limits.MaxBidirectionalStreams);
    private readonly RemoteStreams _remoteUnidirectional = new(limits.MaxUnidirectionalStreams);
    private readonly LocalStreams _localBidirectional = new();
    private readonly LocalStreams _localUnidirectional = new();
    private ulong _peerBidirectionalLocal;
    private ulong _peerBidirectionalRemote;
    private ulong _peerUnidirectional;

    /// <summary>The number of streams that have not ended.</summary>
    public int Count => _streams.Count;

    /// <summary>All streams that have not ended, in no order. For rare work only.</summary>
    public Dictionary<ulong, QuicStream>.ValueCollection All => _streams.Values;

    /// <summary>Streams that the peer opens.</summary>
    public RemoteStreams Remote(bool bidirectional) => bidirectional ? _remoteBidirectional : _remoteUnidirectional;

    /// <summary>Streams that we open.</summary>
    public LocalStreams Local(bool bidirectional) => bidirectional ? _localBidirectional : _localUnidirectional;

    /// <summary>The peer's initial limits (RFC 9000 section 18.2), seen from the peer: its "local" streams are the ones that it opens.</summary>
    public void SetPeerLimits(ulong bidirectionalLocal, ulong bidirectionalRemote, ulong unidirectional)
    {
        _peerBidirectionalLocal = bidirectionalLocal;
        _peerBidirectionalRemote = bidirectionalRemote;
        _peerUnidirectional = unidirectional;
        foreach (QuicStream stream in _streams.Values)
            stream.Sending?.RaisePeerLimit(PeerLimit(stream.Id));
    }

    /// <summary>True if we open streams with such ids.</summary>
    public bool IsLocal(StreamId id) => id.IsClientInitiated == isClient;

    /// <summary>True if the stream is or was open.</summary>
    public bool WasOpened(StreamId id) => id.Ordinal < (IsLocal(id) ? Local(id.IsBidirectional).Opened : Remote(id.IsBidirectional).Opened);

    /// <summary>Finds a stream that has not ended.</summary>
    public bool TryGet(StreamId id, [NotNullWhen(true)] out QuicStream? stream) => _streams.TryGetValue(id.Value, out stream);

    /// <summary>Opens the next stream of ours, if the peer allows it.</summary>
    public bool TryOpen(bool bidirectional, [NotNullWhen(true)] out QuicStream? stream)
    {
        bool opened = Local(bidirectional).TryOpen(out ulong ordinal);
        stream = opened ? Make(StreamId.From(isClient, bidirectional, ordinal)) : null;
        return opened;
    }

    /// <summary>
    /// Finds the stream that a frame of its sender names: STREAM, RESET_STREAM, STREAM_DATA_BLOCKED. Opens it, and
    /// those below it, if the peer thereby opens it.
    /// </summary>
    /// <param name="opened">Takes the streams that were opened.</param>
    /// <param name="stream">Null if the stream has ended: then the frame came late and means nothing any more.</param>
    /// <returns>The error that ends the connection, or null.</returns>
    public QuicError? FindAsReceiver(StreamId id, ulong frameType, StreamEvents opened, out QuicStream? stream)
    {
        stream = null;
        // Sections 19.4, 19.8 and 19.13.
        return IsLocal(id) && !id.IsBidirectional
            ? QuicError.Transport(TransportErrorCode.StreamStateError, "a sender's frame on a stream that only we send on", frameType)
            : Find(id, frameType, opened, out stream);
    }

    /// <summary>Finds the stream that a frame of its receiver names: MAX_STREAM_DATA, STOP_SENDING.</summary>
    /// <inheritdoc cref="FindAsReceiver"/>
    public QuicError? FindAsSender(StreamId id, ulong frameType, StreamEvents opened, out QuicStream? stream)
    {
        stream = null;
        // Sections 19.5 and 19.10.
        return !IsLocal(id) && !id.IsBidirectional
            ? QuicError.Transport(TransportErrorCode.StreamStateError, "a receiver's frame on a stream that only the peer sends on", frameType)
            : Find(id, frameType, opened, out stream);
    }

    /// <summary>Forgets a stream that has ended.</summary>
    public void Remove(QuicStream stream)
    {
        if (_streams.Remove(stream.Id.Value) && !IsLocal(stream.Id))
            Remote(stream.Id.IsBidirectional).OnEnded();
    }

    /// <summary>Forgets all streams.</summary>
    public void Clear() => _streams.Clear();

    private QuicError? Find(StreamId id, ulong frameType, StreamEvents opened, out QuicStream? stream)
    {
        if (_streams.TryGetValue(id.Value, out stream) || WasOpened(id))
            return null;
        if (IsLocal(id))
            return QuicError.Transport(TransportErrorCode.StreamStateError, "a frame on a stream that we have not opened", frameType);
        RemoteStreams remote = Remote(id.IsBidirectional);
        if (id.Ordinal >= remote.Limit) // Sections 4.6 and 19.11.
            return QuicError.Transport(TransportErrorCode.StreamLimitError, "more streams than allowed", frameType);
        // Section 3.2: all lower-numbered streams of the kind come first. The limit bounds how many.
        while (remote.Opened <= id.Ordinal)
        {
            stream = Make(StreamId.From(!isClient, id.IsBidirectional, remote.Open()));
            opened.Raise(stream, StreamNews.Opened);
        }
        return null;
    }

    private QuicStream Make(StreamId id)
    {
        bool local = IsLocal(id);
        SendingPart? sending = local || id.IsBidirectional
            ? new SendingPart(PeerLimit(id), limits.InitialSendBufferPerStream, chunks) : null;
        ReceivingPart? receiving = !local || id.IsBidirectional ? new ReceivingPart(Window(id), chunks, _budget) : null;
        var stream = new QuicStream(id, sending, receiving);
        _streams.Add(id.Value, stream);
        return stream;
    }

    private ulong PeerLimit(StreamId id) =>
        !id.IsBidirectional ? _peerUnidirectional : IsLocal(id) ? _peerBidirectionalRemote : _peerBidirectionalLocal;

    private ReceiveWindow Window(StreamId id) => new(
        (ulong)(!id.IsBidirectional ? limits.InitialMaxStreamDataUni
            : IsLocal(id) ? limits.InitialMaxStreamDataBidiLocal : limits.InitialMaxStreamDataBidiRemote),
        (ulong)limits.MaxStreamWindow);
}
