namespace Punchline.Quic.Paths;

/// <summary>
/// How long a path that died is left alone. One that had served for a while, or died for the first time, is tried again at once: it was an
/// outage. One that dies soon after each choice (it lets probes pass and loses data, or comes and goes) is waited for ever longer, so
/// that data does not flap between it and the relay.
/// </summary>
internal sealed class PathTrust
{
    /// <summary>In use for so long, a path has served: some rounds of probing, and longer than the outages that NATs and Wi-Fi make.</summary>
    internal static readonly TimeSpan Served = TimeSpan.FromSeconds(30);

    /// <summary>The pause after the second death in a row: two rounds.</summary>
    internal static readonly TimeSpan FirstPause = 2 * Puncher.RoundInterval;

    /// <summary>The longest: a path that has become good is found within it.</summary>
    internal static readonly TimeSpan LongestPause = TimeSpan.FromMinutes(10);

    private const int PauseFactor = 3;

    private TimeSpan _nextPause;
    private Instant _chosenAt;
    private Instant _pausesUntil = Instant.Zero;

    /// <summary>True while it is neither probed nor chosen, as long as another path carries data.</summary>
    internal bool IsPausedAt(Instant now) => now < _pausesUntil;

    /// <summary>Data takes it from now on.</summary>
    internal void OnChosen(Instant now) => _chosenAt = now;

    /// <summary>It died in use.</summary>
    internal void OnDied(Instant now)
    {
        if (now - _chosenAt >= Served)
            _nextPause = TimeSpan.Zero;
        _pausesUntil = now + _nextPause;
        _nextPause = TimeSpan.FromTicks(Math.Clamp(PauseFactor * _nextPause.Ticks, FirstPause.Ticks, LongestPause.Ticks));
    }

    /// <summary>The network is another one: what was is no guide.</summary>
    internal void Reset() => (_nextPause, _pausesUntil) = (TimeSpan.Zero, Instant.Zero);
}
