using Punchline.Quic.Recovery;
using Punchline.Quic.Wire;

namespace Punchline.Quic.Streams;

/// <summary>
/// All streams of one connection (RFC 9000 sections 2 to 4): what the application does with them, the frames that
/// come in and go out, and what became of those that went out.
/// <para>
/// The calls: frames of a packet go in as they are parsed; then the application takes events until there are none,
/// reads and writes; then <see cref="WriteFrames"/> fills packets as long as <see cref="HasFramesToSend"/> and
/// the path allow. Whatever a packet took is reported once, by <see cref="OnAcked"/> or <see cref="OnLost(in SentFrame)"/>; a frame that was
/// reported lost may still be reported acknowledged. Nothing here blocks, waits, or calls back.
/// </para>
/// </summary>
internal sealed partial class StreamSet : IDisposable
{
    private readonly ChunkAccount _chunks;
    private readonly StreamEvents _events = new();
    private readonly StreamTable _table;
    private readonly ConnectionFlow _flow;
    private readonly SendMemory _memory;
    private readonly StreamSender _sender;
    private (StreamId Id, ulong Code)? _lastReset;
    private bool _isDisposed;

    /// <summary>Streams for one connection.</summary>
    /// <param name="isClient">Our role, which decides the ids of our streams.</param>
    /// <param name="limits">What the streams may cost; its initial values go out as transport parameters.</param>
    /// <param name="pool">Memory for data, shared with the other connections of the same loop.</param>
    public StreamSet(bool isClient, StreamLimits limits, ChunkPool? pool = null)
    {
        _chunks = new ChunkAccount(pool ?? new ChunkPool());
        _flow = new ConnectionFlow((ulong)limits.InitialMaxData, (ulong)limits.MaxConnectionWindow);
        _table = new StreamTable(isClient, limits, _chunks);
        _memory = new SendMemory(limits, _events);
        _sender = new StreamSender(_table, _flow);
    }

    /// <summary>Streams that have not ended, of both sides and all kinds.</summary>
    public int OpenStreamCount => _table.Count;

    /// <summary>Memory that the streams' data takes, both ways, in bytes.</summary>
    public long BufferedBytes => _chunks.Bytes;

    /// <summary>Bytes that were written and not yet acknowledged, over all streams. At zero nothing written is on the way.</summary>
    public long UnacknowledgedBytes => _memory.Retained;

    /// <summary>How often the peer said that one of our limits stops it: high while a window is small or the application slow.</summary>
    public long PeerBlockedCount { get; private set; }

    /// <summary>True if new data waits for the peer's MAX_DATA.</summary>
    public bool IsBlockedOnConnectionFlow => _sender.IsBlockedOnConnection;

    /// <summary>True if new data waits for credit of the peer's, of the connection or of a stream.</summary>
    public bool IsBlocked => _sender.IsBlocked;

    /// <summary>True if a frame could go out now, as far as flow control permits.</summary>
    public bool HasFramesToSend => _sender.HasFrames;

    /// <summary>The same while not all streams may send: see <see cref="WriteFrames"/>.</summary>
    public bool HasFramesFor(bool allowApplicationData, StreamId? control) =>
        allowApplicationData ? _sender.HasFrames : _sender.HasFramesOf(control);

    /// <summary>Opens a stream (RFC 9000 section 19.11).</summary>
    /// <returns>False if the peer's limit is reached; an event comes when it has risen.</returns>
    public bool TryOpen(bool bidirectional, out StreamId id)
    {
        id = default;
        if (_isDisposed || !_table.TryOpen(bidirectional, out QuicStream? stream))
            return false;
        id = stream.Id;
        return true;
    }

    /// <summary>Takes data to send, by copy, as much as the buffers hold.</summary>
    /// <param name="accepted">How much was taken; if less than given, <see cref="StreamEventKind.Writable"/> follows.</param>
    public StreamStatus Write(StreamId id, ReadOnlySpan<byte> data, out int accepted)
    {
        accepted = 0;
        StreamStatus status = FindWriter(id, out QuicStream? stream);
        if (status != StreamStatus.Ok)
            return status;
        accepted = _memory.Write(stream!, stream!.Sending!, data);
        _sender.Update(stream);
        return StreamStatus.Ok;
    }

    /// <summary>Ends the sending direction in order, after all that was written.</summary>
    public StreamStatus Finish(StreamId id)
    {
        StreamStatus status = FindWriter(id, out QuicStream? stream);
        if (status != StreamStatus.Ok)
            return status;
        stream!.Sending!.Finish();
        _memory.Forget(stream);
        _sender.Update(stream);
        return StreamStatus.Ok;
    }

