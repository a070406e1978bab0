namespace Punchline.Quic.Paths;

/// <summary>Which of two paths is better: one pure comparison with hysteresis.</summary>
internal static class PathChooser
{
    /// <summary>IPv6 is favoured by this much: no NAT mapping of it can expire.</summary>
    internal static readonly TimeSpan IPv6Bonus = TimeSpan.FromMilliseconds(3);

    /// <summary>A switch must gain at least this much, so that noise does not make paths alternate (RFC 9000 section 9.5).</summary>
    internal static readonly TimeSpan MinimumGain = TimeSpan.FromMilliseconds(5);

    /// <summary>
    /// What one step of <see cref="PathReach"/> counts: twice what a switch must gain, so that the nearer of two equally long paths is taken
    /// for sure, though its samples be some milliseconds worse. Whatever routers and VPNs are between costs them work, and can fail.
    /// </summary>
    internal static readonly TimeSpan ReachStep = 2 * MinimumGain;

    /// <summary>
    /// Samples of a round trip whose shortest is believed (N_RTT_SAMPLE of RFC 9406 section 4.2). Before them a path is not left for a farther
    /// one: a first packet often waits for something that the next ones do not.
    /// </summary>
    internal const int SettledSamples = 8;

    /// <summary>What the comparison looks at.</summary>
    internal readonly record struct Rating(
        bool IsUsable, bool IsDirect, bool IsIPv6, TimeSpan RoundTrip, bool IsLeaving = false, PathReach Reach = PathReach.Public, bool IsSettled = true)
    {
        internal TimeSpan Biased => RoundTrip + ((int)Reach * ReachStep) - (IsIPv6 ? IPv6Bonus : TimeSpan.Zero);
    }

    /// <summary>True if data should move from the current path to the other one.</summary>
    internal static bool ShouldSwitch(in Rating current, in Rating other)
    {
        if (!other.IsUsable)
            return false;
        if (!current.IsUsable)
            return true;
        if (current.IsDirect != other.IsDirect)
            return other.IsDirect;
        if (current.IsLeaving != other.IsLeaving)
            return current.IsLeaving;
        if (!current.IsSettled && other.Reach > current.Reach)
            return false;
        return current.Biased - other.Biased >= MinimumGain;
    }
}
