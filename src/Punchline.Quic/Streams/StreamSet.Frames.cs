using Punchline.Quic.Recovery;
using Punchline.Quic.Wire;

namespace Punchline.Quic.Streams;

/// <summary>The peer's side: its limits, its frames, and what became of ours.</summary>
internal sealed partial class StreamSet
{
    /// <summary>Takes the peer's transport parameters (RFC 9000 section 18.2). Limits that were known before only rise.</summary>
    /// <param name="maxData">initial_max_data.</param>
    /// <param name="maxStreamDataBidiLocal">initial_max_stream_data_bidi_local: for streams that the peer opens.</param>
    /// <param name="maxStreamDataBidiRemote">initial_max_stream_data_bidi_remote: for streams that we open.</param>
    /// <param name="maxStreamDataUni">initial_max_stream_data_uni.</param>
    /// <param name="maxStreamsBidi">initial_max_streams_bidi.</param>
    /// <param name="maxStreamsUni">initial_max_streams_uni.</param>
    /// <returns>The error that ends the connection, or null.</returns>
    public QuicError? OnPeerParameters(ulong maxData, ulong maxStreamDataBidiLocal, ulong maxStreamDataBidiRemote,
        ulong maxStreamDataUni, ulong maxStreamsBidi, ulong maxStreamsUni)
    {
        // Section 4.6.
        if (maxStreamsBidi > StreamLimits.MaxStreamCount || maxStreamsUni > StreamLimits.MaxStreamCount)
            return QuicError.Transport(TransportErrorCode.TransportParameterError, "a limit above 2^60 streams");
        _flow.RaiseSendLimit(maxData);
        _table.SetPeerLimits(maxStreamDataBidiLocal, maxStreamDataBidiRemote, maxStreamDataUni);
        foreach (QuicStream stream in _table.All)
            _sender.Update(stream);
        RaiseStreams(true, maxStreamsBidi);
        RaiseStreams(false, maxStreamsUni);
        return null;
    }

    /// <summary>The smoothed round-trip time of the path in use, which tunes the windows.</summary>
    public void OnRttUpdate(TimeSpan smoothedRtt) => _flow.SmoothedRtt = smoothedRtt;

    /// <summary>STREAM (RFC 9000 section 19.8).</summary>
    /// <returns>The error that ends the connection, or null.</returns>
    public QuicError? OnStreamFrame(in StreamFrame f, Instant now)
    {
        QuicError? error = _table.FindAsReceiver(f.Id, FrameTypes.StreamFirst, _events, out QuicStream? stream);
        if (error != null || stream is null)
            return error;
        error = stream.Receiving!.Receive(f.Offset, f.Data, f.Fin, _flow, now, out bool isNews);
        AfterReceiving(stream, isNews);
        return error;
    }

    /// <summary>RESET_STREAM (RFC 9000 section 19.4).</summary>
    /// <inheritdoc cref="OnStreamFrame"/>
    public QuicError? OnResetStream(in ResetStreamFrame f, Instant now)
    {
        QuicError? error = _table.FindAsReceiver(f.Id, FrameTypes.ResetStream, _events, out QuicStream? stream);
        if (error != null || stream is null)
            return error;
        error = stream.Receiving!.Reset(f.Code, f.FinalSize, _flow, now, out bool isNews);
        AfterReceiving(stream, isNews);
        return error;
    }

    /// <summary>DATA_BLOCKED (RFC 9000 section 19.12). Limits follow the reader, not this (section 4.2).</summary>
    public void OnDataBlocked() => PeerBlockedCount++;

    /// <summary>STREAM_DATA_BLOCKED (RFC 9000 section 19.13). It opens the stream; limits follow the reader, not this.</summary>
    /// <inheritdoc cref="OnStreamFrame"/>
    public QuicError? OnStreamDataBlocked(in StreamDataBlockedFrame f)
    {
        PeerBlockedCount++;
        return _table.FindAsReceiver(f.Id, FrameTypes.StreamDataBlocked, _events, out _);
    }

    /// <summary>STOP_SENDING (RFC 9000 section 19.5), answered by RESET_STREAM with its code (section 3.5).</summary>
    /// <inheritdoc cref="OnStreamFrame"/>
    public QuicError? OnStopSending(in StopSendingFrame f)
    {
        QuicError? error = _table.FindAsSender(f.Id, FrameTypes.StopSending, _events, out QuicStream? stream);
        if (stream is null || !stream.Sending!.IsSending)
            return error;
        stream.StoppedCode = f.Code;
        _events.Raise(stream, StreamNews.Stopped);
        Reset(stream, stream.Sending, f.Code, byPeer: true);
        return null;
    }

    /// <summary>MAX_STREAM_DATA (RFC 9000 section 19.10).</summary>
    /// <inheritdoc cref="OnStreamFrame"/>
    public QuicError? OnMaxStreamData(in MaxStreamDataFrame f)
    {
        QuicError? error = _table.FindAsSender(f.Id, FrameTypes.MaxStreamData, _events, out QuicStream? stream);
        if (stream is null)
            return error;
        stream.Sending!.RaisePeerLimit(f.Maximum);
        _sender.Update(stream);
        return null;
    }

    /// <summary>MAX_DATA (RFC 9000 section 19.9).</summary>
    public void OnMaxData(ulong maximum)
    {
        if (_flow.RaiseSendLimit(maximum))
            _sender.OnConnectionLimitRaised();
    }

