using Punchline.Quic.Wire;

namespace Punchline.Quic.Recovery;

/// <summary>
/// The peer's ECN counts of one packet number space, compared with what was marked there (RFC 9000 section 13.4.2.1). The counts
/// are of the space, the marks of a path: what an acknowledgement proves is for the paths of the packets that it newly acknowledges.
/// </summary>
internal struct EcnFeedback
{
    private EcnCounts _last;
    private ulong _marked;

    /// <summary>A packet left with ECT(0).</summary>
    public void OnMarkedSent() => _marked++;

    /// <summary>Takes the counts of an ACK frame that raised the largest acknowledged number.</summary>
    /// <param name="counts">The frame's counts, if it has any.</param>
    /// <param name="newlyAcked">How many newly acknowledged packets were sent with ECT(0).</param>
    /// <param name="congestionExperienced">True if more packets than before were marked CE.</param>
    /// <returns>False if the marks do not come through, or are not reported.</returns>
    public bool TryAccept(EcnCounts? counts, int newlyAcked, out bool congestionExperienced)
    {
        congestionExperienced = false;
        if (counts is not { } now)
            return newlyAcked == 0;
        // We never send ECT(1), and no more ECT(0) than was marked; each marked packet counts as ECT(0) or as CE.
        // Counts are below 2^62, so the sums do not overflow.
        if (now.Ect1 != 0 || now.Ect0 + now.Ce > _marked || now.Ect0 < _last.Ect0 || now.Ce < _last.Ce)
            return false;
        if (now.Ect0 - _last.Ect0 + (now.Ce - _last.Ce) < (ulong)newlyAcked)
            return false;
        congestionExperienced = now.Ce > _last.Ce;
        _last = now;
        return true;
    }
}
