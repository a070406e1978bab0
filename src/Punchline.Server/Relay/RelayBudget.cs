using Punchline.Protocol;
using Punchline.Quic;

namespace Punchline.Server.Relay;

/// <summary>
/// What a client may have forwarded: an allowance for data if the server relays any, and a small one of bytes and datagrams that is for
/// handshakes and the coordination of punching, when there is no other. Spent by the UDP loop alone.
/// </summary>
internal sealed class RelayBudget
{
    private TokenBucket _bytes;
    private TokenBucket _datagrams;

    private RelayBudget(int pairs, Instant now, RelayTerms? terms)
    {
        _bytes = new TokenBucket(pairs * ServerLimits.PairBytesPerSecond, pairs * ServerLimits.PairBytesBurst, now);
        _datagrams = new TokenBucket(pairs * ServerLimits.PairDatagramsPerSecond, pairs * ServerLimits.PairDatagramsBurst, now);
        if (terms is not null)
            Data = new RelayAllowance(terms.Pair.Times(pairs), now);
    }

    /// <summary>For application data; null if the server relays none.</summary>
    public RelayAllowance? Data { get; }

    /// <summary>That of a client's pairs with one host under one invite, one after the other.</summary>
    public static RelayBudget ForPair(Instant now, RelayTerms? terms) => new(1, now, terms);

    /// <summary>That of all pairs of one client address, with whatever hosts.</summary>
    /// <param name="now">The time.</param>
    /// <param name="terms">What the server relays.</param>
    /// <param name="channels">As many channels may come from there; more than the usual of them have more to spend.</param>
    public static RelayBudget ForAddress(Instant now, RelayTerms? terms, int channels) => new(Math.Max(1, channels / ServerLimits.ChannelsPerPairBudget), now, terms);

    /// <summary>Takes a datagram's cost from the small allowance.</summary>
    public bool TrySpend(Instant now, int bytes) => _datagrams.TryTake(now) && _bytes.TryTake(now, bytes);
}
