namespace Punchline.Quic;

/// <summary>How an operation on a stream went, and with it where that direction of the stream stands.</summary>
public enum StreamStatus
{
    /// <summary>Done, perhaps in part: the count says how much. Zero bytes means "nothing now": an event says when to try again.</summary>
    Ok,

    /// <summary>
    /// The direction has ended in order. Reading: everything up to the end has been read; the bytes
    /// that came with this answer, if any, were the last. Writing: the stream was finished before.
    /// </summary>
    Finished,

    /// <summary>The direction was cut off by its sender (RESET_STREAM): the peer when reading, this side when writing.</summary>
    Reset,

    /// <summary>The direction was cut off by its receiver (STOP_SENDING): this side when reading, the peer when writing.</summary>
    Stopped,

    /// <summary>The stream was open once; both directions have ended and nothing of it is kept.</summary>
    Closed,

    /// <summary>There is no such stream yet, or it has no such direction.</summary>
    Unknown,
}
