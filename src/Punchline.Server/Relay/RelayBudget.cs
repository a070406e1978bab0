using Punchline.Protocol;
using Punchline.Quic;

namespace Punchline.Server.Relay;

/// <summary>What may be forwarded: bytes and datagrams at once and in a second. Spent by the UDP loop alone.</summary>
internal sealed class RelayBudget
{
    private TokenBucket _bytes;
    private TokenBucket _datagrams;

    private RelayBudget(double pairs, Instant now)
    {
        _bytes = new TokenBucket(pairs * ServerLimits.PairBytesPerSecond, pairs * ServerLimits.PairBytesBurst, now);
        _datagrams = new TokenBucket(pairs * ServerLimits.PairDatagramsPerSecond, pairs * ServerLimits.PairDatagramsBurst, now);
    }

    /// <summary>That of a client's pairs with one host under one invite, one after the other.</summary>
    public static RelayBudget ForPair(Instant now) => new(1, now);

    /// <summary>That of all pairs of one client address, with whatever hosts.</summary>
    /// <param name="now">The time.</param>
    /// <param name="channels">As many channels may come from there; more than the usual of them have more to spend.</param>
    public static RelayBudget ForAddress(Instant now, int channels) => new(Math.Max(1, channels / ServerLimits.ChannelsPerPairBudget), now);

    /// <summary>Takes a datagram's cost.</summary>
    public bool TrySpend(Instant now, int bytes) => _datagrams.TryTake(now) && _bytes.TryTake(now, bytes);
}
