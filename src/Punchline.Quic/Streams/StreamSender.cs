using Punchline.Quic.Recovery;
using Punchline.Quic.Wire;

namespace Punchline.Quic.Streams;

/// <summary>
/// Decides which frames go out and in which order: what concerns the connection, what concerns single streams,
/// lost data, new data. Streams take turns, a packet's room at a time, in queues that each change of a stream
/// keeps up to date; so the cost of a packet does not depend on how many streams there are. Who is blocked says so
/// (RFC 9000 sections 19.12, 19.13 and 19.14).
/// </summary>
internal sealed class StreamSender(StreamTable table, ConnectionFlow flow)
{
    /// <summary>
    /// A piece of data this small is not worth its header at the end of a packet that holds something already;
    /// it starts the next packet.
    /// </summary>
    private const int SmallestPiece = 64;

    private readonly StreamQueue _control = new(QueueKind.Control);
    private readonly StreamQueue _repair = new(QueueKind.Repair);
    private readonly StreamQueue _fresh = new(QueueKind.Fresh);
    private readonly StreamQueue _blocked = new(QueueKind.Blocked);
    private ulong? _dataBlockedAt;
    private bool _dataBlockedPending;

    /// <summary>True if new data waits for the peer's MAX_DATA.</summary>
    public bool IsBlockedOnConnection => !_fresh.IsEmpty && flow.SendCredit == 0;

    /// <summary>True if new data waits for credit of the peer's, of the connection or of a stream.</summary>
    public bool IsBlocked => IsBlockedOnConnection || !_blocked.IsEmpty;

    /// <summary>True if a frame could go out now.</summary>
    public bool HasFrames => HasConnectionFrames || !_control.IsEmpty || !_repair.IsEmpty || (!_fresh.IsEmpty && flow.SendCredit != 0);

    private bool HasConnectionFrames => flow.IsMaxDataPending || _dataBlockedPending
        || table.Remote(true).IsPending || table.Remote(false).IsPending
        || table.Local(true).IsBlockedPending || table.Local(false).IsBlockedPending;

    /// <summary>True if a frame could go out now although only one stream may send.</summary>
    public bool HasFramesOf(StreamId? only) => HasConnectionFrames
        || (only is { } id && table.TryGet(id, out QuicStream? stream)
            && (_control.Contains(stream) || _repair.Contains(stream) || (_fresh.Contains(stream) && flow.SendCredit != 0)));

    /// <summary>Brings the queues up to date with a stream that may have changed.</summary>
    public void Update(QuicStream stream)
    {
        if (stream.Receiving is { IsMaxDataPending: true })
            stream.Control |= ControlFrames.MaxStreamData;
        else
            stream.Control &= ~ControlFrames.MaxStreamData;
        if (stream.Sending is { } sending)
        {
            _repair.Set(stream, sending.HasRepair);
            _fresh.Set(stream, sending.Fresh != 0);
            _blocked.Set(stream, sending.IsBlocked);
            // RFC 9000 section 4.1: say once for each limit that it stops us.
            if (!sending.IsBlocked)
                stream.Control &= ~ControlFrames.StreamDataBlocked;
            else if (stream.BlockedAt != sending.PeerLimit)
                stream.Control |= ControlFrames.StreamDataBlocked;
        }
        _control.Set(stream, stream.Control != ControlFrames.None);
        NoteConnectionBlocked();
    }

    /// <summary>Takes a stream that has ended, or whose connection has, out of all queues.</summary>
    public void Forget(QuicStream stream)
    {
        stream.Control = ControlFrames.None;
        _control.Remove(stream);
        _repair.Remove(stream);
        _fresh.Remove(stream);
        _blocked.Remove(stream);
    }

    /// <summary>
    /// Says again what blocks us, to be called when nothing is in flight and the connection might otherwise
    /// time out (RFC 9000 section 4.1). One frame is enough: it asks for an acknowledgement.
    /// </summary>
    public void RepeatBlocked()
    {
        if (IsBlockedOnConnection)
        {
            _dataBlockedPending = true;
        }
        else if (_blocked.First is { } stream)
        {
            _blocked.MoveToEnd(stream);
            stream.BlockedAt = null;
            Update(stream);
        }
    }

