using Punchline.Quic;
using Punchline.Quic.Tls;

namespace Punchline.Testing;

/// <summary>What a simulated peer's application does; called between steps of the network.</summary>
public interface ISimulatedApplication
{
    /// <summary>A connection told something.</summary>
    void OnEvent(SimulatedPeer peer, QuicConnection connection, in QuicEvent quicEvent);
}

/// <summary>One peer on the simulated network: an endpoint, its addresses and paths, and its application.</summary>
public sealed class SimulatedPeer : ITrace, ILocalNetwork
{
    /// <summary>Far more than a congestion window: a connection that sends on has lost its bounds.</summary>
    private const int MaxBatchesAtOnce = 10_000;

    private readonly SimulatedNetwork _network;
    private readonly Dictionary<(UdpAddress, UdpAddress), SimulatedPath> _paths = [];
    private readonly List<QuicConnection> _connections = [];
    private readonly HashSet<UdpAddress> _addresses = [];
    private readonly HashSet<UdpAddress> _relays = [];
    private readonly byte[] _buffer = new byte[65_535];

    /// <summary>A peer whose keys and ids come from a seed.</summary>
    public SimulatedPeer(SimulatedNetwork network, string name, ulong seed, QuicTransportOptions transport, IAdmission? admission, ISimulatedApplication application)
        : this(network, name, seed, transport, admission, application, null)
    {
    }

    /// <summary>The same with tickets that it shares with others.</summary>
    internal SimulatedPeer(
        SimulatedNetwork network, string name, ulong seed, QuicTransportOptions transport, IAdmission? admission, ISimulatedApplication application, TicketKeeper? tickets)
    {
        _network = network;
        Name = name;
        Application = application;
        Random = new SeededRandomness(seed);
        Signer = SimulatedIdentities.Get(name);
        Endpoint = new QuicEndpoint(new QuicEndpointOptions
        {
            Signer = Signer,
            Randomness = Random,
            KeyExchanges = [new P256KeyExchange(Random)],
            ResetKey = new byte[32],
            Network = this,
            Admission = admission,
            Transport = transport,
            Trace = this,
            Tickets = tickets,
        });
        network.Add(this);
    }

    /// <summary>The name in the log.</summary>
    public string Name { get; }

    /// <summary>The peer's own randomness.</summary>
    public SeededRandomness Random { get; }

    /// <summary>The peer's identity.</summary>
    public ISigner Signer { get; }

    /// <summary>The endpoint.</summary>
    public QuicEndpoint Endpoint { get; }

    /// <summary>The application.</summary>
    public ISimulatedApplication Application { get; }

    /// <summary>The live connections.</summary>
    public IReadOnlyList<QuicConnection> Connections => _connections;

    /// <summary>The network's time.</summary>
    public Instant Now => _network.Now;

    /// <summary>Is told what happens inside, beside the network's log.</summary>
    public ITrace? Trace { get; set; }

    /// <summary>True if this peer does not answer, for instance because it was killed.</summary>
    public bool IsDead { get; set; }

    /// <inheritdoc/>
    public bool AllowsLoopback => false;

    internal Instant NextTimeout
    {
        get
        {
            Instant next = Instant.Never;
            foreach (QuicConnection connection in _connections)
                next = Instant.Min(next, connection.NextTimeout);
            return IsDead ? Instant.Never : next;
        }
    }

    /// <summary>Gives the peer an address; one to a relay makes relayed paths.</summary>
    public void AddAddress(UdpAddress address, bool relay = false)
    {
        _addresses.Add(address);
        if (relay)
            _relays.Add(address);
    }

    /// <summary>Takes an address away: nothing arrives there any more.</summary>
    public void RemoveAddress(UdpAddress address) => _addresses.Remove(address);

    /// <summary>The path from one of the own addresses to another's.</summary>
    public SimulatedPath PathTo(UdpAddress local, UdpAddress remote)
    {
        if (!_paths.TryGetValue((local, remote), out SimulatedPath? path))
        {
            path = new SimulatedPath(_relays.Contains(local) ? PathKind.Relay : PathKind.Direct, local, remote);
            _paths.Add((local, remote), path);
        }
        return path;
    }

