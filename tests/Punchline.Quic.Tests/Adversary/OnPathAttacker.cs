using Punchline.Quic.Crypto;
using Punchline.Quic.Tests.Simulation;
using Punchline.Quic.Wire;
using Punchline.Testing;

namespace Punchline.Quic.Tests.Adversary;

/// <summary>What an attacker on the path does to datagrams, or besides.</summary>
public enum Power
{
    Drop,
    Delay,
    Duplicate,
    ReplaySoon,
    ReplayLate,
    Splice,
    Random,
    Initial,
    VersionNegotiation,
    Retry,
    Reset,
    Truncate,
    Join,
    Split,
    FlipBit,
    SpoofCopy,
    SpoofAway,
    Reflect,
}

/// <summary>
/// Somebody who sees every datagram between two peers and does with them what a seed says: who has no keys but those of Initial
/// packets, which everybody can derive (RFC 9001 section 5.2), and reads nothing but what stands in clear.
/// </summary>
internal sealed class OnPathAttacker
{
    /// <summary>Datagrams that are remembered for later.</summary>
    private const int Remembered = 256;

    /// <summary>An attacker without an end would be a simulation without one.</summary>
    private const int MostInjected = 20_000;

    private static readonly Power[] Powers = Enum.GetValues<Power>();

    private readonly SimulatedNetwork _network;
    private readonly SeededRandomness _random;
    private readonly Dictionary<Power, double> _shares = [];
    private readonly List<Seen> _seen = [];
    private int _injected;

    /// <summary>The destination of the very first packet: what Initial keys derive from.</summary>
    private ConnectionId? _firstDestination;

    private readonly record struct Seen(UdpAddress From, UdpAddress To, byte[] Datagram);

    /// <summary>An attacker with some of the powers, each used on a share of the datagrams.</summary>
    internal OnPathAttacker(SimulatedNetwork network, ulong seed)
    {
        _network = network;
        _random = new SeededRandomness(seed).Fork(99);
        foreach (Power power in Powers)
        {
            if (_random.NextBool(0.4))
                _shares[power] = power is Power.Drop or Power.SpoofAway ? 0.3 * _random.NextDouble() : 0.5 * _random.NextDouble();
        }
    }

    /// <summary>An attacker with a single power, used on a share of the datagrams.</summary>
    internal OnPathAttacker(SimulatedNetwork network, ulong seed, Power power, double share)
    {
        _network = network;
        _random = new SeededRandomness(seed).Fork(99);
        _shares[power] = share;
    }

    /// <summary>False once the attacker has gone: everything passes, and only what was sent before still arrives.</summary>
    internal bool IsActive { get; set; } = true;

    /// <summary>In words, for a failing test.</summary>
    public override string ToString() => string.Join(", ", _shares.Select(entry => $"{entry.Key} {entry.Value:P0}"));

    /// <summary>Sees a datagram.</summary>
    /// <returns>True if it goes no further, at least not as it was.</returns>
    internal bool OnDatagram(UdpAddress from, UdpAddress to, ReadOnlyMemory<byte> datagram)
    {
        // Not on the way to those in whose name it sends: who is there as well can pass challenges on, and so prove any address
        // (RFC 9000 section 8.2.3 takes the answer from anywhere).
        if (!IsActive || IsSomebody(to))
            return false;
        var seen = new Seen(from, to, datagram.ToArray());
        if (_seen.Count < Remembered)
            _seen.Add(seen);
        else
            _seen[_random.NextInt(Remembered)] = seen;
        bool taken = false;
        foreach (Power power in Powers)
        {
            if (_shares.TryGetValue(power, out double share) && _random.NextBool(share))
                taken |= Use(power, seen);
        }
        return taken;
    }

    /// <returns>True if the datagram itself is taken away.</returns>
    private bool Use(Power power, Seen seen)
    {
        (UdpAddress from, UdpAddress to, byte[] datagram) = seen;
        switch (power)
        {
            case Power.Drop:
                return true;
            case Power.Delay:
                Send(from, to, datagram, Milliseconds(1, 1500));
                return true;
            case Power.Duplicate:
                Send(from, to, datagram, Milliseconds(1, 60));
                Send(from, to, datagram, Milliseconds(1, 60));
                return false;
            case Power.ReplaySoon:
                Replay(Milliseconds(1, 500));
                return false;
            case Power.ReplayLate:
                Replay(Milliseconds(5_000, 30_000));
                return false;
            case Power.Splice:
                Splice(seen);
                return false;
            case Power.Random:
                Send(from, to, Noise(datagram), Milliseconds(1, 50));
                return false;
            case Power.Initial:
                Send(from, to, ForgedInitial(datagram), Milliseconds(1, 50));
                return false;
            case Power.VersionNegotiation:
                Send(to, from, VersionNegotiation(datagram), Milliseconds(1, 30));
                return false;
            case Power.Retry:
                Send(to, from, Retry(datagram), Milliseconds(1, 30));
                return false;
            case Power.Reset:
                Send(from, to, Reset(), Milliseconds(1, 50));
                return false;
            case Power.Truncate:
                Send(from, to, datagram.AsSpan(0, _random.NextInt(datagram.Length)), Milliseconds(1, 50));
                return _random.NextBool(0.3);
            case Power.Join:
                Send(from, to, [.. datagram, .. _seen[_random.NextInt(_seen.Count)].Datagram], Milliseconds(1, 50));
                return true;
            case Power.Split:
                int cut = _random.NextInt(datagram.Length);
                Send(from, to, datagram.AsSpan(0, cut), Milliseconds(1, 50));
                Send(from, to, datagram.AsSpan(cut), Milliseconds(1, 50));
                return _random.NextBool(0.3);
            case Power.FlipBit:
                datagram[_random.NextInt(datagram.Length)] ^= (byte)(1 << _random.NextInt(8));
                Send(from, to, datagram, Milliseconds(1, 50));
                return _random.NextBool(0.5);
            case Power.SpoofCopy:
                // Faster than the original: the copy is the one that counts.
                Send(Somebody(), to, datagram, TimeSpan.FromMilliseconds(1));
                return false;
            case Power.SpoofAway:
                Send(Somebody(), to, datagram, Milliseconds(1, 50));
                return true;
            default:
                Send(to, from, datagram, Milliseconds(1, 50));
                return false;
        }
    }

