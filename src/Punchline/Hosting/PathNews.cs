using Punchline.Quic;

namespace Punchline.Hosting;

/// <summary>
/// Which of a peer's changes of path people hear: where it has settled, with a measured round-trip time, and after the first few at
/// most once a second, so that a peer whose packets come from here and there by turns floods nobody. Pure; time is handed in.
/// </summary>
internal sealed class PathNews
{
    /// <summary>Told at once: the server's path, the first direct one, a better one.</summary>
    private const int Burst = 3;

    /// <summary>Between two pieces of news after that: as fast as anybody reads them.</summary>
    private static readonly TimeSpan Interval = TimeSpan.FromSeconds(1);

    /// <summary>How often it is looked whether the first sample has come, where no event tells so: soon enough for people.</summary>
    private static readonly TimeSpan LookInterval = TimeSpan.FromMilliseconds(50);

    private NetworkPath? _current;
    private NetworkPath? _told;
    private Instant _wholeAt = Instant.Zero;

    /// <summary>When to ask again; <see cref="Instant.Never"/> if there is no news.</summary>
    public Instant NextTimeout { get; private set; } = Instant.Never;

    // When the burst would be whole again, if nothing more came, less what may be missing from it.
    private Instant MayTellAt => _wholeAt - ((Burst - 1) * Interval);

    /// <summary>Data takes this path now.</summary>
    public void OnPath(NetworkPath path, Instant now)
    {
        _current = path;
        NextTimeout = ReferenceEquals(_current, _told) ? Instant.Never : Instant.Max(now, MayTellAt);
    }

    /// <summary>The path to tell, if there is one and its time has come.</summary>
    /// <param name="now">The time.</param>
    /// <param name="isMeasured">Whether the round-trip time of a path is known.</param>
    /// <param name="path">The path in use.</param>
    public bool TryTake(Instant now, Func<NetworkPath, bool> isMeasured, out NetworkPath path)
    {
        path = _current!;
        if (!NextTimeout.IsSet || now < MayTellAt)
            return false;
        if (!isMeasured(path))
        {
            NextTimeout = now + LookInterval;
            return false;
        }
        _told = path;
        _wholeAt = Instant.Max(_wholeAt, now) + Interval;
        NextTimeout = Instant.Never;
        return true;
    }
}