    /// <summary>Opens a connection.</summary>
    public QuicConnection Connect(UdpAddress local, UdpAddress remote, ReadOnlyMemory<byte> expectedPeer, ReadOnlyMemory<byte> token = default,
        ReadOnlyMemory<byte> session = default, TimeSpan sessionAge = default)
    {
        Span<byte> destination = stackalloc byte[20];
        Random.FillPublic(destination);
        QuicConnection connection = Endpoint.Connect(Now,
            new QuicClientOptions
            {
                ExpectedPeerId = expectedPeer,
                InitialDestination = new ConnectionId(destination),
                Token = token,
                Session = session,
                SessionAge = sessionAge,
            },
            PathTo(local, remote));
        _connections.Add(connection);
        return connection;
    }

    /// <inheritdoc/>
    public bool IsOnLink(UdpAddress address) => false;

    /// <inheritdoc/>
    public bool IsOwn(UdpAddress address) => _addresses.Contains(address);

    /// <inheritdoc/>
    public void Record(QuicConnection connection, in TraceEvent traceEvent, ReadOnlySpan<byte> content)
    {
        Trace?.Record(connection, traceEvent, content);
        // Figures follow from the packets, and would fill the log with as many lines again.
        if (traceEvent.Kind == TraceKind.Recovery)
            return;
        _network.Log.Add(traceEvent.At,
            $"{Name} {traceEvent.Kind} {traceEvent.Space} #{traceEvent.Number} {traceEvent.Size} {traceEvent.Path} {traceEvent.Text}",
            common: traceEvent.Kind is TraceKind.PacketSent or TraceKind.PacketReceived);
    }

    internal bool Owns(UdpAddress address) => _addresses.Contains(address);

    internal void Receive(UdpAddress to, UdpAddress from, byte[] datagram)
    {
        if (IsDead)
            return;
        SimulatedPath path = PathTo(to, from);
        QuicConnection? connection = Endpoint.Receive(Now, path, EcnCodepoint.NotEct, datagram);
        if (connection is not null && !_connections.Contains(connection))
            _connections.Add(connection);
    }

    internal void OnTimeout()
    {
        if (IsDead)
            return;
        for (int i = _connections.Count - 1; i >= 0; i--)
        {
            if (_connections[i].NextTimeout <= Now)
                _connections[i].OnTimeout(Now);
        }
    }

    /// <summary>Events to the application, then everything that may be sent; as a driver does.</summary>
    internal void Flush()
    {
        if (IsDead)
            return;
        while (Endpoint.TryTransmit(_buffer, out Transmit answer))
            Send(answer);
        for (int i = _connections.Count - 1; i >= 0; i--)
        {
            QuicConnection connection = _connections[i];
            while (connection.TryReadEvent(out QuicEvent quicEvent))
            {
                if (quicEvent.Kind is QuicEventKind.Closed or QuicEventKind.Established)
                    _network.Log.Add(Now, $"{Name} {quicEvent.Kind} {quicEvent.Error}");
                Application.OnEvent(this, connection, quicEvent);
            }
            for (int batches = 0; connection.TryTransmit(Now, _buffer, out Transmit transmit); batches++)
            {
                if (batches > MaxBatchesAtOnce)
                    throw new InvalidOperationException($"{Name} sends without end at one instant:\n{_network.Log.Tail}");
                Send(transmit);
            }
            if (connection.IsTerminated)
            {
                Endpoint.Remove(connection);
                _connections.RemoveAt(i);
            }
        }
    }

    private void Send(in Transmit transmit)
    {
        var path = (SimulatedPath)transmit.Path;
        for (int offset = 0; offset < transmit.Length; offset += transmit.SegmentSize)
        {
            int length = Math.Min(transmit.SegmentSize, transmit.Length - offset);
            ReadOnlySpan<byte> datagram = _buffer.AsSpan(offset, length)[path.HeaderLength..];
            if (_addresses.Contains(path.LocalAddress))
                _network.Send(this, path.LocalAddress, path.RemoteAddress, datagram);
        }
    }
}
