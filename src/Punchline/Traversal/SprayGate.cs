using Punchline.Quic;

namespace Punchline.Traversal;

/// <summary>Birthday attempts of this process: one at a time, and a pause between. Driver thread only.</summary>
/// <param name="isAllowed">False: none at all (<c>--no-spray</c>).</param>
internal sealed class SprayGate(bool isAllowed)
{
    private object? _holder;

    /// <summary>False: no attempt is ever let in.</summary>
    public bool IsAllowed { get; } = isAllowed;

    /// <summary>When the next attempt may begin, as far as is known; one that runs may end sooner than that or later.</summary>
    public Instant FreeAt { get; private set; } = Instant.Zero;

    /// <summary>Lets an attempt in.</summary>
    /// <returns>False if another one runs, or the last one was just now.</returns>
    public bool TryEnter(object attempt, Instant now)
    {
        if (!IsAllowed || _holder is not null || now < FreeAt)
            return false;
        _holder = attempt;
        FreeAt = now + TraversalLimits.SprayPause;
        return true;
    }

    /// <summary>The attempt is over. Whoever is not in changes nothing.</summary>
    /// <param name="attempt">Who was let in.</param>
    /// <param name="now">The time.</param>
    /// <param name="sprayed">False if nothing left: the next one need not wait.</param>
    public void Leave(object attempt, Instant now, bool sprayed)
    {
        if (!ReferenceEquals(_holder, attempt))
            return;
        _holder = null;
        FreeAt = sprayed ? now + TraversalLimits.SprayPause : now;
    }
}
