namespace Punchline.Quic.Recovery;

/// <summary>What kind of frame a sent packet carried, as far as its loss or acknowledgement matters.</summary>
internal enum SentFrameKind : byte
{
    Ping,
    Ack,
    Crypto,
    Stream,
    ResetStream,
    StopSending,
    MaxData,
    MaxStreamData,
    MaxStreamsBidirectional,
    MaxStreamsUnidirectional,
    DataBlocked,
    StreamDataBlocked,
    StreamsBlockedBidirectional,
    StreamsBlockedUnidirectional,
    NewConnectionId,
    RetireConnectionId,
    HandshakeDone,
    Datagram,
    PathChallenge,
    PathResponse,
    Candidate,
    CandidateGone,
    Punch,
    ObservedAddress,
    Padding,
}

/// <summary>
/// One frame of a sent packet. It names the information, not the bytes: what is lost is sent again
/// in new frames with the values of that time (RFC 9000 section 13.3).
/// </summary>
/// <param name="Kind">The frame's kind.</param>
/// <param name="Id">The stream id or the sequence number, else 0.</param>
/// <param name="Offset">The offset of the data, or the limit that the frame announced.</param>
/// <param name="Length">The number of data bytes.</param>
/// <param name="Fin">True if the frame ended its stream.</param>
internal readonly record struct SentFrame(SentFrameKind Kind, ulong Id, ulong Offset, int Length, bool Fin);
