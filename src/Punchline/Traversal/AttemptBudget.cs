using Punchline.Quic;

namespace Punchline.Traversal;

/// <summary>How many attempts a connection has left, and when the next one may begin: whatever its peer asks for, and however often that moves.</summary>
internal sealed class AttemptBudget
{
    private Instant _wholeAt = Instant.Zero;
    private Instant _pausesUntil = Instant.Zero;

    /// <summary>Attempts on the network of now.</summary>
    public int Count { get; private set; }

    /// <summary>When the next one may begin; never on this network if that has had all of its.</summary>
    public Instant FreeAt => Count >= TraversalLimits.MaxAttempts
        ? Instant.Never
        : Instant.Max(_pausesUntil, _wholeAt - ((TraversalLimits.MaxAttemptsAtOnce - 1) * TraversalLimits.AttemptRefill));

    /// <summary>One was made.</summary>
    public void Take(Instant now)
    {
        Count++;
        _wholeAt = Instant.Max(_wholeAt, now) + TraversalLimits.AttemptRefill;
    }

    /// <summary>None before this time.</summary>
    public void PauseUntil(Instant time) => _pausesUntil = time;

    /// <summary>What failed on another network, or before a direct path stood, may work now.</summary>
    public void Restart() => Count = 0;
}
