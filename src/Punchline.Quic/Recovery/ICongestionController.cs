namespace Punchline.Quic.Recovery;

/// <summary>
/// How many bytes one path may have in flight (RFC 9002 section 7). The loss detector tells it of every packet in flight;
/// it keeps no count of its own.
/// </summary>
internal interface ICongestionController
{
    /// <summary>The congestion window in bytes.</summary>
    long Window { get; }

    /// <summary>True while the window may double each round trip; the pacer then leaves more room.</summary>
    bool InSlowStart { get; }

    /// <summary>A packet left.</summary>
    /// <param name="bytesInFlightAfter">The path's bytes in flight, this packet included.</param>
    void OnPacketSent(Instant now, ulong pn, int bytes, long bytesInFlightAfter);

    /// <summary>A packet was acknowledged, after <paramref name="rtt"/> took the sample of the same ACK frame.</summary>
    /// <param name="bytesInFlightBefore">The path's bytes in flight before the ACK frame was processed.</param>
    /// <param name="applicationLimited">The window was not used, so it must not grow (RFC 9002 section 7.8).</param>
    void OnPacketAcked(
        Instant now, ulong pn, int bytes, Instant sentAt, RttEstimator rtt, long bytesInFlightBefore, bool applicationLimited);

    /// <summary>Packets were lost or marked; at most one reduction in each recovery period (RFC 9002 section 7.3.2).</summary>
    /// <param name="sentAt">When the latest of the lost or marked packets was sent.</param>
    /// <param name="isEcn">A mark and not a loss.</param>
    void OnCongestionEvent(Instant now, Instant sentAt, bool isEcn);

    /// <summary>Everything sent over a long time was lost (RFC 9002 section 7.6).</summary>
    void OnPersistentCongestion(Instant now);

    /// <summary>The path carries datagrams of another size now (RFC 9002 section 7.2).</summary>
    void OnDatagramSizeChanged(int maxDatagramSize);
}
