using System.Security.Cryptography;
using System.Text;
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

    /// <summary>Bytes that a sleeping peer's socket holds: Linux's default (net.core.rmem_default).</summary>
    private const int SocketBuffer = 212_992;

    private readonly SimulatedNetwork _network;
    private readonly Dictionary<(UdpAddress, UdpAddress), SimulatedPath> _paths = [];
    private readonly List<QuicConnection> _connections = [];
    private readonly HashSet<UdpAddress> _addresses = [];
    private readonly HashSet<UdpAddress> _relays = [];
    private readonly HashSet<UdpAddress> _servers = [];
    private readonly byte[] _buffer = new byte[65_535];

    private readonly QuicEndpointOptions _options;
    private readonly Queue<(UdpAddress To, UdpAddress From, byte[] Datagram)> _inbox = new();
    private TimeSpan _clockAhead;
    private TimeSpan _clockStopped;
    private int _inboxBytes;

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
        _options = new QuicEndpointOptions
        {
            Signer = Signer,
            Randomness = Random,
            KeyExchanges = [new P256KeyExchange(Random)],
            // Each its own, as two that share one reset each other's connections (RFC 9000 section 21.11).
            ResetKey = SHA256.HashData(Encoding.UTF8.GetBytes(name)),
            Network = this,
            Admission = admission,
            Transport = transport,
            Trace = this,
            Tickets = tickets,
        };
        Endpoint = new QuicEndpoint(_options);
        network.Add(this);
    }

    /// <summary>The name in the log.</summary>
    public string Name { get; }

    /// <summary>The peer's own randomness.</summary>
    public SeededRandomness Random { get; }

    /// <summary>The peer's identity.</summary>
    public ISigner Signer { get; }

    /// <summary>The endpoint.</summary>
    public QuicEndpoint Endpoint { get; private set; }

    /// <summary>The application.</summary>
    public ISimulatedApplication Application { get; }

    /// <summary>The live connections.</summary>
    public IReadOnlyList<QuicConnection> Connections => _connections;

    /// <summary>The time by this peer's clock: the network's, but for jumps and sleep.</summary>
    public Instant Now => _network.Now + _clockAhead;

    /// <summary>Is told what happens inside, beside the network's log.</summary>
    public ITrace? Trace { get; set; }

    /// <summary>True if this peer does not answer, for instance because it was killed.</summary>
    public bool IsDead { get; set; }

    /// <summary>Whether relayed paths that are made from now on take application data.</summary>
    public bool RelaysCarryData { get; set; } = true;

    /// <inheritdoc/>
    public bool AllowsLoopback => false;

    /// <summary>True while it processes nothing.</summary>
    public bool IsAsleep => AwakeAt > Instant.Zero;

    /// <summary>When it wakes up; <see cref="Instant.Zero"/> while it is awake.</summary>
    public Instant AwakeAt { get; private set; }

    /// <summary>Called when the peer wakes up, before it looks at what has come meanwhile.</summary>
    public Action? OnWoken { get; set; }

    internal Instant NextTimeout
    {
        get
        {
            if (IsDead)
                return Instant.Never;
            if (IsAsleep)
                return AwakeAt;
            Instant next = Instant.Never;
            foreach (QuicConnection connection in _connections)
                next = Instant.Min(next, connection.NextTimeout);
            return next.IsSet ? next - _clockAhead : next;
        }
    }

    /// <summary>The process ends and begins anew: all connections are forgotten without a word, the keys stay.</summary>
    public void Restart()
    {
        _connections.Clear();
        _inbox.Clear();
        _inboxBytes = 0;
        Endpoint = new QuicEndpoint(_options);
        _network.Log.Add(_network.Now, $"{Name} restarts");
    }

    /// <summary>
    /// Processes nothing for a while: a busy machine, or one that sleeps. Datagrams wait in the socket, as far as it holds them. Who
    /// sleeps already sleeps on, and the dead do not.
    /// </summary>
    /// <param name="time">How long.</param>
    /// <param name="clockStops">Whether the peer's clock stands still meanwhile, as a monotonic clock may while the machine sleeps.</param>
    public void Sleep(TimeSpan time, bool clockStops)
    {
        if (IsAsleep || IsDead)
            return;
        AwakeAt = _network.Now + time;
        _clockStopped = clockStops ? time : TimeSpan.Zero;
        _network.Log.Add(_network.Now, $"{Name} sleeps for {time.TotalSeconds}s{(clockStops ? ", its clock too" : "")}");
    }

    /// <summary>The peer's clock jumps ahead.</summary>
    public void JumpClock(TimeSpan ahead)
    {
        _clockAhead += ahead;
        _network.Log.Add(_network.Now, $"{Name}'s clock jumps by {ahead.TotalSeconds}s");
    }

    /// <summary>Gives the peer an address; one to a relay makes relayed paths.</summary>
    public void AddAddress(UdpAddress address, bool relay = false)
    {
        _addresses.Add(address);
        if (relay)
            _relays.Add(address);
    }

    /// <summary>What goes to this address goes through a relay, from whichever of the own addresses.</summary>
    public void AddRelay(UdpAddress server) => _servers.Add(server);

    /// <summary>Takes an address away: nothing arrives there any more.</summary>
    public void RemoveAddress(UdpAddress address) => _addresses.Remove(address);

    /// <summary>The path from one of the own addresses to another's.</summary>
    public SimulatedPath PathTo(UdpAddress local, UdpAddress remote)
    {
        if (!_paths.TryGetValue((local, remote), out SimulatedPath? path))
        {
            path = new SimulatedPath(_relays.Contains(local) || _servers.Contains(remote) ? PathKind.Relay : PathKind.Direct, local, remote) { RelayCarriesData = RelaysCarryData };
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
        if (traceEvent.Kind == TraceKind.Recovery || !_network.Log.IsOn)
            return;
        _network.Log.Add(_network.Now,
            $"{Name} {traceEvent.Kind} {traceEvent.Space} #{traceEvent.Number} {traceEvent.Size} {traceEvent.Path} {traceEvent.Text}",
            common: traceEvent.Kind is TraceKind.PacketSent or TraceKind.PacketReceived);
    }

    internal bool Owns(UdpAddress address) => _addresses.Contains(address);

    internal void Receive(UdpAddress to, UdpAddress from, byte[] datagram)
    {
        if (IsDead)
            return;
        if (IsAsleep)
        {
            if (_inboxBytes + datagram.Length > SocketBuffer)
                return;
            _inboxBytes += datagram.Length;
            _inbox.Enqueue((to, from, datagram));
            return;
        }
        SimulatedPath path = PathTo(to, from);
        QuicConnection? connection = Endpoint.Receive(Now, path, EcnCodepoint.NotEct, datagram);
        if (connection is not null && !_connections.Contains(connection))
            _connections.Add(connection);
    }

    internal void OnTimeout()
    {
        if (IsDead || AwakeAt > _network.Now)
            return;
        if (IsAsleep)
            Wake();
        for (int i = _connections.Count - 1; i >= 0; i--)
        {
            if (_connections[i].NextTimeout <= Now)
                _connections[i].OnTimeout(Now);
        }
    }

    /// <summary>Events to the application, then everything that may be sent; as a driver does.</summary>
    internal void Flush()
    {
        if (IsDead || IsAsleep)
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

    /// <summary>What has come meanwhile is read before timers are looked at, as a driver does.</summary>
    private void Wake()
    {
        AwakeAt = Instant.Zero;
        _clockAhead -= _clockStopped;
        _network.Log.Add(_network.Now, $"{Name} wakes");
        OnWoken?.Invoke();
        _inboxBytes = 0;
        while (_inbox.TryDequeue(out (UdpAddress To, UdpAddress From, byte[] Datagram) waiting))
            Receive(waiting.To, waiting.From, waiting.Datagram);
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
