namespace Punchline.Quic.Recovery;

/// <summary>
/// The run of consecutive packets of one path and space that were all lost (RFC 9002 section 7.6): how long it lasts from its
/// first ack-eliciting packet to its last. State is kept for each space apart, as section 7.6.2 permits.
/// </summary>
internal struct PersistentCongestion
{
    /// <summary>kPersistentCongestionThreshold (RFC 9002 section 7.6.1).</summary>
    private const int Threshold = 3;

    private ulong _next;
    private Instant? _first;
    private Instant _last;

    /// <summary>A packet was lost. Called in rising order of sequence.</summary>
    /// <param name="sequence">The packet's place among those of its path and space.</param>
    public void OnLost(in SentPacket packet, ulong sequence, RttEstimator rtt)
    {
        // A gap in the sequence is a packet that was acknowledged, or whose fate is open: the run starts anew.
        if (sequence != _next)
            _first = null;
        _next = sequence + 1;
        // Only ack-eliciting packets sent after the first sample bound the run. The loss of an MTU probe says nothing of the network.
        if (!packet.IsAckEliciting || packet.IsMtuProbe
            || rtt.FirstSampleAt is not { } sampled || packet.SentAt <= sampled)
        {
            return;
        }
        _first ??= packet.SentAt;
        _last = packet.SentAt;
    }

    /// <summary>True if the run is long enough; it then starts anew, so that it counts once.</summary>
    /// <param name="maxAckDelay">The peer's max_ack_delay, whatever the space (section 7.6.1).</param>
    public bool TryEstablish(RttEstimator rtt, TimeSpan maxAckDelay)
    {
        if (_first is not { } first || _last - first <= rtt.ProbeTimeout(maxAckDelay) * Threshold)
            return false;
        _first = null;
        return true;
    }
}
