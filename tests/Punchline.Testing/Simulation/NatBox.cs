using Punchline.Quic;

namespace Punchline.Testing;

/// <summary>
/// A NAT between the hosts behind it and the rest, by RFC 4787: which outside address a datagram gets, and which datagrams from
/// outside pass. It knows no time but the one that it is told, and draws only what its randomness gives.
/// <code>
///   inside 10.0.1.2:4000 --&gt; [mapping by destination] --&gt; outside 198.51.100.1:4000
///                        &lt;-- [filter by source]      &lt;--
/// </code>
/// </summary>
/// <param name="outside">The address that the rest sees; the port does not matter.</param>
/// <param name="behavior">How it behaves.</param>
/// <param name="random">Where random ports come from.</param>
public sealed class NatBox(UdpAddress outside, NatBehavior behavior, SeededRandomness random)
{
    /// <summary>The first port that is given out: below live services.</summary>
    private const int LowestPort = 1024;

    /// <summary>Mappings at once, as a small home router has them: a newcomer beyond them gets none.</summary>
    private const int MaxMappings = 1024;

    private readonly Dictionary<Key, Mapping> _byKey = [];
    private readonly Dictionary<ushort, Mapping> _byPort = [];
    private ushort _lastPort = LowestPort - 1;
    private bool _isRebound;

    private readonly record struct Key(UdpAddress Inside, UdpAddress Remote);

    private sealed class Mapping(Key key, ushort port)
    {
        internal Key Key => key;
        internal ushort Port => port;
        internal Instant UsedAt { get; set; }

        /// <summary>To whom a datagram went, as the filter tells them apart, and when.</summary>
        internal Dictionary<UdpAddress, Instant> Holes { get; } = [];
    }

    /// <summary>The address that the rest sees, with port 0.</summary>
    public UdpAddress Outside { get; private set; } = outside.WithPort(0);

    /// <summary>How it behaves.</summary>
    public NatBehavior Behavior => behavior;

    /// <summary>Mappings that it holds, dead ones that nobody has asked for included.</summary>
    public int MappingCount => _byPort.Count;

    /// <summary>A datagram leaves: makes or refreshes its mapping and the hole for the answer.</summary>
    /// <returns>False if there is no room for another mapping.</returns>
    public bool TryLeave(Instant now, UdpAddress inside, UdpAddress remote, out UdpAddress source)
    {
        var key = new Key(inside, Part(remote, behavior.Mapping));
        if (_byKey.TryGetValue(key, out Mapping? mapping) && !IsAlive(mapping, now))
        {
            Forget(mapping);
            mapping = null;
        }
        if (mapping is null && !TryMap(now, key, out mapping))
        {
            source = default;
            return false;
        }
        mapping!.UsedAt = now;
        mapping.Holes[Part(remote, behavior.Filtering)] = now;
        source = Outside.WithPort(mapping.Port);
        return true;
    }

    /// <summary>A datagram comes from outside.</summary>
    /// <returns>False if nobody is behind that port, or the filter does not let it pass.</returns>
    public bool TryEnter(Instant now, UdpAddress target, UdpAddress remote, out UdpAddress inside)
    {
        inside = default;
        if (!target.SameHost(Outside) || !_byPort.TryGetValue(target.Port, out Mapping? mapping) || !IsAlive(mapping, now))
            return false;
        inside = mapping.Key.Inside;
        return behavior.Filtering == NatDependence.Independent
            || (mapping.Holes.TryGetValue(Part(remote, behavior.Filtering), out Instant at) && now - at < behavior.Lifetime);
    }

    /// <summary>Forgets all mappings, as after a restart: what leaves next gets another port.</summary>
    public void Rebind()
    {
        // A preserving NAT would give the same port again, and nobody would notice: the old ones count as taken for good.
        _lastPort = (ushort)Math.Max(_lastPort, LowestPort + random.NextInt(20_000));
        _isRebound = true;
        _byKey.Clear();
        _byPort.Clear();
    }

    /// <summary>It gets another outside address, and forgets all mappings: the network is another one.</summary>
    public void Move(UdpAddress to)
    {
        Rebind();
        Outside = to.WithPort(0);
    }

    private bool IsAlive(Mapping mapping, Instant now) => now - mapping.UsedAt < behavior.Lifetime;

    private void Forget(Mapping mapping)
    {
        _byKey.Remove(mapping.Key);
        _byPort.Remove(mapping.Port);
    }

    private bool TryMap(Instant now, Key key, out Mapping? mapping)
    {
        mapping = null;
        if (_byPort.Count >= MaxMappings)
        {
            foreach (Mapping dead in _byPort.Values.Where(known => !IsAlive(known, now)).ToArray())
                Forget(dead);
            if (_byPort.Count >= MaxMappings)
                return false;
        }
        mapping = new Mapping(key, FreePort(now, key.Inside.Port));
        _byKey[key] = mapping;
        _byPort[mapping.Port] = mapping;
        return true;
    }

    private ushort FreePort(Instant now, ushort insidePort)
    {
        ushort port = behavior.Ports switch
        {
            NatPorts.Preserving when !_isRebound => insidePort,
            NatPorts.Random => (ushort)random.NextInt(LowestPort, ushort.MaxValue + 1),
            _ => Next(_lastPort),
        };
        while (_byPort.TryGetValue(port, out Mapping? taken))
        {
            if (!IsAlive(taken, now))
                Forget(taken);
            else
                port = Next(port);
        }
        return _lastPort = port;
    }

    private static ushort Next(ushort port) => port == ushort.MaxValue ? (ushort)LowestPort : (ushort)(port + 1);

    private static UdpAddress Part(UdpAddress remote, NatDependence dependence) => dependence switch
    {
        NatDependence.Independent => default,
        NatDependence.Address => remote.WithPort(0),
        _ => remote,
    };
}