    /// <summary>A datagram of before once more: of any connection, in either direction.</summary>
    private void Replay(TimeSpan after)
    {
        Seen old = _seen[_random.NextInt(_seen.Count)];
        Send(_random.NextBool(0.2) ? Somebody() : old.From, old.To, old.Datagram, after);
    }

    /// <summary>The beginning of one datagram, its connection id included, before the rest of another one.</summary>
    private void Splice(Seen seen)
    {
        byte[] other = _seen[_random.NextInt(_seen.Count)].Datagram;
        int at = Math.Min(1 + _random.NextInt(40), Math.Min(seen.Datagram.Length, other.Length));
        Send(seen.From, seen.To, [.. seen.Datagram[..at], .. other[at..]], Milliseconds(1, 50));
    }

    private byte[] Noise(ReadOnlySpan<byte> seen)
    {
        var noise = new byte[_random.NextInt(1, 1500)];
        _random.FillPublic(noise);
        // Behind a header that was seen it goes further.
        if (_random.NextBool(0.7))
            seen[..Math.Min(noise.Length, Math.Min(seen.Length, _random.NextInt(1, 60)))].CopyTo(noise);
        return noise;
    }

    /// <summary>An Initial packet that authenticates: its keys follow from a connection id that stands in clear.</summary>
    private byte[] ForgedInitial(ReadOnlySpan<byte> seen)
    {
        if (!PacketHeader.TryRead(seen, ConnectionIdFactory.Length, out PacketHeader header))
            return Noise(seen);
        bool asClient = _random.NextBool(0.5);
        ReadOnlySpan<byte> frames = _random.NextInt(4) switch
        {
            0 => [0x1c, 0x0a, 0x00, 0x00], // CONNECTION_CLOSE
            1 => [0x06, 0x00, 0x04, 0x01, 0x00, 0x00, 0x00], // CRYPTO with a ClientHello without content
            2 => [0x02, 0x3f, 0x00, 0x00, 0x00], // ACK of what was never sent
            _ => [0x01, 0x08, 0x00], // PING, STREAM
        };
        ConnectionId first = _firstDestination ??= header.Destination;
        ConnectionId keysOf = _random.NextBool(0.7) ? first : header.Destination;
        return Packets.Initial(keysOf, asClient, header.Destination, header.Source, (ulong)_random.NextInt(8), frames, asClient ? 1200 : 0);
    }

    private static byte[] VersionNegotiation(ReadOnlySpan<byte> seen)
    {
        if (!PacketHeader.TryRead(seen, ConnectionIdFactory.Length, out PacketHeader header))
            return [0x80];
        var packet = new byte[64];
        return packet[..VersionNegotiationPacket.Write(packet, header.SourceSpan, header.DestinationSpan, [0x0a1a2a3a], 0)];
    }

    private byte[] Retry(ReadOnlySpan<byte> seen)
    {
        if (!PacketHeader.TryRead(seen, ConnectionIdFactory.Length, out PacketHeader header))
            return [0xf0];
        Span<byte> id = stackalloc byte[8];
        _random.FillPublic(id);
        var packet = new byte[200];
        return packet[..RetryPacket.Write(packet, header.Source, new ConnectionId(id), "a token"u8, header.Destination)];
    }

    /// <summary>Looks like any stateless reset, but the token is not known to who has no keys.</summary>
    private byte[] Reset()
    {
        var reset = new byte[_random.NextInt(21, 60)];
        _random.FillPublic(reset);
        reset[0] = (byte)(0x40 | (reset[0] & 0x3f));
        return reset;
    }

    /// <summary>One of a few source addresses at which nobody is: whoever answers there hits a victim.</summary>
    private UdpAddress Somebody() => UdpAddress.FromBytes([203, 0, 113, (byte)(1 + _random.NextInt(20))], 0, (ushort)(2000 + _random.NextInt(3)));

    private static bool IsSomebody(UdpAddress address) => address.SamePrefix(UdpAddress.FromBytes([203, 0, 113, 0], 0, 0), 24);

    private TimeSpan Milliseconds(int from, int to) => TimeSpan.FromMilliseconds(_random.NextInt(from, to));

    private void Send(UdpAddress from, UdpAddress to, ReadOnlySpan<byte> datagram, TimeSpan after)
    {
        if (_injected++ < MostInjected)
            _network.Inject(from, to, datagram, after);
    }
}
