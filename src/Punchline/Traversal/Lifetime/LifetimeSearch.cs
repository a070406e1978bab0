namespace Punchline.Traversal.Lifetime;

/// <summary>
/// Which silence to try next, for one kind of use: a bisection over times a little under the lifetimes that NATs have (10, 20, 30, 60, 120, 180 and
/// 300 s; the first and the last but one of those are seen seldom). A mapping that survived did so for sure; a failure may be a lost datagram and counts when it came twice.
/// </summary>
internal sealed class LifetimeSearch(int first = LifetimeSearch.Likely)
{
    /// <summary>28 s: most NATs hold for 30 and more.</summary>
    public const int Likely = 2;

    /// <summary>Beyond 300 s (RFC 4787 REQ-5) nothing is gained: a keep-alive every four minutes costs nothing.</summary>
    private static readonly TimeSpan[] Ladder =
    [
        TimeSpan.FromSeconds(8), TimeSpan.FromSeconds(18), TimeSpan.FromSeconds(28), TimeSpan.FromSeconds(55),
        TimeSpan.FromSeconds(110), TimeSpan.FromSeconds(170), TimeSpan.FromSeconds(285),
    ];

    private const int FailuresThatCount = 2;

    private int _held = -1;
    private int _failed = Ladder.Length;
    private int _failures;

    /// <summary>What to try next; null when the bounds touch each other.</summary>
    public TimeSpan? Next => IsDone ? null : Ladder[Index];

    public bool IsDone => _failed - _held == 1;

    public IdleBounds Bounds => new(_held < 0 ? null : Ladder[_held], _failed == Ladder.Length ? null : Ladder[_failed]);

    private int Index => _held < 0 && _failed > first ? first : (_held + _failed) / 2;

    /// <summary>A search that begins where another one ended: one trial shows that both are equal.</summary>
    public static LifetimeSearch After(in IdleBounds other) => new(other.Held is { } held ? Array.IndexOf(Ladder, held) : 0)
    {
        _failed = FailedIn(other),
    };

    /// <summary>Goes on from what it had shown when it was interrupted: its own <see cref="Bounds"/>.</summary>
    public LifetimeSearch Resume(in IdleBounds known)
    {
        _held = known.Held is { } held ? Array.IndexOf(Ladder, held) : -1;
        _failed = FailedIn(known);
        return this;
    }

    /// <summary><see cref="Next"/> was survived.</summary>
    public void OnHeld()
    {
        _held = Index;
        _failures = 0;
    }

    /// <summary>It was not.</summary>
    public void OnFailed()
    {
        if (++_failures < FailuresThatCount)
            return;
        _failed = Index;
        _failures = 0;
    }

    private static int FailedIn(in IdleBounds bounds) => bounds.Failed is { } failed ? Array.IndexOf(Ladder, failed) : Ladder.Length;
}
