namespace Punchline.Quic;

/// <summary>A batch to send: every <see cref="SegmentSize"/> bytes of the buffer are one datagram, the last may be shorter.</summary>
/// <param name="Path">Where it goes.</param>
/// <param name="Length">Bytes in all, the path's own headers included.</param>
/// <param name="SegmentSize">Bytes a datagram, the path's own header included.</param>
/// <param name="Ect0">Mark the datagrams ECT(0) (RFC 9000 section 13.4).</param>
/// <param name="TimeToLive">A hop limit for these datagrams alone, 0 for the usual one.</param>
public readonly record struct Transmit(NetworkPath Path, int Length, int SegmentSize, bool Ect0, byte TimeToLive);
