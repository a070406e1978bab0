namespace Punchline.Quic.Streams;

/// <summary>
/// The credit that we give a sender, for a stream or for the connection (RFC 9000 section 4.2): always a window's
/// size beyond what the application has consumed, so it opens at the reader's pace.
/// <code>
///   0 ------------ Consumed ----------------- Limit
///                     |&lt;------- Size -------&gt;|       a new limit is due once a quarter of the window is gone
/// </code>
/// The size tunes itself: a whole window consumed within two round trips means that the window, not the reader
/// or the path, sets the pace; it then doubles, up to a bound. It settles between two and four times the
/// product of bandwidth and delay.
/// </summary>
internal struct ReceiveWindow
{
    // Announcing each byte would cost a frame per read (section 4.2); waiting longer would stop the sender.
    private const int AnnouncedPart = 4;

    // Faster than this many round trips for a window: the sender was waiting for us.
    private const int RoundTripsPerWindow = 2;

    private readonly ulong _maxSize;
    private ulong _epochConsumed;
    private Instant _epochStart;

    /// <summary>A window as the transport parameters announce it.</summary>
    public ReceiveWindow(ulong size, ulong maxSize)
    {
        Limit = Size = size;
        _maxSize = Math.Max(size, maxSize);
        _epochStart = Instant.Never;
    }

    /// <summary>The limit that the sender was last told: passing it is FLOW_CONTROL_ERROR.</summary>
    public ulong Limit { get; private set; }

    /// <summary>Bytes that the application has consumed, or that nobody will.</summary>
    public ulong Consumed { get; private set; }

    /// <summary>The window's present size.</summary>
    public ulong Size { get; private set; }

    /// <summary>True if it is time to tell the sender a new limit.</summary>
    public readonly bool IsAnnouncementDue => Next > Limit && Next - Limit >= Math.Max(1, Size / AnnouncedPart);

    private readonly ulong Next => Math.Min(Consumed + Size, StreamLimits.MaxOffset);

    /// <summary>Bytes arrive: the first ones start the clock of tuning.</summary>
    public void OnReceived(Instant now)
    {
        if (!_epochStart.IsSet)
            _epochStart = now;
    }

    /// <summary>Bytes leave the buffer.</summary>
    /// <param name="smoothedRtt">The round-trip time; zero while it is unknown, and then nothing is tuned.</param>
    /// <returns>True if the window has grown.</returns>
    public bool Consume(ulong count, Instant now, TimeSpan smoothedRtt)
    {
        Consumed += count;
        if (Consumed - _epochConsumed < Size || !_epochStart.IsSet)
            return false;
        bool fast = smoothedRtt > TimeSpan.Zero && now - _epochStart < smoothedRtt * RoundTripsPerWindow;
        _epochConsumed = Consumed;
        _epochStart = now;
        if (!fast || Size == _maxSize)
            return false;
        Size = Math.Min(Size * 2, _maxSize);
        return true;
    }

    /// <summary>Makes the window at least this large, within its bound.</summary>
    public void Widen(ulong size) => Size = Math.Max(Size, Math.Min(size, _maxSize));

    /// <summary>The limit to tell the sender now.</summary>
    public ulong Announce() => Limit = Math.Max(Limit, Next);
}
