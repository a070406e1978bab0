namespace Punchline.Testing;

/// <summary>What one direction of a simulated link does to datagrams.</summary>
public sealed record LinkProfile
{
    /// <summary>One way, before jitter.</summary>
    public TimeSpan Delay { get; init; } = TimeSpan.FromMilliseconds(10);

    /// <summary>Added to the delay of each datagram, drawn between zero and this: reorders.</summary>
    public TimeSpan Jitter { get; init; }

    /// <summary>The share of datagrams that vanish.</summary>
    public double Loss { get; init; }

    /// <summary>Losses in bursts beside <see cref="Loss"/>; null for none.</summary>
    public BurstLoss? Burst { get; init; }

    /// <summary>The share that arrives twice.</summary>
    public double Duplicate { get; init; }

    /// <summary>The share of which one byte arrives changed.</summary>
    public double Corrupt { get; init; }

    /// <summary>The share that is held back by four times the delay.</summary>
    public double Reorder { get; init; }

    /// <summary>Bytes a second; 0 is no limit.</summary>
    public long Rate { get; init; }

    /// <summary>Bytes that may wait for the rate; more are dropped.</summary>
    public int Queue { get; init; } = 256 * 1024;

    /// <summary>The largest UDP payload that passes; larger ones vanish.</summary>
    public int MaxPayload { get; init; } = 1472;

    /// <summary>Nothing passes.</summary>
    public bool IsCut { get; init; }
}
