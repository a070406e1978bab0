using Punchline.Quic;

namespace Punchline.Testing;

/// <summary>
/// A network in virtual time: datagrams are delayed, lost, doubled, altered and reordered as a seed says. Nothing sleeps:
/// time jumps to the next thing that happens. The same seed makes the same run, event for event.
/// </summary>
public sealed class SimulatedNetwork
{
    /// <summary>Steps without time passing before a run counts as stuck.</summary>
    private const int MaxStepsAtInstant = 10_000;

    private readonly SeededRandomness _random;
    private readonly PriorityQueue<Delivery, (long At, long Order)> _flying = new();
    private readonly List<SimulatedPeer> _peers = [];
    private readonly Dictionary<(UdpAddress From, UdpAddress To), Link> _links = [];
    private readonly Dictionary<UdpAddress, UdpAddress> _mappings = [];
    private readonly Dictionary<UdpAddress, UdpAddress> _inside = [];
    private long _order;
    private int _stepsAtInstant;

    private readonly record struct Delivery(UdpAddress From, UdpAddress To, byte[] Datagram);

    private sealed class Link(LinkProfile profile)
    {
        internal LinkProfile Profile { get; set; } = profile;
        internal Instant FreeAt { get; set; }
    }

    /// <summary>An empty network.</summary>
    public SimulatedNetwork(ulong seed) => _random = new SeededRandomness(seed);

    /// <summary>The time; it starts at one second, so that nothing mistakes zero for a time.</summary>
    public Instant Now { get; private set; } = Instant.Zero + TimeSpan.FromSeconds(1);

    /// <summary>Everything that happened, in order.</summary>
    public EventLog Log { get; } = new();

    /// <summary>Seeded randomness for what belongs to the network.</summary>
    public SeededRandomness Random => _random;

    /// <summary>What links do that were not set.</summary>
    public LinkProfile Default { get; set; } = new();

    /// <summary>Is asked about each datagram before the link is: true drops it. For tests that aim at one packet.</summary>
    public Func<SimulatedPeer, ReadOnlyMemory<byte>, bool>? DropFilter { get; set; }

    /// <summary>Sees where each datagram goes, and its length.</summary>
    public Action<UdpAddress, int>? Watch { get; set; }

    /// <summary>Who stands on the way: sees each datagram that a peer sends, with its source and target; true takes it away.</summary>
    public Func<UdpAddress, UdpAddress, ReadOnlyMemory<byte>, bool>? OnTheWay { get; set; }

    /// <summary>Sees each datagram that reaches a peer: whence, whither, and its length.</summary>
    public Action<UdpAddress, UdpAddress, int>? Arrived { get; set; }

    /// <summary>Datagrams handed to the network so far.</summary>
    public long Sent { get; private set; }

    /// <summary>Adds a peer.</summary>
    public void Add(SimulatedPeer peer) => _peers.Add(peer);

    /// <summary>Sets what happens from one address to another.</summary>
    public void SetLink(UdpAddress from, UdpAddress to, LinkProfile profile)
    {
        if (_links.TryGetValue((from, to), out Link? link))
            link.Profile = profile;
        else
            _links[(from, to)] = new Link(profile);
    }

    /// <summary>Sets what happens both ways.</summary>
    public void SetBoth(UdpAddress one, UdpAddress other, LinkProfile profile)
    {
        SetLink(one, other, profile);
        SetLink(other, one, profile);
    }

    /// <summary>A NAT in front of an address changes its mapping: outside it is seen under another one, and the old one is dead.</summary>
    public void Rebind(UdpAddress inside, UdpAddress outside, LinkProfile profile)
    {
        if (_mappings.Remove(inside, out UdpAddress old))
            _inside.Remove(old);
        _mappings[inside] = outside;
        _inside[outside] = inside;
        foreach (((UdpAddress from, UdpAddress to) _, Link link) in _links.Where(entry => entry.Key.From == inside || entry.Key.To == inside))
            link.Profile = profile;
        Log.Add(Now, $"rebind {inside} as {outside}");
    }

