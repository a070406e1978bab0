using Punchline.Protocol;
using Punchline.Quic;

namespace Punchline.Server.Relay;

/// <summary>
/// What may be relayed of application data: a rate, and a quota that is whole again a day after its first byte. The UDP loop alone spends.
/// </summary>
internal sealed class RelayAllowance
{
    private readonly RelayBound _bound;
    private TokenBucket _rate;
    private long _used;

    public RelayAllowance(RelayBound bound, Instant now)
    {
        _bound = bound;
        if (bound.BytesPerSecond is { } rate)
            _rate = new TokenBucket(rate, ServerLimits.RelayBurst + (rate * ServerLimits.RelayBurstTime.TotalSeconds), now);
    }

    /// <summary>When a quota that was begun is whole again.</summary>
    public Instant WholeAt { get; private set; }

    /// <summary>Bytes that may pass now.</summary>
    public long Room(Instant now) => Math.Min(RateRoom(now), QuotaRoom(now));

    /// <summary>Bytes that the rate lets pass now.</summary>
    public long RateRoom(Instant now) => _bound.BytesPerSecond is null ? long.MaxValue : (long)_rate.Available(now);

    /// <summary>Bytes that are left of the quota.</summary>
    public long QuotaRoom(Instant now)
    {
        if (_bound.BytesPerDay is not { } quota)
            return long.MaxValue;
        if (now >= WholeAt)
            _used = 0;
        return quota - _used;
    }

    /// <summary>Takes bytes that <see cref="Room"/> has found.</summary>
    public void Take(Instant now, long bytes)
    {
        if (_bound.BytesPerSecond is not null)
            _rate.Take(bytes);
        if (_bound.BytesPerDay is null)
            return;
        if (_used == 0)
            WholeAt = now + ServerLimits.QuotaTime;
        _used += bytes;
    }
}
