using System.Diagnostics;
using Punchline.Quic.Wire;

namespace Punchline.Quic.Streams;

/// <summary>Where the receiving part of a stream stands (RFC 9000 section 3.2).</summary>
internal enum ReceiveState : byte
{
    Recv,
    SizeKnown,
    DataRecvd,
    DataRead,
    ResetRecvd,
    ResetRead,
}

/// <summary>
/// The receiving part of a stream (RFC 9000 section 3.2, figure 3).
/// <code>
///   Recv --- FIN ---> SizeKnown --- all data ---> DataRecvd --- application read all ---> DataRead
///     |                  |
///     '-- RESET_STREAM --+---> ResetRecvd --- application saw the reset ---> ResetRead
/// </code>
/// A reset after all data has come is not shown to the application, which the section permits. After the
/// application's StopSending bytes are counted but not kept, and the last step is taken by itself.
/// </summary>
internal sealed class ReceivingPart(ReceiveWindow window, ChunkAccount chunks, ReassemblyBudget budget)
{
    private const ulong UnknownSize = ulong.MaxValue;

    private readonly ReceiveBuffer _buffer = new(chunks, budget);
    private ReceiveWindow _window = window;
    private ulong _finalSize = UnknownSize;
    private ulong _highest;  // the end of the furthest data: what flow control counts (section 19.10)
    private ulong _credited; // how much of it was given back to the connection's window
    private bool _announceAgain;

    /// <summary>The state.</summary>
    public ReceiveState State { get; private set; }

    /// <summary>True once the application has asked the peer to stop.</summary>
    public bool IsStopped { get; private set; }

    /// <summary>The code of STOP_SENDING.</summary>
    public ulong StopCode { get; private set; }

    /// <summary>The code of the peer's RESET_STREAM.</summary>
    public ulong ResetCode { get; private set; }

    /// <summary>True if no event is to be raised for what arrives, because the application has not yet read all that it was told of.</summary>
    public bool IsReaderTold { get; set; }

    /// <summary>True if the application has seen the end, or does not want to.</summary>
    public bool IsTerminal => State is ReceiveState.DataRead or ReceiveState.ResetRead;

    /// <summary>True while STOP_SENDING is worth sending (section 3.5).</summary>
    public bool IsStopUseful => IsStopped && State is ReceiveState.Recv or ReceiveState.SizeKnown;

    /// <summary>True if a MAX_STREAM_DATA frame is due: only in state "Recv", and not once the data is unwanted (section 3.3).</summary>
    public bool IsMaxDataPending => State == ReceiveState.Recv && !IsStopped && (_announceAgain || _window.IsAnnouncementDue);

    /// <summary>The limit that the peer was last told.</summary>
    public ulong Limit => _window.Limit;

    /// <summary>Takes a STREAM frame.</summary>
    /// <param name="flow">The connection's flow control.</param>
    /// <param name="isNews">True if the application can now read what it could not before.</param>
    /// <returns>The error that ends the connection, or null.</returns>
    public QuicError? Receive(ulong offset, ReadOnlySpan<byte> data, bool fin, ConnectionFlow flow, Instant now, out bool isNews)
    {
        isNews = false;
        ulong end = offset + (ulong)data.Length;
        // RFC 9000 section 4.5: the final size cannot change, and no data lies at or beyond it.
        if (_finalSize != UnknownSize ? end > _finalSize || (fin && end != _finalSize) : fin && end < _highest)
            return QuicError.Transport(TransportErrorCode.FinalSizeError, "stream data beyond the final size", FrameTypes.StreamFirst);
        if (State is not (ReceiveState.Recv or ReceiveState.SizeKnown))
            return null;
        if (CountUpTo(end, FrameTypes.StreamFirst, flow, now) is { } error)
            return error;
        ulong before = _buffer.Contiguous;
        if (!_buffer.Insert(offset, data))
        {
            // Section 21.7 asks to limit what gaps cost. To drop such a frame and keep its packet unacknowledged would make an
            // honest peer send it again for ever; no honest peer comes here, so ending is the clearer answer.
            return QuicError.Transport(TransportErrorCode.InternalError, "stream data in too many pieces", FrameTypes.StreamFirst);
        }
        if (IsStopped)
            CreditUpTo(_highest, flow, now);
        bool ends = false;
        if (fin && State == ReceiveState.Recv)
        {
            _finalSize = end;
            State = ReceiveState.SizeKnown;
        }
        if (State == ReceiveState.SizeKnown && _buffer.Contiguous == _finalSize)
        {
            State = IsStopped ? ReceiveState.DataRead : ReceiveState.DataRecvd;
            ends = true;
        }
        isNews = !IsStopped && (ends || _buffer.Contiguous != before);
        return null;
    }

