using Punchline.Testing;

namespace Punchline.Quic.Tests.Scenarios;

/// <summary>Who is where on the network of a scenario: addresses, NATs, relay, legs; and what owners of peers do about candidates.</summary>
internal sealed class Places
{
    private const ushort Port = 4_000;

    private static readonly UdpAddress RelayAddress = Address(203, 0, 113, 9).WithPort(3_478);

    private readonly Scenario _scenario;
    private readonly SimulatedNetwork _network;
    private readonly SimulatedPeer _client;
    private readonly SimulatedPeer _host;
    private readonly NatBox? _hostNat;
    private readonly Dictionary<SimulatedPeer, (QuicConnection Connection, UdpAddress Reflexive)> _offered = [];
    private readonly LinkProfile[] _legs;
    private int _moves;
    private bool _isOffering;

    internal Places(Scenario scenario, SimulatedNetwork network, SimulatedPeer client, SimulatedPeer host)
    {
        (_scenario, _network, _client, _host) = (scenario, network, client, host);
        _legs = [scenario.ClientLeg, scenario.HostLeg, scenario.DirectLeg];
        SeededRandomness random = new SeededRandomness(scenario.Seed).Fork(78);
        ClientAddress = Address(10, 0, 1, 2).WithPort(Port);
        ClientNat = new NatBox(Address(198, 51, 100, 1), scenario.ClientNat, random.Fork(1));
        network.Place(ClientAddress, ClientNat);
        if (scenario.IsPlain)
        {
            HostAddress = Address(198, 51, 100, 2).WithPort(Port);
        }
        else
        {
            HostAddress = (scenario.SharesNat ? Address(10, 0, 1, 3) : Address(10, 0, 2, 2)).WithPort(Port);
            _hostNat = scenario.SharesNat ? ClientNat : new NatBox(Address(198, 51, 100, 2), scenario.HostNat, random.Fork(2));
            network.Place(HostAddress, _hostNat);
            Relay = new SimulatedRelay(RelayAddress, RelayAddress.WithPort(3_479), scenario.RelayRate);
            network.Add(Relay);
            client.AddRelay(Relay.One);
            host.AddRelay(Relay.Other);
        }
        client.AddAddress(ClientAddress);
        host.AddAddress(HostAddress);
        SetLinks();
    }

    internal UdpAddress ClientAddress { get; }

    internal UdpAddress HostAddress { get; }

    internal NatBox ClientNat { get; }

    internal SimulatedRelay? Relay { get; }

    /// <summary>The NAT of a side; null where there is none.</summary>
    internal NatBox? NatOf(bool client) => client ? ClientNat : _hostNat;

    /// <summary>Where the handshake goes.</summary>
    internal UdpAddress ServerFor(SimulatedPeer peer) => Relay is null ? HostAddress : peer == _client ? Relay.One : Relay.Other;

    /// <summary>Changes a leg: 0 the client's, 1 the host's, 2 the direct one.</summary>
    internal void SetLeg(int leg, LinkProfile profile)
    {
        _legs[leg] = profile;
        SetLinks();
    }

    internal LinkProfile Leg(int leg) => _legs[leg];

    /// <summary>All legs lose nothing any more; what is their nature (delay, rate, size) stays.</summary>
    internal void Heal()
    {
        for (int i = 0; i < _legs.Length; i++)
            _legs[i] = _legs[i] with { Loss = 0, Burst = null, Corrupt = 0, IsCut = false };
        if (Relay is not null)
            Relay.IsDown = false;
        SetLinks();
    }

    /// <summary>A side is in another network: its NAT has another address.</summary>
    internal void Move(bool client)
    {
        NatOf(client)?.Move(Address(198, 51, 100, (byte)(10 + (++_moves % 200))));
        SetLinks();
    }

    internal void OnEstablished(SimulatedPeer peer, QuicConnection connection)
    {
        _offered[peer] = (connection, default);
        if (_scenario.OfferAt is not { } at)
            return;
        UdpAddress own = peer == _client ? ClientAddress : HostAddress;
        _network.Schedule(_network.Now + at, () =>
        {
            if (!connection.IsOpen || _offered[peer].Connection != connection)
                return;
            connection.AddLocalCandidate(new Candidate(own, CandidateKind.Host));
            OfferReflexive(peer);
            _isOffering = true;
        });
    }

    /// <summary>Each side says to the relay where it is.</summary>
    internal void Greet()
    {
        foreach (SimulatedPeer peer in new[] { _client, _host })
        {
            if (peer.IsDead || peer.IsAsleep)
                continue;
            _network.Send(peer, peer == _client ? ClientAddress : HostAddress, ServerFor(peer), []);
            if (_isOffering)
                OfferReflexive(peer);
        }
    }

    /// <summary>A candidate of the peer's: there is one way to it.</summary>
    internal void TryCandidate(SimulatedPeer peer, QuicConnection connection, UdpAddress candidate) =>
        connection.TryAddPath(peer.Now, peer.PathTo(peer == _client ? ClientAddress : HostAddress, candidate));

    /// <summary>What the relay sees is what the peer may be reached at; a new one takes the old one's place.</summary>
    private void OfferReflexive(SimulatedPeer peer)
    {
        if (!_offered.TryGetValue(peer, out (QuicConnection Connection, UdpAddress Reflexive) offered) || !offered.Connection.IsOpen)
            return;
        UdpAddress seen = Relay!.SeenAt(ServerFor(peer));
        if (seen.IsNone || seen == offered.Reflexive)
            return;
        if (!offered.Reflexive.IsNone)
            offered.Connection.RemoveLocalCandidate(offered.Reflexive);
        offered.Connection.AddLocalCandidate(new Candidate(seen, CandidateKind.ServerReflexive));
        _offered[peer] = (offered.Connection, seen);
    }

    private void SetLinks()
    {
        UdpAddress client = ClientNat.Outside;
        UdpAddress host = _hostNat?.Outside ?? HostAddress.WithPort(0);
        _network.SetBoth(client, host, _legs[2]);
        if (Relay is null)
            return;
        UdpAddress relay = RelayAddress.WithPort(0);
        _network.SetBoth(client, relay, _legs[0]);
        if (!_scenario.SharesNat)
            _network.SetBoth(host, relay, _legs[1]);
        // What one side addresses at the other's inside goes nowhere, but for a shared NAT.
        _network.SetLink(client, HostAddress.WithPort(0), _legs[2]);
        _network.SetLink(host, ClientAddress.WithPort(0), _legs[2]);
    }

    private static UdpAddress Address(byte a, byte b, byte c, byte d) => UdpAddress.FromBytes([a, b, c, d], 0, 0);
}
