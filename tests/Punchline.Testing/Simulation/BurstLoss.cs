using Punchline.Quic;

namespace Punchline.Testing;

/// <summary>
/// Loss in bursts, the chain of Gilbert (1960) and Elliott (1963) in continuous time: a link is good or bad, each for a random
/// time with the given mean, and loses by its state. So an idle link recovers as well as a busy one.
/// </summary>
public sealed record BurstLoss
{
    /// <summary>How long it stays good on average.</summary>
    public TimeSpan Good { get; init; } = TimeSpan.FromSeconds(1);

    /// <summary>How long it stays bad on average.</summary>
    public TimeSpan Bad { get; init; } = TimeSpan.FromMilliseconds(50);

    /// <summary>The share of datagrams that vanish while it is bad.</summary>
    public double LossWhenBad { get; init; } = 1;
}

/// <summary>Where one link stands in its <see cref="BurstLoss"/>.</summary>
internal sealed class BurstState
{
    /// <summary>Beyond so many mean good times of silence the chain has forgotten where it was, and begins anew.</summary>
    private const int Forgotten = 8;

    private bool _isBad;
    private Instant _until;

    /// <summary>True if a datagram that is sent now vanishes.</summary>
    internal bool Loses(BurstLoss loss, Instant now, SeededRandomness random)
    {
        if (now - _until > Forgotten * loss.Good)
            (_isBad, _until) = (false, now + Draw(loss.Good, random));
        while (_until <= now)
        {
            _isBad = !_isBad;
            _until += Draw(_isBad ? loss.Bad : loss.Good, random);
        }
        return _isBad && random.NextBool(loss.LossWhenBad);
    }

    /// <summary>An exponentially distributed time, at least a microsecond so that the chain moves on.</summary>
    private static TimeSpan Draw(TimeSpan mean, SeededRandomness random) =>
        TimeSpan.FromTicks(Math.Max(10, (long)(mean.Ticks * -Math.Log(1 - random.NextDouble()))));
}
