namespace Punchline.Quic;

/// <summary>What a connection tells its owner.</summary>
public enum QuicEventKind : byte
{
    /// <summary>The handshake is complete and the peer is verified.</summary>
    Established,

    /// <summary>The peer opened <see cref="QuicEvent.Stream"/>.</summary>
    StreamOpened,

    /// <summary><see cref="QuicEvent.Stream"/> has bytes, its end, or a reset to read.</summary>
    StreamReadable,

    /// <summary><see cref="QuicEvent.Stream"/> takes bytes again, after a write that it could not take whole.</summary>
    StreamWritable,

    /// <summary>The peer asked us to stop sending on <see cref="QuicEvent.Stream"/>, with <see cref="QuicEvent.Code"/>.</summary>
    StreamStopped,

    /// <summary>The peer's stream limit rose after we had reached it.</summary>
    StreamsAvailable,

    /// <summary>DATAGRAM payloads can be read; said once until they are.</summary>
    DatagramReceived,

    /// <summary>The peer told <see cref="QuicEvent.Candidate"/>, and the rules allow to probe it: find ways to it and add them as paths.</summary>
    CandidateReceived,

    /// <summary>The peer withdrew <see cref="QuicEvent.Candidate"/>.</summary>
    CandidateGone,

    /// <summary>The peer sees us at the address of <see cref="QuicEvent.Candidate"/>.</summary>
    ObservedAddress,

    /// <summary><see cref="QuicEvent.Path"/> passed validation.</summary>
    PathValidated,

    /// <summary>Data now takes <see cref="QuicEvent.Path"/>.</summary>
    PathChanged,

    /// <summary><see cref="QuicEvent.Path"/> is not used any more: it failed, or was taken away.</summary>
    PathLost,

    /// <summary>Nothing was heard from the peer for a while.</summary>
    PeerUnreachable,

    /// <summary>The peer is heard again.</summary>
    PeerReachable,

    /// <summary>The first rounds of probing ended and no direct path stands; probing goes on, more slowly.</summary>
    PunchingFailed,

    /// <summary>
    /// At a client: the server did not take what was written before the handshake was complete. Those streams are gone; open them
    /// and write again once established.
    /// </summary>
    EarlyDataRejected,

    /// <summary>At a client: the server gave a session for a later connection; see <see cref="QuicConnection.TryTakeSession"/>.</summary>
    SessionReceived,

    /// <summary>The connection ended; <see cref="QuicEvent.Error"/> says why.</summary>
    Closed,
}

/// <summary>One thing that a connection tells its owner; which members count depends on <see cref="Kind"/>.</summary>
public readonly record struct QuicEvent
{
    /// <summary>What happened.</summary>
    public QuicEventKind Kind { get; init; }

    /// <summary>The stream concerned.</summary>
    public StreamId Stream { get; init; }

    /// <summary>An application error code.</summary>
    public ulong Code { get; init; }

    /// <summary>The path concerned.</summary>
    public NetworkPath? Path { get; init; }

    /// <summary>The candidate or address concerned.</summary>
    public Candidate Candidate { get; init; }

    /// <summary>Why the connection ended.</summary>
    public QuicError? Error { get; init; }
}