    /// <summary>MAX_STREAMS (RFC 9000 section 19.11).</summary>
    /// <inheritdoc cref="OnStreamFrame"/>
    public QuicError? OnMaxStreams(bool bidirectional, ulong maximum)
    {
        if (maximum > StreamLimits.MaxStreamCount)
        {
            return QuicError.Transport(TransportErrorCode.FrameEncodingError, "a limit above 2^60 streams",
                bidirectional ? FrameTypes.MaxStreamsBidirectional : FrameTypes.MaxStreamsUnidirectional);
        }
        RaiseStreams(bidirectional, maximum);
        return null;
    }

    /// <summary>STREAMS_BLOCKED (RFC 9000 section 19.14). Limits follow the ends of streams, not this (section 4.6).</summary>
    /// <inheritdoc cref="OnStreamFrame"/>
    public QuicError? OnStreamsBlocked(bool bidirectional, ulong limit)
    {
        PeerBlockedCount++;
        return limit <= StreamLimits.MaxStreamCount ? null
            : QuicError.Transport(TransportErrorCode.FrameEncodingError, "blocked at more than 2^60 streams",
                bidirectional ? FrameTypes.StreamsBlockedBidirectional : FrameTypes.StreamsBlockedUnidirectional);
    }

    /// <summary>
    /// Fills a packet: control frames, then lost data, then new data, streams in turn. What goes in is noted in <paramref name="sent"/>.
    /// </summary>
    /// <param name="w">The packet; all that remains of it may be used.</param>
    /// <param name="sent">Takes what to report later.</param>
    /// <param name="allowApplicationData">False while only the stream <paramref name="control"/> may send.</param>
    /// <param name="control">That stream, if any.</param>
    public void WriteFrames(scoped ref WireWriter w, SentFrameList sent, bool allowApplicationData, StreamId? control) =>
        _sender.Write(ref w, sent, allowApplicationData, control);

    /// <summary>Makes one frame due that says what blocks us, for a connection with nothing in flight (RFC 9000 section 4.1).</summary>
    public void RepeatBlocked() => _sender.RepeatBlocked();

    /// <summary>A frame of ours has arrived. Other kinds than those of streams are ignored.</summary>
    public void OnAcked(in SentFrame f)
    {
        if (f.Kind is not (SentFrameKind.Stream or SentFrameKind.ResetStream)
            || !_table.TryGet(new StreamId(f.Id), out QuicStream? stream) || stream.Sending is not { } sending)
            return;
        if (f.Kind == SentFrameKind.Stream)
        {
            _memory.OnFreed(stream, sending, sending.OnAcked(f.Offset, f.Length, f.Fin));
        }
        else
        {
            sending.OnResetAcked();
            stream.Control &= ~ControlFrames.ResetStream; // it was held lost and is due again no more
        }
        Settle(stream);
    }

    /// <summary>A frame of ours is lost: its information is due again as far as it still matters (RFC 9000 section 13.3).</summary>
    public void OnLost(in SentFrame f)
    {
        switch (f.Kind)
        {
            case SentFrameKind.MaxData:
                _flow.OnMaxDataLost(f.Offset);
                break;
            case SentFrameKind.DataBlocked:
                _sender.OnDataBlockedLost(f.Offset);
                break;
            case SentFrameKind.MaxStreamsBidirectional or SentFrameKind.MaxStreamsUnidirectional:
                _table.Remote(f.Kind == SentFrameKind.MaxStreamsBidirectional).OnLost(f.Offset);
                break;
            case SentFrameKind.StreamsBlockedBidirectional or SentFrameKind.StreamsBlockedUnidirectional:
                _table.Local(f.Kind == SentFrameKind.StreamsBlockedBidirectional).OnBlockedLost(f.Offset);
                break;
            case SentFrameKind.Stream or SentFrameKind.ResetStream or SentFrameKind.StopSending
                or SentFrameKind.MaxStreamData or SentFrameKind.StreamDataBlocked:
                if (_table.TryGet(new StreamId(f.Id), out QuicStream? stream))
                    OnLost(stream, f);
                break;
        }
    }

    private void OnLost(QuicStream stream, in SentFrame f)
    {
        switch (f.Kind)
        {
            case SentFrameKind.Stream:
                stream.Sending!.OnLost(f.Offset, f.Length, f.Fin);
                break;
            case SentFrameKind.ResetStream when stream.Sending!.State == SendState.ResetSent:
                stream.Control |= ControlFrames.ResetStream;
                break;
            case SentFrameKind.StopSending when stream.Receiving!.IsStopUseful:
                stream.Control |= ControlFrames.StopSending;
                break;
            case SentFrameKind.MaxStreamData:
                stream.Receiving!.OnMaxDataLost(f.Offset);
                break;
            case SentFrameKind.StreamDataBlocked when stream.BlockedAt == f.Offset:
                stream.BlockedAt = null;
                break;
        }
        _sender.Update(stream);
    }

    private void AfterReceiving(QuicStream stream, bool isNews)
    {
        ReceivingPart receiving = stream.Receiving!;
        if (isNews && !receiving.IsReaderTold)
        {
            receiving.IsReaderTold = true;
            _events.Raise(stream, StreamNews.Readable);
        }
        if (!receiving.IsStopUseful)
            stream.Control &= ~ControlFrames.StopSending;
        Settle(stream);
    }

    private void RaiseStreams(bool bidirectional, ulong maximum)
    {
        if (_table.Local(bidirectional).Raise(maximum))
            _events.RaiseAvailable(bidirectional);
    }
}