    /// <summary>Takes a RESET_STREAM frame (section 3.2 and 4.5).</summary>
    /// <param name="code">The peer's error code.</param>
    /// <param name="finalSize">How many bytes the stream counts in flow control.</param>
    /// <param name="flow">The connection's flow control.</param>
    /// <param name="isNews">True if the application is to be told.</param>
    /// <returns>The error that ends the connection, or null.</returns>
    public QuicError? Reset(ulong code, ulong finalSize, ConnectionFlow flow, Instant now, out bool isNews)
    {
        isNews = false;
        if (_finalSize != UnknownSize ? finalSize != _finalSize : finalSize < _highest)
            return QuicError.Transport(TransportErrorCode.FinalSizeError, "a reset changes the final size", FrameTypes.ResetStream);
        if (State is not (ReceiveState.Recv or ReceiveState.SizeKnown))
            return null;
        if (CountUpTo(finalSize, FrameTypes.ResetStream, flow, now) is { } error)
            return error;
        _finalSize = finalSize;
        ResetCode = code;
        // Nobody will read the rest: its credit returns to the other streams.
        _buffer.Drop();
        CreditUpTo(finalSize, flow, now);
        State = IsStopped ? ReceiveState.ResetRead : ReceiveState.ResetRecvd;
        isNews = !IsStopped;
        return null;
    }

    /// <summary>Reads in order.</summary>
    public StreamStatus Read(Span<byte> destination, out int count, ConnectionFlow flow, Instant now)
    {
        count = 0;
        if (IsStopped)
            return StreamStatus.Stopped;
        if (State is ReceiveState.ResetRecvd or ReceiveState.ResetRead)
        {
            State = ReceiveState.ResetRead;
            return StreamStatus.Reset;
        }
        count = _buffer.ReadTo(destination);
        if (count < destination.Length || destination.IsEmpty)
            IsReaderTold = false;
        if (count != 0)
        {
            CreditUpTo(_buffer.Read, flow, now);
            if (_window.Consume((ulong)count, now, flow.SmoothedRtt))
                flow.WidenFor(_window.Size);
        }
        if (State is ReceiveState.DataRecvd or ReceiveState.DataRead && _buffer.Read == _finalSize)
        {
            State = ReceiveState.DataRead;
            return StreamStatus.Finished;
        }
        return StreamStatus.Ok;
    }

    /// <summary>The application wants no more (section 3.5).</summary>
    public void Stop(ulong code, ConnectionFlow flow, Instant now)
    {
        if (IsStopped || IsTerminal)
            return;
        IsStopped = true;
        StopCode = code;
        _buffer.Discard();
        CreditUpTo(_highest, flow, now);
        if (State == ReceiveState.DataRecvd)
            State = ReceiveState.DataRead;
        else if (State == ReceiveState.ResetRecvd)
            State = ReceiveState.ResetRead;
    }

    /// <summary>The value for a MAX_STREAM_DATA frame that goes out now.</summary>
    public ulong AnnounceMaxData()
    {
        _announceAgain = false;
        return _window.Announce();
    }

    /// <summary>A MAX_STREAM_DATA frame was lost: if it was the newest, the newest value is sent again (section 13.3).</summary>
    public void OnMaxDataLost(ulong limit) => _announceAgain |= limit == _window.Limit;

    /// <summary>Gives the memory back: the connection is gone.</summary>
    public void Drop() => _buffer.Drop();

    // Flow control counts the highest offset, of the stream and summed over all streams (sections 4.1, 19.9 and 19.10).
    private QuicError? CountUpTo(ulong end, ulong frameType, ConnectionFlow flow, Instant now)
    {
        if (end <= _highest)
            return null;
        if (end > _window.Limit)
            return QuicError.Transport(TransportErrorCode.FlowControlError, "more data than the stream's limit", frameType);
        if (end - _highest > flow.ReceiveCredit)
            return QuicError.Transport(TransportErrorCode.FlowControlError, "more data than the connection's limit", frameType);
        flow.OnReceived(end - _highest, now);
        _window.OnReceived(now);
        _highest = end;
        return null;
    }

    private void CreditUpTo(ulong end, ConnectionFlow flow, Instant now)
    {
        Debug.Assert(end >= _credited, "credit is given once");
        flow.Consume(end - _credited, now);
        _credited = end;
    }
}
