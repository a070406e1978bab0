namespace Punchline.Quic.Paths;

/// <summary>What is to be done about the path that is kept open.</summary>
internal enum StandbyStep
{
    /// <summary>Nothing now.</summary>
    Nothing,

    /// <summary>It is probed once.</summary>
    Probe,

    /// <summary>It is no path any more, and none is kept open.</summary>
    Failed,
}

/// <summary>When the direct path that is second best is probed, and when it has failed (docs/wire/punch.md section 5.3).</summary>
internal sealed class StandbyKeeper
{
    /// <summary>After a probe without an answer.</summary>
    internal static readonly TimeSpan Repeat = TimeSpan.FromSeconds(5);

    /// <summary>So many probes in a row without an answer, and it is no path any more.</summary>
    internal const int MaxMisses = 3;

    /// <summary>
    /// A path on which nothing has been heard for so long is kept open by nobody: that the first probe of a row went unanswered is noticed when
    /// the next is due, and after two more it is given up, here one <see cref="Repeat"/> later, as that probe may still be on its way.
    /// </summary>
    /// <param name="distance">Between two probes of a path that answers.</param>
    internal static TimeSpan LongestSilence(TimeSpan distance) => (2 * distance) + (MaxMisses * Repeat);

    private Instant _probedAt;
    private int _misses;

    /// <summary>The path; null if there is none.</summary>
    internal PathState? Path { get; private set; }

    /// <summary>When <see cref="OnDue"/> has something to say.</summary>
    internal Instant NextTimeout { get; private set; } = Instant.Never;

    /// <summary>This path is kept open from now on; nothing that was found out of another one counts for it.</summary>
    /// <param name="now">The time.</param>
    /// <param name="path">Which; null for none.</param>
    /// <param name="distance">Between two probes of a path that answers.</param>
    internal void Choose(Instant now, PathState? path, TimeSpan distance)
    {
        if (path == Path)
            return;
        (Path, _probedAt, _misses) = (path, Instant.Zero, 0);
        NextTimeout = path is null ? Instant.Never : Due(now, path, distance);
    }

    /// <summary>The distance is another one: what is due by it is not put off, but for the answer to a probe that is on its way.</summary>
    /// <param name="now">The time.</param>
    /// <param name="distance">Between two probes of a path that answers, from now on.</param>
    internal void Hasten(Instant now, TimeSpan distance)
    {
        if (Path is { } path)
            NextTimeout = Instant.Min(NextTimeout, Instant.Max(Due(now, path, distance), _probedAt + Repeat));
    }

    /// <summary>Time has passed.</summary>
    /// <param name="now">The time.</param>
    /// <param name="distance">Between two probes of a path that answers.</param>
    internal StandbyStep OnDue(Instant now, TimeSpan distance)
    {
        if (Path is not { } path || now < NextTimeout)
            return StandbyStep.Nothing;
        // Whatever came counts, as data that came late or the peer's own probes do.
        _misses = _probedAt > path.HeardAt ? _misses + 1 : 0;
        if (_misses >= MaxMisses)
        {
            Choose(now, null, distance);
            return StandbyStep.Failed;
        }
        _probedAt = now;
        // The first probe of a row is repeated soon if there is no answer; else the next is due at the usual distance from what was heard.
        NextTimeout = now + (_misses > 0 ? Repeat : distance);
        return StandbyStep.Probe;
    }

    // The peer forgets what it has not heard of for long.
    private static Instant Due(Instant now, PathState path, TimeSpan distance) => Instant.Max(now, path.HeardAt + distance);
}
