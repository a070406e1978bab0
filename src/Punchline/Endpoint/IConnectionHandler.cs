using Punchline.Protocol;
using Punchline.Quic;

namespace Punchline.Endpoint;

/// <summary>
/// What the owner of a connection is told. Every call comes on the driver thread; an exception from one closes the
/// connection with <see cref="CloseCode.Internal"/> and is logged, and only <see cref="OnClosed"/> follows.
/// </summary>
internal interface IConnectionHandler
{
    /// <summary>The handshake is complete and the peer verified.</summary>
    void OnEstablished();

    /// <summary>What was written before the handshake was complete did not reach the host, and its stream is gone: write it again once established.</summary>
    void OnEarlyDataRejected()
    {
    }

    /// <summary>The host gave sessions for later connections: take them.</summary>
    void OnSessionReceived()
    {
    }

    /// <summary>The peer opened a stream.</summary>
    void OnStreamOpened(StreamId stream);

    /// <summary>There is something to read: bytes, the end, or a reset (then <paramref name="code"/> is the peer's, else 0).</summary>
    void OnStreamReadable(StreamId stream, ulong code);

    /// <summary>A stream whose send buffer was full takes bytes again.</summary>
    void OnStreamWritable(StreamId stream);

    /// <summary>The peer wants no more of this stream (STOP_SENDING).</summary>
    void OnStreamStopped(StreamId stream, ulong code);

    /// <summary>The peer allows more streams than before.</summary>
    void OnStreamsAvailable();

    /// <summary>DATAGRAM frames wait: read until there are no more.</summary>
    void OnDatagram();

    /// <summary>The peer told a candidate; paths to it were made from our sockets already.</summary>
    void OnCandidateReceived(Candidate candidate);

    /// <summary>The peer took a candidate back.</summary>
    void OnCandidateGone(Candidate candidate);

    /// <summary>The peer sees us at this address.</summary>
    void OnObservedAddress(UdpAddress address, NetworkPath? path);

    /// <summary>Data now takes this path.</summary>
    void OnPathChanged(NetworkPath path);

    /// <summary>A path passed validation.</summary>
    void OnPathValidated(NetworkPath path);

    /// <summary>A path failed or was given up.</summary>
    void OnPathLost(NetworkPath path);

    /// <summary>Nothing was heard for a while.</summary>
    void OnUnreachable();

    /// <summary>The peer was heard again.</summary>
    void OnReachable();

    /// <summary>Every probing round ended and no direct path stands.</summary>
    void OnPunchingFailed();

    /// <summary>The connection ended; the last call, made exactly once.</summary>
    void OnClosed(QuicError error);
}
