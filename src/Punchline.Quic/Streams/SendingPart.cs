using System.Diagnostics;

namespace Punchline.Quic.Streams;

/// <summary>Where the sending part of a stream stands (RFC 9000 section 3.1).</summary>
internal enum SendState : byte
{
    Ready,
    Send,
    DataSent,
    ResetSent,
    DataRecvd,
    ResetRecvd,
}

/// <summary>
/// The sending part of a stream (RFC 9000 section 3.1, figure 2).
/// <code>
///   Ready --- STREAM, STREAM_DATA_BLOCKED ---> Send --- STREAM with FIN ---> DataSent --- all acked ---> DataRecvd
///     |                                          |                              |
///     '------------ Reset or STOP_SENDING -------+------------------------------'
///                                                v
///                                            ResetSent --- RESET_STREAM acked ---> ResetRecvd
/// </code>
/// "ResetSent" begins with the decision, before the frame itself leaves: from then on no STREAM frame goes out (section 3.3).
/// </summary>
internal sealed class SendingPart(ulong peerLimit, long bufferLimit, ChunkAccount chunks)
{
    private SendBuffer? _buffer;
    private bool _finCarried; // in flight or acknowledged
    private bool _finAcked;

    /// <summary>The state.</summary>
    public SendState State { get; private set; }

    /// <summary>The peer's MAX_STREAM_DATA for this stream.</summary>
    public ulong PeerLimit { get; private set; } = peerLimit;

    /// <summary>How many bytes may be kept until acknowledged.</summary>
    public long BufferLimit { get; private set; } = bufferLimit;

    /// <summary>True once the application has written everything.</summary>
    public bool IsFinished { get; private set; }

    /// <summary>True if the peer asked to stop (STOP_SENDING).</summary>
    public bool IsStopped { get; private set; }

    /// <summary>True if the last write was cut short and no event has said yet that there is room.</summary>
    public bool IsWriterWaiting { get; set; }

    /// <summary>The code of RESET_STREAM.</summary>
    public ulong ResetCode { get; private set; }

    /// <summary>
    /// The next byte that was never sent. In RESET_STREAM it is the final size: what was only written never
    /// existed for the peer (section 4.5).
    /// </summary>
    public ulong Sent => _buffer?.Sent ?? 0;

    /// <summary>Bytes that are kept.</summary>
    public long Retained => (long)(_buffer?.Retained ?? 0);

    /// <summary>True if nothing more will ever be sent (section 3.1).</summary>
    public bool IsTerminal => State is SendState.DataRecvd or SendState.ResetRecvd;

    /// <summary>True while STREAM frames may go out.</summary>
    public bool IsSending => State is SendState.Ready or SendState.Send or SendState.DataSent;

    /// <summary>True if something can go out that needs no new credit: lost bytes, or a FIN that stands alone.</summary>
    public bool HasRepair => IsSending && ((_buffer?.HasLost ?? false) || (IsFinished && !_finCarried && Sent == End));

    /// <summary>New bytes that the stream's own limit lets out (section 19.10).</summary>
    public ulong Fresh => IsSending ? Math.Min(End, PeerLimit) - Math.Min(Sent, PeerLimit) : 0;

    /// <summary>True if new bytes wait for the peer's MAX_STREAM_DATA.</summary>
    public bool IsBlocked => IsSending && Sent < End && Sent >= PeerLimit;

    private ulong End => _buffer?.End ?? 0;

    /// <summary>Takes bytes of the application over, by copy. The caller has compared with the limits.</summary>
    public void Append(ReadOnlySpan<byte> data)
    {
        Debug.Assert(IsSending && !IsFinished, "an ended stream takes no data");
        _buffer ??= new SendBuffer(chunks);
        _buffer.Append(data);
    }

    /// <summary>
    /// Doubles the buffer if the path holds at least half of it: then the buffer, not the peer's credit or the
    /// application, sets the pace, and a longer or faster path needs more.
    /// </summary>
    public void TuneBuffer(long bound)
    {
        if (_buffer != null && (_buffer.Sent - _buffer.Acked) * 2 >= (ulong)BufferLimit)
            BufferLimit = Math.Min(BufferLimit * 2, Math.Max(bound, BufferLimit));
    }

    /// <summary>The application has written everything.</summary>
    public void Finish() => IsFinished = true;

    /// <summary>Takes the peer's limit; one that does not raise it has no effect (section 4.1).</summary>
    public void RaisePeerLimit(ulong limit) => PeerLimit = Math.Max(PeerLimit, limit);

    /// <summary>Gives the stream up. Returns false if it has ended already; then nothing changes.</summary>
    /// <param name="code">The code of RESET_STREAM.</param>
    /// <param name="byPeer">True if STOP_SENDING asked for it.</param>
    /// <param name="freed">How many bytes are no longer kept.</param>
    public bool TryReset(ulong code, bool byPeer, out long freed)
    {
        freed = 0;
        if (!IsSending)
            return false;
        freed = Retained;
        _buffer?.Drop();
        State = SendState.ResetSent;
        ResetCode = code;
        IsStopped = byPeer;
        return true;
    }

    /// <summary>The bytes for the next frame: lost ones first (section 13.3), else new ones up to a number, else none.</summary>
    public OffsetRange NextRange(bool repair, ulong maxFresh) =>
        !repair ? new OffsetRange(Sent, Sent + Math.Min(Fresh, maxFresh))
        : _buffer is { HasLost: true } ? _buffer.FirstLost : new OffsetRange(Sent, Sent);

    /// <summary>True if a frame that ends at this offset ends the stream.</summary>
    public bool EndsAt(ulong offset) => IsFinished && offset == End;

    /// <summary>Copies the bytes for a frame.</summary>
    public void CopyTo(ulong offset, Span<byte> destination)
    {
        if (!destination.IsEmpty)
            _buffer!.CopyTo(offset, destination);
    }

    /// <summary>A STREAM frame goes out.</summary>
    public void OnSent(ulong offset, int length, bool fin)
    {
        _buffer?.OnSent(offset, length);
        _finCarried |= fin;
        if (State != SendState.DataSent)
            State = fin ? SendState.DataSent : SendState.Send;
    }

    /// <summary>A STREAM_DATA_BLOCKED frame goes out.</summary>
    public void OnBlockedSent()
    {
        if (State == SendState.Ready)
            State = SendState.Send;
    }

    /// <summary>A STREAM frame was acknowledged. Returns how many bytes are no longer kept.</summary>
    public long OnAcked(ulong offset, int length, bool fin)
    {
        if (!IsSending)
            return 0;
        ulong freed = _buffer?.OnAcked(offset, length) ?? 0;
        _finCarried |= fin;
        _finAcked |= fin;
        if (_finAcked && (_buffer?.Retained ?? 0) == 0)
            State = SendState.DataRecvd;
        return (long)freed;
    }

    /// <summary>A STREAM frame was lost.</summary>
    public void OnLost(ulong offset, int length, bool fin)
    {
        if (!IsSending)
            return;
        _buffer?.OnLost(offset, length);
        if (fin && !_finAcked)
            _finCarried = false;
    }

    /// <summary>The RESET_STREAM frame was acknowledged.</summary>
    public void OnResetAcked()
    {
        if (State == SendState.ResetSent)
            State = SendState.ResetRecvd;
    }

    /// <summary>Gives the memory back: the connection is gone. Returns how many bytes are no longer kept.</summary>
    public long Drop() => (long)(_buffer?.Drop() ?? 0);
}
