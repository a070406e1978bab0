namespace Punchline.Quic.Streams;

/// <summary>What an application is told about streams.</summary>
internal enum StreamEventKind : byte
{
    /// <summary>The peer opened a stream.</summary>
    Opened,

    /// <summary>
    /// There is something to read: bytes, the end, or a reset. Comes once, and again only after a read
    /// returned less than it was asked for.
    /// </summary>
    Readable,

    /// <summary>There is room again after a write accepted less than it was given.</summary>
    Writable,

    /// <summary>The peer no longer reads the stream (STOP_SENDING); the code is the peer's.</summary>
    Stopped,

    /// <summary>The peer allows more streams after opening one had failed.</summary>
    StreamsAvailable,
}

/// <summary>One event.</summary>
/// <param name="Kind">What happened.</param>
/// <param name="Id">The stream; meaningless for <see cref="StreamEventKind.StreamsAvailable"/>.</param>
/// <param name="Code">The peer's error code for <see cref="StreamEventKind.Stopped"/>, else 0.</param>
/// <param name="Bidirectional">Which kind of streams is available, for <see cref="StreamEventKind.StreamsAvailable"/>.</param>
internal readonly record struct StreamEvent(StreamEventKind Kind, StreamId Id, ulong Code, bool Bidirectional);
