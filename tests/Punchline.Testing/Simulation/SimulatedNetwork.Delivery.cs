using Punchline.Quic;

namespace Punchline.Testing;

/// <content>What becomes of a datagram: its link, the NATs at both ends, relays.</content>
public sealed partial class SimulatedNetwork
{
    private readonly Dictionary<(UdpAddress From, UdpAddress To), Link> _links = [];
    private readonly Dictionary<UdpAddress, UdpAddress> _mappings = [];
    private readonly Dictionary<UdpAddress, UdpAddress> _inside = [];
    private readonly Dictionary<UdpAddress, NatBox> _behind = [];
    private readonly List<NatBox> _nats = [];
    private readonly List<SimulatedRelay> _relays = [];

    /// <summary>A datagram on its way.</summary>
    /// <param name="From">Its source as the other side will see it.</param>
    /// <param name="To">Whereto its sender addressed it.</param>
    /// <param name="Datagram">Its bytes.</param>
    /// <param name="Nat">The NAT that its sender is behind, if any.</param>
    private readonly record struct Delivery(UdpAddress From, UdpAddress To, byte[] Datagram, NatBox? Nat);

    private sealed class Link(LinkProfile profile)
    {
        internal LinkProfile Profile { get; set; } = profile;
        internal RateQueue Queue { get; } = new();
        internal BurstState Burst { get; } = new();
    }

    /// <summary>Datagrams that the network lost, by its own fate or at a NAT.</summary>
    public long Lost { get; private set; }

    /// <summary>
    /// Sets what happens from one address to another. With port 0 at both, what happens from one host to another, for all ports
    /// that have no link of their own; a host behind a NAT then is its NAT's outside address.
    /// </summary>
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

    /// <summary>Puts a host behind a NAT.</summary>
    public void Place(UdpAddress inside, NatBox nat)
    {
        _behind[inside.WithPort(0)] = nat;
        if (!_nats.Contains(nat))
            _nats.Add(nat);
    }

    /// <summary>Adds a relay.</summary>
    public void Add(SimulatedRelay relay) => _relays.Add(relay);

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
        NatBox? nat = NatOf(source);
        UdpAddress seenAs = source;
        if (nat is not null && nat != NatOf(target) && !nat.TryLeave(Now, source, target, out seenAs))
        {
            Lose($"no mapping {source}>{target}", copy.Length);
            return;
        }
        Launch(LinkBetween(source, target, nat), seenAs, target, copy, nat, Now);
    }

    private NatBox? NatOf(UdpAddress address) => _behind.Count == 0 ? null : _behind.GetValueOrDefault(address.WithPort(0));

    private Link LinkBetween(UdpAddress source, UdpAddress target, NatBox? nat)
    {
        if (_links.TryGetValue((source, target), out Link? link)
            || _links.TryGetValue((nat?.Outside ?? source.WithPort(0), target.WithPort(0)), out link))
            return link;
        return _links[(source, target)] = new Link(Default);
    }

    /// <summary>What a link does to one datagram.</summary>
    private void Launch(Link link, UdpAddress source, UdpAddress target, byte[] datagram, NatBox? nat, Instant at)
    {
        LinkProfile profile = link.Profile;
        if (profile.IsCut || datagram.Length > profile.MaxPayload || _random.NextBool(profile.Loss)
            || (profile.Burst is { } burst && link.Burst.Loses(burst, at, _random)))
        {
            Lose($"lost {source}>{target}", datagram.Length);
            return;
        }
        if (!link.Queue.TryPass(at, datagram.Length, profile.Rate, profile.Queue, out Instant leaves))
        {
            Lose($"queue full {source}>{target}", datagram.Length);
            return;
        }
        if (_random.NextBool(profile.Corrupt) && datagram.Length > 0)
            datagram[_random.NextInt(datagram.Length)] ^= (byte)(1 << _random.NextInt(8));
        int copies = _random.NextBool(profile.Duplicate) ? 2 : 1;
        for (int i = 0; i < copies; i++)
        {
            TimeSpan delay = profile.Delay + (profile.Jitter * _random.NextDouble());
            if (_random.NextBool(profile.Reorder))
                delay += 4 * profile.Delay;
            _flying.Enqueue(new Delivery(source, target, i == 0 ? datagram : [.. datagram], nat), ((leaves + delay).Ticks, _order++));
        }
    }

    private void Deliver(in Delivery delivery)
    {
        foreach (SimulatedRelay relay in _relays)
        {
            if (relay.Owns(delivery.To))
            {
                Forward(relay, delivery);
                return;
            }
        }
        if (!TryEnter(delivery, out UdpAddress to))
        {
            Lose($"closed {delivery.From}>{delivery.To}", delivery.Datagram.Length);
            return;
        }
        UdpAddress from = _mappings.GetValueOrDefault(delivery.From, delivery.From);
        foreach (SimulatedPeer peer in _peers)
        {
            if (!peer.Owns(to))
                continue;
            Arrived?.Invoke(from, to, delivery.Datagram.Length);
            peer.Receive(to, from, delivery.Datagram);
        }
    }

    private void Forward(SimulatedRelay relay, in Delivery delivery)
    {
        if (relay.TryForward(Now, delivery.To, delivery.From, delivery.Datagram.Length, out UdpAddress source, out UdpAddress target, out Instant leaves))
            Launch(LinkBetween(source, target, null), source, target, delivery.Datagram, null, leaves);
        else if (delivery.Datagram.Length > 0)
            Lose($"not forwarded {delivery.From}>{delivery.To}", delivery.Datagram.Length);
    }

    /// <summary>Whether a datagram passes the NAT of its receiver, and where it then goes.</summary>
    private bool TryEnter(in Delivery delivery, out UdpAddress to)
    {
        // An address that was rebound is known by its new outside alone.
        to = _inside.GetValueOrDefault(delivery.To, delivery.To);
        if (to == delivery.To && _mappings.ContainsKey(to))
            return false;
        foreach (NatBox nat in _nats)
        {
            if (delivery.To.SameHost(nat.Outside))
                return (delivery.Nat != nat || nat.Behavior.Hairpins) && nat.TryEnter(Now, delivery.To, delivery.From, out to);
        }
        // An address behind a NAT means something there alone.
        return NatOf(delivery.To) is not { } around || delivery.Nat == around;
    }

    private void Lose(string what, int length)
    {
        Lost++;
        Log.Add(Now, $"{what} {length}");
    }
}
