namespace Punchline.Quic.Streams;

/// <summary>Control frames that a stream has to send.</summary>
[Flags]
internal enum ControlFrames : byte
{
    None = 0,
    ResetStream = 1,
    StopSending = 2,
    MaxStreamData = 4,
    StreamDataBlocked = 8,
}

/// <summary>Events of a stream that the application has not taken.</summary>
[Flags]
internal enum StreamNews : byte
{
    None = 0,
    Opened = 1,
    Stopped = 2,
    Readable = 4,
    Writable = 8,
}

/// <summary>One stream: its two parts, what it has to send and to tell, and its places in the queues.</summary>
/// <param name="id">The id.</param>
/// <param name="sending">The sending part, null if only the peer sends.</param>
/// <param name="receiving">The receiving part, null if only we send.</param>
internal sealed class QuicStream(StreamId id, SendingPart? sending, ReceivingPart? receiving)
{
    private StreamLinks _links;

    /// <summary>The id.</summary>
    public StreamId Id { get; } = id;

    /// <summary>The sending part, null if only the peer sends.</summary>
    public SendingPart? Sending { get; } = sending;

    /// <summary>The receiving part, null if only we send.</summary>
    public ReceivingPart? Receiving { get; } = receiving;

    /// <summary>Control frames to send.</summary>
    public ControlFrames Control { get; set; }

    /// <summary>Events to tell.</summary>
    public StreamNews News { get; set; }

    /// <summary>The code of the peer's STOP_SENDING.</summary>
    public ulong StoppedCode { get; set; }

    /// <summary>The peer's limit for which STREAM_DATA_BLOCKED went out; each limit is reported once, again only if lost.</summary>
    public ulong? BlockedAt { get; set; }

    /// <summary>The places in the queues.</summary>
    public ref StreamLinks Links => ref _links;

    /// <summary>
    /// True if both parts have come to their end (RFC 9000 sections 3.4 and 4.4) and the application has heard of it: then only the
    /// id's being below the next one remembers the stream.
    /// </summary>
    public bool IsEnded => (Sending is null || Sending.IsTerminal) && (Receiving is null || Receiving.IsTerminal)
        && (News & (StreamNews.Opened | StreamNews.Stopped)) == StreamNews.None;
}
