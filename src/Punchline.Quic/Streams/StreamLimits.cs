namespace Punchline.Quic.Streams;

/// <summary>
/// What one connection's streams may cost in memory. The initial values go out as transport parameters
/// (RFC 9000 section 18.2); the maxima bound what auto-tuning may make of them.
/// </summary>
internal sealed record StreamLimits
{
    /// <summary>
    /// Frames may not place data beyond this offset, nor may limits pass it (RFC 9000 sections 4.5 and 19.8):
    /// the largest value of a variable-length integer.
    /// </summary>
    public const ulong MaxOffset = (1UL << 62) - 1;

    /// <summary>No limit on streams may pass 2^60, for the last stream's id would not fit (RFC 9000 section 4.6).</summary>
    public const ulong MaxStreamCount = 1UL << 60;

    /// <summary>initial_max_data: bytes over all streams before the first MAX_DATA; at least 1.5 times a stream's.</summary>
    public long InitialMaxData { get; init; } = 768 * 1024;

    /// <summary>initial_max_stream_data_bidi_local: bytes that the peer may send on a stream that we opened.</summary>
    public long InitialMaxStreamDataBidiLocal { get; init; } = 512 * 1024;

    /// <summary>initial_max_stream_data_bidi_remote: bytes that the peer may send on a bidirectional stream that it opened.</summary>
    public long InitialMaxStreamDataBidiRemote { get; init; } = 512 * 1024;

    /// <summary>initial_max_stream_data_uni: bytes that the peer may send on a unidirectional stream.</summary>
    public long InitialMaxStreamDataUni { get; init; } = 512 * 1024;

    /// <summary>Bidirectional streams of the peer that may be open at once. One frame may open them all, so this also bounds its cost.</summary>
    public int MaxBidirectionalStreams { get; init; } = 1024;

    /// <summary>Unidirectional streams of the peer that may be open at once.</summary>
    public int MaxUnidirectionalStreams { get; init; } = 128;

    /// <summary>The largest receive window of a stream: twice 100 Mbit/s x 300 ms, so that one loss does not stall such a path.</summary>
    public long MaxStreamWindow { get; init; } = 8 * 1024 * 1024;

    /// <summary>The largest receive window of the connection: 1.5 times a stream's, so that one stalled stream leaves room for others.</summary>
    public long MaxConnectionWindow { get; init; } = 12 * 1024 * 1024;

    /// <summary>Bytes that a stream keeps for the network at first: written and not yet acknowledged.</summary>
    public long InitialSendBufferPerStream { get; init; } = 256 * 1024;

    /// <summary>The bound of the same once the path has shown that it holds that much in flight.</summary>
    public long SendBufferPerStream { get; init; } = 8 * 1024 * 1024;

    /// <summary>The bound over all streams. Each stream may hold <see cref="SendBufferShare"/> besides, so that none starves.</summary>
    public long SendBufferTotal { get; init; } = 16 * 1024 * 1024;

    /// <summary>What a stream may always buffer for sending, however full the others are: some packets, so that small talk goes on.</summary>
    public const long SendBufferShare = 16 * 1024;
}