    /// <summary>A peer sends a datagram.</summary>
    public void Send(SimulatedPeer from, UdpAddress source, UdpAddress target, ReadOnlySpan<byte> datagram)
    {
        Sent++;
        Watch?.Invoke(target, datagram.Length);
        byte[] copy = datagram.ToArray();
        if (OnTheWay?.Invoke(source, target, copy) == true)
            return;
        if (DropFilter?.Invoke(from, copy) == true)
        {
            Log.Add(Now, $"filtered {source}>{target} {copy.Length}");
            return;
        }
        if (!_links.TryGetValue((source, target), out Link? link))
            _links[(source, target)] = link = new Link(Default);
        LinkProfile profile = link.Profile;
        if (profile.IsCut || copy.Length > profile.MaxPayload || _random.NextBool(profile.Loss))
        {
            Log.Add(Now, $"lost {source}>{target} {copy.Length}");
            return;
        }
        Instant leaves = Now;
        if (profile.Rate > 0)
        {
            Instant free = Instant.Max(link.FreeAt, Now);
            if ((free - Now).TotalSeconds * profile.Rate > profile.Queue)
            {
                Log.Add(Now, $"queue full {source}>{target} {copy.Length}");
                return;
            }
            leaves = free + TimeSpan.FromSeconds((double)copy.Length / profile.Rate);
            link.FreeAt = leaves;
        }
        if (_random.NextBool(profile.Corrupt) && copy.Length > 0)
            copy[_random.NextInt(copy.Length)] ^= (byte)(1 << _random.NextInt(8));
        int copies = _random.NextBool(profile.Duplicate) ? 2 : 1;
        for (int i = 0; i < copies; i++)
        {
            TimeSpan delay = profile.Delay + (profile.Jitter * _random.NextDouble());
            if (_random.NextBool(profile.Reorder))
                delay += 4 * profile.Delay;
            _flying.Enqueue(new Delivery(source, target, i == 0 ? copy : [.. copy]), ((leaves + delay).Ticks, _order++));
        }
    }

    /// <summary>Somebody sends a datagram under a source address of their choice; no link delays or loses it.</summary>
    public void Inject(UdpAddress source, UdpAddress target, ReadOnlySpan<byte> datagram, TimeSpan after) =>
        _flying.Enqueue(new Delivery(source, target, datagram.ToArray()), ((Now + after).Ticks, _order++));

    /// <summary>Runs until a condition holds, nothing more can happen, or the time is over.</summary>
    /// <returns>True if the condition holds.</returns>
    public bool RunUntil(Func<bool> condition, TimeSpan limit)
    {
        Instant end = Now + limit;
        while (!condition())
        {
            if (!Step(end))
                return condition();
        }
        return true;
    }

    /// <summary>Lets time pass.</summary>
    public void RunFor(TimeSpan time)
    {
        Instant end = Now + time;
        while (Step(end))
        {
        }
        Now = Instant.Max(Now, end);
    }

    private bool Step(Instant end)
    {
        foreach (SimulatedPeer peer in _peers)
            peer.Flush();
        Instant next = _flying.TryPeek(out _, out (long At, long Order) first) ? new Instant(first.At) : Instant.Never;
        foreach (SimulatedPeer peer in _peers)
            next = Instant.Min(next, peer.NextTimeout);
        if (!next.IsSet || next > end)
            return false;
        _stepsAtInstant = next <= Now ? _stepsAtInstant + 1 : 0;
        if (_stepsAtInstant > MaxStepsAtInstant)
            throw new InvalidOperationException($"time stands still: a deadline that has passed is not acted on\n{Log.Tail}");
        Now = Instant.Max(Now, next);
        while (_flying.TryPeek(out _, out (long At, long Order) due) && due.At <= Now.Ticks)
        {
            Delivery delivery = _flying.Dequeue();
            // A rebound address is known by its new outside alone.
            UdpAddress to = _inside.TryGetValue(delivery.To, out UdpAddress inside) ? inside : delivery.To;
            if (to == delivery.To && _mappings.ContainsKey(to))
                continue;
            UdpAddress from = _mappings.GetValueOrDefault(delivery.From, delivery.From);
            foreach (SimulatedPeer peer in _peers)
            {
                if (!peer.Owns(to))
                    continue;
                Arrived?.Invoke(from, to, delivery.Datagram.Length);
                peer.Receive(to, from, delivery.Datagram);
            }
        }
        foreach (SimulatedPeer peer in _peers)
            peer.OnTimeout();
        foreach (SimulatedPeer peer in _peers)
            peer.Flush();
        return true;
    }
}
