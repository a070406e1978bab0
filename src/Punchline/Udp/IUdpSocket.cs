using Punchline.Quic;

namespace Punchline.Udp;

/// <summary>
/// A bound, non-blocking UDP socket that sends and receives batches: one buffer and a segment size in both directions.
/// Owned by one driver loop. Fast paths of an operating system and the portable fallback have this same shape.
/// </summary>
internal interface IUdpSocket : IDisposable
{
    /// <summary>The bound address: the wildcard of its family, or one local address, with the real port.</summary>
    UdpAddress LocalAddress { get; }

    /// <summary>How many datagrams of equal size (the last may be shorter) one <see cref="Send"/> takes: 1 without segmentation offload.</summary>
    int MaxSegments { get; }

    /// <summary>Sends a batch of datagrams to one address. The Don't Fragment bit is set.</summary>
    /// <param name="remote">Where to.</param>
    /// <param name="local">The source address to use, <see cref="UdpAddress.IsNone"/> for the system's choice; its port is ignored.</param>
    /// <param name="batch">Every <paramref name="segmentSize"/> bytes are one datagram; at most <see cref="MaxSegments"/> of them and 65,000 bytes.</param>
    /// <param name="segmentSize">Bytes a datagram.</param>
    /// <param name="ect0">Marks the datagrams ECT(0) (RFC 3168) where the system can.</param>
    /// <param name="timeToLive">A hop limit for these datagrams alone, 0 for the usual one; ignored where the system cannot.</param>
    UdpSendStatus Send(in UdpAddress remote, in UdpAddress local, ReadOnlySpan<byte> batch, int segmentSize, bool ect0, byte timeToLive);

    /// <summary>Takes the next batch from the socket.</summary>
    /// <param name="buffer">Room for one batch: 65,535 bytes, so that nothing is ever cut.</param>
    /// <param name="received">What came, if anything.</param>
    /// <returns>False if nothing is there. Errors that concern one datagram (ICMP, error 10054) are skipped, not reported.</returns>
    bool TryReceive(Span<byte> buffer, out UdpReceived received);
}

/// <summary>A received batch: every <see cref="SegmentSize"/> bytes are one datagram, the last may be shorter.</summary>
/// <param name="Length">Bytes in all.</param>
/// <param name="SegmentSize">Bytes a datagram; equal to <see cref="Length"/> for a single one (both may be 0: an empty datagram).</param>
/// <param name="Remote">Who sent it.</param>
/// <param name="Local">The local address that it reached (with the socket's port), so that the answer can leave from there.</param>
/// <param name="Ecn">The ECN field of the IP header; Not-ECT where the system does not tell.</param>
internal readonly record struct UdpReceived(int Length, int SegmentSize, UdpAddress Remote, UdpAddress Local, EcnCodepoint Ecn);

/// <summary>What became of a batch.</summary>
internal enum UdpSendStatus : byte
{
    /// <summary>The system took it.</summary>
    Sent,

    /// <summary>The socket's buffer is full: try again when it is writable.</summary>
    WouldBlock,

    /// <summary>A datagram is larger than the path's known MTU (EMSGSIZE).</summary>
    TooLarge,

    /// <summary>No route, or refused by a rule of this machine; nothing was sent.</summary>
    Unreachable,
}

/// <summary>Waits for any of several sockets, a wake-up, or a deadline. One thread waits; any thread may wake.</summary>
internal interface IUdpPoller : IDisposable
{
    /// <summary>Adds a socket to those that are waited for.</summary>
    void Add(IUdpSocket socket);

    /// <summary>Takes a socket out again, before it is disposed.</summary>
    void Remove(IUdpSocket socket);

    /// <summary>Also ends the next waits as soon as this socket is writable again (after <see cref="UdpSendStatus.WouldBlock"/>), once.</summary>
    void WatchWritable(IUdpSocket socket);

    /// <summary>Waits until a socket is readable (or a watched one writable), <see cref="Wake"/> is called, or the time is over.</summary>
    /// <param name="timeout">Zero looks only; <see cref="Timeout.InfiniteTimeSpan"/> waits without end.</param>
    void Wait(TimeSpan timeout);

    /// <summary>
    /// The sockets that the last wait found readable, each once, in no order; one that was not read empty is among them again after the next.
    /// Valid until the next wait, or a change of what is waited for.
    /// </summary>
    IReadOnlyList<IUdpSocket> Readable { get; }

    /// <summary>Ends the current or else the next wait. From any thread; many calls before a wait count as one.</summary>
    void Wake();
}