    /// <summary>Cuts the sending direction off (RESET_STREAM, RFC 9000 section 11.2). Without effect if it has ended.</summary>
    /// <param name="code">The application's error code, 0 to 2^62-1.</param>
    public void Reset(StreamId id, ulong code)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThan(code, VarInt.MaxValue);
        if (_table.TryGet(id, out QuicStream? stream) && stream.Sending is { } sending)
            Reset(stream, sending, code, byPeer: false);
    }

    /// <summary>Says that the receiving direction is no longer read (STOP_SENDING). Without effect if it has ended.</summary>
    /// <param name="code">The application's error code, 0 to 2^62-1.</param>
    public void StopSending(StreamId id, ulong code, Instant now)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThan(code, VarInt.MaxValue);
        if (!_table.TryGet(id, out QuicStream? stream) || stream.Receiving is not { IsStopped: false } receiving)
            return;
        receiving.Stop(code, _flow, now);
        if (receiving.IsStopUseful)
            stream.Control |= ControlFrames.StopSending;
        _events.Withdraw(stream, StreamNews.Readable);
        Settle(stream);
    }

    /// <summary>Reads in order.</summary>
    /// <param name="count">
    /// How much was read. <see cref="StreamStatus.Finished"/> may come with the last bytes; if less than asked for comes with
    /// <see cref="StreamStatus.Ok"/>, <see cref="StreamEventKind.Readable"/> follows when there is more.
    /// </param>
    public StreamStatus Read(StreamId id, Span<byte> destination, out int count, Instant now)
    {
        count = 0;
        if (!_table.TryGet(id, out QuicStream? stream))
            return Absent(id);
        if (stream.Receiving is not { } receiving)
            return StreamStatus.Unknown;
        StreamStatus status = receiving.Read(destination, out count, _flow, now);
        if (status == StreamStatus.Reset)
            _lastReset = (id, receiving.ResetCode);
        if (status != StreamStatus.Ok)
            _events.Withdraw(stream, StreamNews.Readable);
        Settle(stream);
        return status;
    }

    /// <summary>
    /// The peer's code of a stream that it reset: while the stream is open, and after <see cref="Read"/> has
    /// returned <see cref="StreamStatus.Reset"/> until it does so for another stream.
    /// </summary>
    public bool TryGetResetCode(StreamId id, out ulong code)
    {
        code = 0;
        if (_table.TryGet(id, out QuicStream? stream)
            && stream.Receiving is { State: ReceiveState.ResetRecvd or ReceiveState.ResetRead, IsStopped: false } receiving)
        {
            code = receiving.ResetCode;
            return true;
        }
        if (_lastReset is not { } last || last.Id != id)
            return false;
        code = last.Code;
        return true;
    }

    /// <summary>Takes the next event for the application.</summary>
    public bool TryTakeEvent(out StreamEvent e)
    {
        bool taken = _events.TryTake(out e, out QuicStream? stream);
        if (stream != null)
            Settle(stream);
        return taken;
    }

    /// <summary>Gives all memory back. Afterwards there are no streams.</summary>
    public void Dispose()
    {
        _isDisposed = true;
        foreach (QuicStream stream in _table.All)
        {
            _sender.Forget(stream);
            _events.Forget(stream);
            if (stream.Sending is { } sending)
            {
                _memory.Forget(stream);
                _memory.OnFreed(stream, sending, sending.Drop());
            }
            stream.Receiving?.Drop();
        }
        _table.Clear();
    }

    private StreamStatus FindWriter(StreamId id, out QuicStream? stream)
    {
        if (!_table.TryGet(id, out stream))
            return Absent(id);
        return stream.Sending switch
        {
            null => StreamStatus.Unknown,
            { State: SendState.ResetSent or SendState.ResetRecvd, IsStopped: true } => StreamStatus.Stopped,
            { State: SendState.ResetSent or SendState.ResetRecvd } => StreamStatus.Reset,
            { IsFinished: true } => StreamStatus.Finished,
            _ => StreamStatus.Ok,
        };
    }

    private StreamStatus Absent(StreamId id) => _table.WasOpened(id) ? StreamStatus.Closed : StreamStatus.Unknown;

    private bool Reset(QuicStream stream, SendingPart sending, ulong code, bool byPeer)
    {
        if (!sending.TryReset(code, byPeer, out long freed))
            return false;
        stream.Control |= ControlFrames.ResetStream;
        _events.Withdraw(stream, StreamNews.Writable);
        _memory.Forget(stream);
        _memory.OnFreed(stream, sending, freed);
        Settle(stream);
        return true;
    }

    // After each change: the stream's queues fit its state, or it has ended and goes.
    private void Settle(QuicStream stream)
    {
        if (!stream.IsEnded)
        {
            _sender.Update(stream);
            return;
        }
        _sender.Forget(stream);
        _events.Forget(stream);
        _table.Remove(stream);
    }
}
