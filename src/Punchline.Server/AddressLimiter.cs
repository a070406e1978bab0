using System.Net;
using Punchline.Protocol;
using Punchline.Quic;

namespace Punchline.Server;

/// <summary>Counts channels or connections for each IPv4 address or IPv6 /56, which is what one customer gets, and bounds how fast new ones come.</summary>
internal sealed class AddressLimiter(int max, double perSecond)
{
    private readonly Lock _lock = new();
    private readonly Dictionary<UdpAddress, Entry> _entries = [];

    /// <summary>Takes a place. Give it back with <see cref="Leave"/>.</summary>
    public bool TryEnter(Instant now, IPAddress address)
    {
        UdpAddress key = KeyOf(address);
        lock (_lock)
        {
            if (!_entries.TryGetValue(key, out Entry? entry))
                _entries[key] = entry = new Entry { Rate = new TokenBucket(perSecond, perSecond * ServerLimits.NewChannelsBurstFactor, now) };
            if (entry.Count >= max || !entry.Rate.TryTake(now))
                return false;
            entry.Count++;
            return true;
        }
    }

    public void Leave(IPAddress address)
    {
        lock (_lock)
        {
            if (_entries.TryGetValue(KeyOf(address), out Entry? entry))
                entry.Count--;
        }
    }

    /// <summary>Forgets addresses that hold nothing.</summary>
    public void Sweep(Instant now)
    {
        lock (_lock)
        {
            foreach ((UdpAddress key, Entry entry) in _entries)
            {
                if (entry.Count == 0 && entry.Rate.IsFull(now))
                    _entries.Remove(key);
            }
        }
    }

    /// <summary>What stands for all addresses of one customer.</summary>
    public static UdpAddress KeyOf(IPAddress address)
    {
        var whole = new UdpAddress(address, 0);
        if (!whole.IsIPv6)
            return whole;
        Span<byte> bytes = stackalloc byte[16];
        whole.WriteAddress(bytes);
        bytes[7..].Clear();
        return UdpAddress.FromBytes(bytes, 0, 0);
    }

    private sealed class Entry
    {
        public TokenBucket Rate;

        public int Count { get; set; }
    }
}