    /// <summary>Fills a packet.</summary>
    /// <param name="all">True if every stream may send.</param>
    /// <param name="only">The one that may if not all may.</param>
    public void Write(scoped ref WireWriter w, SentFrameList sent, bool all, StreamId? only)
    {
        int start = w.Position;
        if (!WriteConnectionFrames(ref w, sent))
            return;
        if (!all)
        {
            if (only is { } id && table.TryGet(id, out QuicStream? stream) && WriteControl(stream, ref w, sent)
                && (!_repair.Contains(stream) || WriteAll(stream, true, ref w, sent, start)) && _fresh.Contains(stream))
                WriteAll(stream, false, ref w, sent, start);
            return;
        }
        while (_control.First is { } stream)
        {
            if (!WriteControl(stream, ref w, sent))
                return;
        }
        // Section 13.3: what was lost goes before what is new.
        while (_repair.First is { } stream)
        {
            if (!WriteData(stream, true, ref w, sent, start))
                return;
            if (_repair.Contains(stream))
                _repair.MoveToEnd(stream);
        }
        while (_fresh.First is { } stream && flow.SendCredit != 0)
        {
            if (!WriteData(stream, false, ref w, sent, start))
                return;
            if (_fresh.Contains(stream))
                _fresh.MoveToEnd(stream);
        }
    }

    /// <summary>DATA_BLOCKED was lost: sent again only while still blocked by the same limit (section 13.3).</summary>
    public void OnDataBlockedLost(ulong limit) => _dataBlockedPending |= IsBlockedOnConnection && limit == flow.SendLimit;

    /// <summary>The peer raised MAX_DATA.</summary>
    public void OnConnectionLimitRaised() => _dataBlockedPending = false;

    private void NoteConnectionBlocked()
    {
        if (!IsBlockedOnConnection || _dataBlockedAt == flow.SendLimit)
            return;
        _dataBlockedAt = flow.SendLimit;
        _dataBlockedPending = true;
    }

    // False if one does not fit: then nothing else is tried, for the packet is full.
    private bool WriteConnectionFrames(scoped ref WireWriter w, SentFrameList sent)
    {
        if (!HasConnectionFrames)
            return true;
        if (flow.IsMaxDataPending)
        {
            if (w.Remaining < 1 + VarInt.MaxLength)
                return false;
            ulong limit = flow.AnnounceMaxData();
            new MaxDataFrame(limit).Write(ref w);
            sent.Add(SentFrameKind.MaxData, 0, limit);
        }
        if (_dataBlockedPending)
        {
            if (w.Remaining < 1 + VarInt.MaxLength)
                return false;
            _dataBlockedPending = false;
            new DataBlockedFrame(flow.SendLimit).Write(ref w);
            sent.Add(SentFrameKind.DataBlocked, 0, flow.SendLimit);
        }
        return WriteStreamCounts(true, ref w, sent) && WriteStreamCounts(false, ref w, sent);
    }

    private bool WriteStreamCounts(bool bidirectional, scoped ref WireWriter w, SentFrameList sent)
    {
        if (table.Remote(bidirectional) is { IsPending: true } remote)
        {
            if (w.Remaining < 1 + VarInt.MaxLength)
                return false;
            ulong limit = remote.Announce();
            new MaxStreamsFrame(bidirectional, limit).Write(ref w);
            sent.Add(bidirectional ? SentFrameKind.MaxStreamsBidirectional : SentFrameKind.MaxStreamsUnidirectional, 0, limit);
        }
        if (table.Local(bidirectional) is { IsBlockedPending: true } local)
        {
            if (w.Remaining < 1 + VarInt.MaxLength)
                return false;
            local.OnBlockedSent();
            new StreamsBlockedFrame(bidirectional, local.Limit).Write(ref w);
            sent.Add(bidirectional ? SentFrameKind.StreamsBlockedBidirectional : SentFrameKind.StreamsBlockedUnidirectional, 0, local.Limit);
        }
        return true;
    }

