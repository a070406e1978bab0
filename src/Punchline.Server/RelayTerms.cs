namespace Punchline.Server;

/// <summary>How much of something may be relayed; null in place of a number: as much as comes.</summary>
/// <param name="BytesPerSecond">The rate, both directions together, in UDP payloads.</param>
/// <param name="BytesPerDay">The quota of 24 hours, which begin with its first byte.</param>
public readonly record struct RelayBound(long? BytesPerSecond, long? BytesPerDay)
{
    /// <summary>No bound.</summary>
    public static RelayBound None => default;

    /// <summary>So many times as much.</summary>
    /// <param name="factor">At least 1.</param>
    public RelayBound Times(int factor) => new(Multiply(BytesPerSecond, factor), Multiply(BytesPerDay, factor));

    private static long? Multiply(long? value, int factor) => value is null ? null : (long)Int128.Min((Int128)value.Value * factor, long.MaxValue);
}

/// <summary>How much application data a server relays for those that find no direct path (docs/wire/relay.md).</summary>
public sealed record RelayTerms
{
    /// <summary>A host may have so many times what a pair may: two friends at full speed.</summary>
    public const int PairsOfAHost = 2;

    /// <summary>And the whole server so many times in a second: some 400 Mbit/s of the usual 8, what a small VPS has.</summary>
    public const int PairsAtOnce = 50;

    /// <summary>Bounds that let people play and talk, and make nobody's server a carrier of films: the default.</summary>
    public static RelayTerms Limited { get; } = LimitedBy(new RelayBound(1_000_000, 10_000_000_000));

    /// <summary>No bounds.</summary>
    public static RelayTerms Unlimited { get; } = new();

    /// <summary>For a client's pairs with one host under one invite, one after the other.</summary>
    public RelayBound Pair { get; init; }

    /// <summary>For all pairs of a host.</summary>
    public RelayBound Host { get; init; }

    /// <summary>For all pairs of the server.</summary>
    public RelayBound Total { get; init; }

    /// <summary>True if there is any bound.</summary>
    public bool HasBounds => this != Unlimited;

    /// <summary>A pair's bound, and the usual multiples of it for a host and for the server, which has no quota.</summary>
    /// <param name="pair">The bound of a pair.</param>
    public static RelayTerms LimitedBy(RelayBound pair) =>
        new() { Pair = pair, Host = pair.Times(PairsOfAHost), Total = new RelayBound(pair.Times(PairsAtOnce).BytesPerSecond, null) };
}
