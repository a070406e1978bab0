using Punchline.Quic;

namespace Punchline.Protocol;

/// <summary>A rate limit: holds up to a burst, refills steadily. A plain value, for whoever owns it; time is handed in.</summary>
internal struct TokenBucket
{
    private readonly double _burst;
    private readonly double _ticksPerToken;
    private double _tokens;
    private Instant _last;

    /// <param name="perSecond">Tokens that come back in a second.</param>
    /// <param name="burst">Tokens at the start and at most.</param>
    /// <param name="now">The time.</param>
    public TokenBucket(double perSecond, double burst, Instant now)
    {
        _burst = burst;
        _ticksPerToken = TimeSpan.TicksPerSecond / perSecond;
        _tokens = burst;
        _last = now;
    }

    /// <summary>True if nothing was taken for so long that it is full again: forgetting it changes nothing.</summary>
    public readonly bool IsFull(Instant now) => _tokens + (now - _last).Ticks / _ticksPerToken >= _burst;

    /// <summary>Takes tokens if they are there.</summary>
    public bool TryTake(Instant now, double count = 1)
    {
        if (Available(now) < count)
            return false;
        Take(count);
        return true;
    }

    /// <summary>The tokens that are there.</summary>
    public double Available(Instant now)
    {
        if (now > _last)
        {
            _tokens = Math.Min(_burst, _tokens + (now - _last).Ticks / _ticksPerToken);
            _last = now;
        }
        return _tokens;
    }

    /// <summary>Takes tokens that <see cref="Available"/> has found.</summary>
    public void Take(double count) => _tokens -= count;
}
