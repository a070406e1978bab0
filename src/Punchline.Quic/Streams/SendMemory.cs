namespace Punchline.Quic.Streams;

/// <summary>
/// How much the application may write: a bound for each stream and one for all together, and who waits for room.
/// Each stream has a small share of its own beyond the common bound, so that streams whose peer does not read
/// cannot stop the others.
/// </summary>
internal sealed class SendMemory(StreamLimits limits, StreamEvents events)
{
    // An event for each freed packet would wake the application for nothing.
    private const int WakePart = 4;

    private readonly StreamQueue _writers = new(QueueKind.Writers);

    /// <summary>Bytes that all streams keep until acknowledged.</summary>
    public long Retained { get; private set; }

    /// <summary>Takes as much of the data as there is room for.</summary>
    public int Write(QuicStream stream, SendingPart sending, ReadOnlySpan<byte> data)
    {
        if (data.Length > sending.BufferLimit - sending.Retained)
            sending.TuneBuffer(limits.SendBufferPerStream);
        int accepted = (int)Math.Min(data.Length, Room(sending));
        if (accepted > 0)
            sending.Append(data[..accepted]);
        Retained += accepted;
        sending.IsWriterWaiting = accepted < data.Length;
        _writers.Set(stream, sending.IsWriterWaiting && sending.Retained < sending.BufferLimit);
        return accepted;
    }

    /// <summary>Bytes of a stream are no longer kept.</summary>
    public void OnFreed(QuicStream stream, SendingPart sending, long count)
    {
        if (count == 0)
            return;
        Retained -= count;
        if (sending.IsWriterWaiting)
            WakeIfRoom(stream, sending);
        // Room in common goes to those who waited longest, a share to each: waking all of them for it would cost all of them.
        for (long room = limits.SendBufferTotal - Retained; room >= StreamLimits.SendBufferShare; room -= StreamLimits.SendBufferShare)
        {
            if (_writers.First is not { Sending: { } waiting } next)
                return;
            _writers.Remove(next);
            WakeIfRoom(next, waiting);
        }
    }

    /// <summary>The stream takes no more.</summary>
    public void Forget(QuicStream stream)
    {
        stream.Sending!.IsWriterWaiting = false;
        _writers.Remove(stream);
    }

    private void WakeIfRoom(QuicStream stream, SendingPart sending)
    {
        if (Room(sending) < Math.Min(sending.BufferLimit, StreamLimits.SendBufferShare) / WakePart)
            return;
        Forget(stream);
        events.Raise(stream, StreamNews.Writable);
    }

    private long Room(SendingPart sending)
    {
        long common = Math.Max(limits.SendBufferTotal - Retained, StreamLimits.SendBufferShare - sending.Retained);
        return Math.Max(0, Math.Min(sending.BufferLimit - sending.Retained, common));
    }
}
