namespace Punchline.Quic;

#pragma warning disable CA1822, CS1591, CA1801, IDE0060
// SURFACE ONLY: bodies are written elsewhere; code against these signatures.

/// <summary>One QUIC connection. Not thread-safe: its one driver loop calls everything.</summary>
/// <remarks>
/// Contract: after any call into a connection (Receive through the endpoint, OnTimeout, stream calls, path calls) the
/// driver (1) drains TryReadEvent, (2) calls TryTransmit until it returns false, (3) reads NextTimeout.
/// </remarks>
public sealed class QuicConnection
{
    private QuicConnection() { }

    public bool IsClient => throw new NotImplementedException();
    /// <summary>The handshake is complete and, on the client, confirmed; on the host: the client is verified.</summary>
    public bool IsEstablished => throw new NotImplementedException();
    /// <summary>True once closed, draining ended: remove it from all tables. NextTimeout is Never then.</summary>
    public bool IsTerminated => throw new NotImplementedException();
    /// <summary>Free for the owner: the driver hangs its per-connection object here.</summary>
    public object? Owner { get; set; }
    /// <summary>What the admission policy attached when it accepted (the invite); null on a client.</summary>
    public object? AdmissionTag => throw new NotImplementedException();
    /// <summary>SHA-256 of the peer's public key (32 bytes), empty before it is verified.</summary>
    public ReadOnlyMemory<byte> PeerId => throw new NotImplementedException();

    // ---- time and datagrams
    public Instant NextTimeout => throw new NotImplementedException();
    public void OnTimeout(Instant now) => throw new NotImplementedException();
    /// <summary>
    /// Writes the next batch: one or more datagrams of equal size (the last may be shorter) for one path. Each datagram has
    /// path.HeaderLength free bytes before it (counted in SegmentSize and Length).
    /// </summary>
    /// <param name="buffer">At least 1 and at most 64 datagrams of 1,500 bytes; a batch is never larger than 65,000 bytes.</param>
    public bool TryTransmit(Instant now, Span<byte> buffer, out Transmit transmit) => throw new NotImplementedException();
    public bool TryReadEvent(out QuicEvent quicEvent) => throw new NotImplementedException();

    // ---- streams
    /// <summary>False if the peer's stream limit is reached (StreamsAvailable follows when it rises).</summary>
    public bool TryOpenStream(bool bidirectional, out StreamId id) => throw new NotImplementedException();
    /// <summary>Takes as many bytes as the send buffer has room for; 0 means wait for StreamWritable.</summary>
    public StreamStatus Write(StreamId id, ReadOnlySpan<byte> data, out int accepted) => throw new NotImplementedException();
    /// <summary>Ends the sending direction after all written bytes.</summary>
    public StreamStatus Finish(StreamId id) => throw new NotImplementedException();
    /// <summary>Copies bytes in order; 0 with Ok means nothing now; Finished: end reached, all bytes were read.</summary>
    public StreamStatus Read(StreamId id, Span<byte> destination, out int count) => throw new NotImplementedException();
    /// <summary>Abandons the sending direction (RESET_STREAM).</summary>
    public void Reset(StreamId id, ulong code) => throw new NotImplementedException();
    /// <summary>Asks the peer to stop sending (STOP_SENDING); what arrives is thrown away.</summary>
    public void StopSending(StreamId id, ulong code) => throw new NotImplementedException();

    // ---- DATAGRAM frames (RFC 9221)
    /// <summary>The largest payload that fits the nominated path now; 0 if the peer takes none.</summary>
    public int MaxDatagramPayload => throw new NotImplementedException();
    /// <summary>False if it is too large or the (bounded) queue is full: the datagram is dropped.</summary>
    public bool TrySendDatagram(ReadOnlySpan<byte> payload) => throw new NotImplementedException();
    /// <summary>The next received payload, 0-length included.</summary>
    public bool TryReadDatagram(Span<byte> destination, out int length) => throw new NotImplementedException();

    // ---- paths and punching
    /// <summary>The path that data takes now.</summary>
    public NetworkPath CurrentPath => throw new NotImplementedException();
    /// <summary>Tells the peer a candidate of ours (sent once established). Duplicates are ignored; at most 16 live.</summary>
    public void AddLocalCandidate(Candidate candidate) => throw new NotImplementedException();
    public void RemoveLocalCandidate(UdpAddress address) => throw new NotImplementedException();
    /// <summary>Adds a way to reach one of the peer's candidates: it is probed, validated and perhaps nominated (by the client).</summary>
    /// <returns>False if a limit forbids it.</returns>
    public bool TryAddPath(Instant now, NetworkPath path) => throw new NotImplementedException();
    /// <summary>The way is gone (its socket or server closed).</summary>
    public void RemovePath(Instant now, NetworkPath path) => throw new NotImplementedException();
    /// <summary>The socket refused a datagram of this size on this path (EMSGSIZE): the path's MTU is smaller.</summary>
    public void OnDatagramTooLarge(Instant now, NetworkPath path, int size) => throw new NotImplementedException();
    /// <summary>Figures of a path; false if it is not one of this connection.</summary>
    public bool TryGetPathStatistics(NetworkPath path, out PathStatistics statistics) => throw new NotImplementedException();
    public ConnectionStatistics Statistics => throw new NotImplementedException();

    /// <summary>Closes with an application error (0: no error). Closed follows.</summary>
    public void Close(Instant now, ulong applicationCode, string reason) => throw new NotImplementedException();
}

public enum StreamStatus { Ok, Finished, Reset, Stopped, Closed, Unknown }

/// <summary>A batch to send. Path tells the socket; every SegmentSize bytes of the buffer is a datagram.</summary>
public readonly record struct Transmit(NetworkPath Path, int Length, int SegmentSize, bool Ect0, byte TimeToLive);

public enum QuicEventKind
{
    /// <summary>The handshake is complete and the peer verified.</summary>
    Established,
    StreamOpened, StreamReadable, StreamWritable, StreamStopped, StreamsAvailable, DatagramReceived,
    /// <summary>The peer told a candidate (already checked against the limits of DESIGN section 4): make paths to it and call TryAddPath.</summary>
    CandidateReceived,
    CandidateGone,
    /// <summary>The peer sees us at QuicEvent.Candidate.Address (on QuicEvent.Path).</summary>
    ObservedAddress,
    /// <summary>A path passed validation.</summary>
    PathValidated,
    /// <summary>Data now takes QuicEvent.Path.</summary>
    PathChanged,
    /// <summary>A path failed or was given up.</summary>
    PathLost,
    /// <summary>Nothing was heard for a while (about 6.5 s) / something was heard again.</summary>
    PeerUnreachable, PeerReachable,
    /// <summary>Every probing round ended and no direct path stands.</summary>
    PunchingFailed,
    /// <summary>The connection ended: QuicEvent.Error says why (also for idle timeout: IsTimeout).</summary>
    Closed,
}

public readonly struct QuicEvent
{
    public QuicEventKind Kind { get; init; }
    public StreamId Stream { get; init; }
    public ulong Code { get; init; }
    public NetworkPath? Path { get; init; }
    public Candidate Candidate { get; init; }
    public QuicError? Error { get; init; }
}

public readonly record struct PathStatistics(bool Validated, TimeSpan SmoothedRtt, TimeSpan MinRtt, int MaxDatagramSize, long CongestionWindow, long BytesInFlight);
public readonly record struct ConnectionStatistics(ulong PacketsSent, ulong PacketsReceived, ulong PacketsLost, ulong BytesSent, ulong BytesReceived);
