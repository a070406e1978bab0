namespace Punchline.Quic.Paths;

/// <summary>
/// Pairs that were forgotten less than the time of a round after their opening probes began. A peer that withdraws a candidate
/// and tells its address again gets no second set of probes in that time: a pair has nine of them in a round
/// (docs/wire/punch.md section 7), however often it is made anew.
/// </summary>
internal sealed class ForgottenPairs
{
    /// <summary>More than the candidates that may come in the time of a round, from four sockets; the oldest give way.</summary>
    private const int Max = 2 * CandidateRules.MaxPairs;

    private readonly List<(UdpAddress Remote, Instant OpenedAt)> _pairs = [];

    /// <summary>A pair is forgotten.</summary>
    internal void Add(PathState pair, Instant now)
    {
        if (!pair.IsPair || pair.OpenedAt is not { } openedAt)
            return;
        // One that still waits for its turn has had its probes a round before.
        if (openedAt > now)
            openedAt -= Puncher.RoundInterval;
        _pairs.RemoveAll(known => now - known.OpenedAt >= Puncher.RoundInterval);
        if (_pairs.Count == Max)
            _pairs.RemoveAt(0);
        _pairs.Add((pair.Network.RemoteAddress, openedAt));
    }

    /// <summary>A pair is made: when its opening probes may begin. Each forgotten one counts for one new one to the same address.</summary>
    internal Instant TakeStart(UdpAddress remote, Instant now)
    {
        int index = _pairs.FindIndex(known => known.Remote == remote);
        if (index < 0)
            return now;
        Instant openedAt = _pairs[index].OpenedAt;
        _pairs.RemoveAt(index);
        return Instant.Max(now, openedAt + Puncher.RoundInterval);
    }
}
