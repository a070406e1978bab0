namespace Punchline.Quic.Paths;

/// <summary>
/// The rounds of opening probes (docs/wire/punch.md). A round gives each pair its schedule of probes; the client asks the
/// host for a round with PUNCH and begins its own at the same time, as each side's probe must open its own NAT.
/// </summary>
internal sealed class Puncher
{
    /// <summary>Rounds that come as fast as they may; then a failure is reported and rounds go on more rarely.</summary>
    private const int EagerRounds = 2;

    /// <summary>Opening probes in the time of a round.</summary>
    private const int MaxProbes = CandidateRules.MaxPairs * ProbeSchedule.OpeningProbes;

    /// <summary>No peer counts this far; our next number must still fit a frame.</summary>
    private const ulong HighestRound = 1UL << 61;

    /// <summary>One round per this time at most, whoever asks.</summary>
    internal static readonly TimeSpan RoundInterval = TimeSpan.FromSeconds(5);

    /// <summary>
    /// The pause between rounds after the eager ones: networks change, but seldom. The first of these rounds comes before a path is forgotten that
    /// died and that no candidate leads to (<see cref="StandbyKeeper.LongestSilence"/>).
    /// </summary>
    private static readonly TimeSpan PatientInterval = TimeSpan.FromSeconds(25);

    /// <summary>The longest pause between rounds for a better path that died; the first is <see cref="RoundInterval"/>, and each is twice the one before.</summary>
    private static readonly TimeSpan LongestPause = TimeSpan.FromMinutes(10);

    private readonly bool _isClient;
    private Instant _startedAt = Instant.Never;
    private bool _failureReported;
    private bool _isWanted;
    private TimeSpan _pause;
    private ulong _requested;
    private ulong _searchedFrom;
    private Instant _windowStart;
    private int _probes;

    internal Puncher(bool isClient) => _isClient = isClient;

    /// <summary>The number of the current round, from 1; 0 before the first.</summary>
    internal ulong Round { get; private set; }

    /// <summary>True if a PUNCH frame with <see cref="Round"/> must be sent.</summary>
    internal bool OwesFrame { get; set; }

    /// <summary>When the next round begins if nothing changes until then.</summary>
    internal Instant NextRoundAt { get; private set; } = Instant.Never;

    /// <summary>The first candidate or path is known: round 1 begins. Later ones join the round that runs.</summary>
    internal void OnPathAdded(Instant now)
    {
        if (Round == 0)
            Begin(now, 1);
    }

    /// <summary>Takes leave for one opening probe: all pairs of a connection together stay within what a round of 64 needs.</summary>
    internal bool TryTakeProbe(Instant now)
    {
        if (now - _windowStart >= RoundInterval)
            (_windowStart, _probes) = (now, 0);
        return _probes++ < MaxProbes;
    }

    /// <summary>The peer's PUNCH.</summary>
    /// <returns>True if a new round begins here, too: probe all pairs again.</returns>
    internal bool OnPunch(ulong round, Instant now)
    {
        if (round <= Round || round > HighestRound)
            return false;
        if (Round > 0 && now - _startedAt < RoundInterval)
        {
            // Too early: it is kept until it may begin.
            _requested = Math.Max(_requested, round);
            NextRoundAt = _startedAt + RoundInterval;
            return false;
        }
        Begin(now, round);
        return true;
    }

    /// <summary>The best path that we know of stands: no more rounds, but for one that was asked for.</summary>
    internal void Stop()
    {
        _pause = TimeSpan.Zero;
        if (!_isWanted)
            NextRoundAt = Instant.Never;
    }

    /// <summary>A direct path stands, but a better one has died, which may be an outage: rounds go on, ever more rarely (client only).</summary>
    internal void Linger(Instant now)
    {
        if (_pause == TimeSpan.Zero)
            _pause = RoundInterval;
        if (!_isWanted)
            NextRoundAt = Instant.Max(now, _startedAt + _pause);
    }

    /// <summary>The way out may be another one now: a new round as soon as the interval allows, on either side, whatever stands.</summary>
    internal void Restart(Instant now)
    {
        if (Round == 0)
            return;
        _isWanted = true;
        Search(now);
    }

    /// <summary>The direct path is gone: a new round as soon as the interval allows.</summary>
    internal void Resume(Instant now)
    {
        if (!_isClient || Round == 0 || (NextRoundAt.IsSet && _pause == TimeSpan.Zero))
            return;
        Search(now);
    }

    /// <summary>Time passed.</summary>
    /// <param name="now">The time.</param>
    /// <param name="failed">True once, when the eager rounds ended without a direct path.</param>
    /// <returns>True if a new round begins: probe all pairs again.</returns>
    internal bool OnTimeout(Instant now, out bool failed)
    {
        failed = false;
        if (now < NextRoundAt)
            return false;
        bool lacksDirect = _pause == TimeSpan.Zero && !_isWanted;
        if (!_isWanted)
            _pause = _pause * 2 < LongestPause ? _pause * 2 : LongestPause;
        if (_isClient && lacksDirect && Round - _searchedFrom >= EagerRounds && !_failureReported)
        {
            failed = true;
            _failureReported = true;
        }
        // A round that the peer asked for needs no asking back.
        OwesFrame = _requested <= Round;
        Begin(now, Math.Max(Round + 1, _requested));
        return true;
    }

    /// <summary>Rounds are eager again.</summary>
    private void Search(Instant now)
    {
        (_pause, _failureReported, _searchedFrom) = (TimeSpan.Zero, false, Round);
        NextRoundAt = Instant.Max(now, _startedAt + RoundInterval);
    }

    private void Begin(Instant now, ulong round)
    {
        Round = round;
        _startedAt = now;
        _isWanted = false;
        NextRoundAt = _isClient ? now + (_failureReported ? PatientInterval : RoundInterval) : Instant.Never;
    }
}