    private bool WriteControl(QuicStream stream, scoped ref WireWriter w, SentFrameList sent)
    {
        StreamId id = stream.Id;
        if ((stream.Control & ControlFrames.ResetStream) != ControlFrames.None)
        {
            SendingPart sending = stream.Sending!;
            var frame = new ResetStreamFrame(id, sending.ResetCode, sending.Sent);
            if (frame.Length > w.Remaining)
                return false;
            frame.Write(ref w);
            sent.Add(SentFrameKind.ResetStream, id.Value, sending.Sent);
            stream.Control &= ~ControlFrames.ResetStream;
        }
        if ((stream.Control & ControlFrames.StopSending) != ControlFrames.None)
        {
            var frame = new StopSendingFrame(id, stream.Receiving!.StopCode);
            if (frame.Length > w.Remaining)
                return false;
            frame.Write(ref w);
            sent.Add(SentFrameKind.StopSending, id.Value);
            stream.Control &= ~ControlFrames.StopSending;
        }
        if ((stream.Control & ControlFrames.MaxStreamData) != ControlFrames.None)
        {
            if (w.Remaining < 1 + 2 * VarInt.MaxLength)
                return false;
            ulong limit = stream.Receiving!.AnnounceMaxData();
            new MaxStreamDataFrame(id, limit).Write(ref w);
            sent.Add(SentFrameKind.MaxStreamData, id.Value, limit);
            stream.Control &= ~ControlFrames.MaxStreamData;
        }
        if ((stream.Control & ControlFrames.StreamDataBlocked) != ControlFrames.None)
        {
            SendingPart sending = stream.Sending!;
            var frame = new StreamDataBlockedFrame(id, sending.PeerLimit);
            if (frame.Length > w.Remaining)
                return false;
            frame.Write(ref w);
            sent.Add(SentFrameKind.StreamDataBlocked, id.Value, sending.PeerLimit);
            stream.Control &= ~ControlFrames.StreamDataBlocked;
            stream.BlockedAt = sending.PeerLimit;
            sending.OnBlockedSent();
        }
        _control.Remove(stream);
        return true;
    }

    private bool WriteAll(QuicStream stream, bool repair, scoped ref WireWriter w, SentFrameList sent, int start)
    {
        StreamQueue queue = repair ? _repair : _fresh;
        while (queue.Contains(stream) && (repair || flow.SendCredit != 0))
        {
            if (!WriteData(stream, repair, ref w, sent, start))
                return false;
        }
        return true;
    }

    // One STREAM frame, as large as there are bytes or room. False if the room is too small: the packet is full.
    private bool WriteData(QuicStream stream, bool repair, scoped ref WireWriter w, SentFrameList sent, int start)
    {
        SendingPart sending = stream.Sending!;
        OffsetRange range = sending.NextRange(repair, flow.SendCredit);
        int wanted = (int)Math.Min(range.Length, (ulong)w.Remaining);
        int room = w.Remaining - StreamFrame.HeaderLength(stream.Id, range.Start, wanted);
        int length = Math.Min(wanted, room);
        bool isScrap = (ulong)length < Math.Min(range.Length, SmallestPiece) && w.Position != start;
        if (room < 0 || (length == 0 && range.Length != 0) || isScrap)
            return false;
        bool fin = sending.EndsAt(range.Start + (ulong)length);
        StreamFrame.WriteHeader(ref w, stream.Id, range.Start, length, fin);
        sending.CopyTo(range.Start, w.Reserve(length));
        sending.OnSent(range.Start, length, fin);
        if (!repair) // RFC 9000 section 2.2: NextRange has kept within both limits.
            flow.OnSent((ulong)length);
        sent.Add(new SentFrame(SentFrameKind.Stream, stream.Id.Value, range.Start, length, fin));
        Update(stream);
        return true;
    }
}
