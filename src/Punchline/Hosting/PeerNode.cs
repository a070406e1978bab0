using Microsoft.Extensions.Logging;
using Punchline.Diagnostics;
using Punchline.Discovery;
using Punchline.Endpoint;
using Punchline.Invites;
using Punchline.Protocol;
using Punchline.Quic;
using Punchline.Quic.Tls;
using Punchline.Stun;
using Punchline.Traversal;
using Punchline.Traversal.Lifetime;
using Punchline.Udp;

namespace Punchline.Hosting;

/// <summary>What a node is made of.</summary>
internal sealed record PeerNodeOptions
{
    public required TimeProvider Time { get; init; }

    public required MonotonicClock Clock { get; init; }

    public required UdpPlatform Platform { get; init; }

    public required IRandomness Randomness { get; init; }

    public required HostIdentity Identity { get; init; }

    public required ILogger Logger { get; init; }

    /// <summary>A host's door.</summary>
    public IAdmission? Admission { get; init; }

    /// <summary>Makes the owner of an incoming connection.</summary>
    public Func<EndpointConnection, IConnectionHandler>? Accept { get; init; }

    /// <summary>Is told each thing that happens in connections, beside the log.</summary>
    public ITrace? Trace { get; init; }

    /// <summary>Is given TLS secrets.</summary>
    public TlsKeyLog? KeyLog { get; init; }

    /// <summary>Whether the birthday method may be tried with hard NATs.</summary>
    public bool AllowsSpray { get; init; } = true;

    /// <summary>No peer is to learn where we are: everything goes through servers.</summary>
    public bool RelayOnly { get; init; }

    /// <summary>The UDP port to ask for, 0 for any.</summary>
    public ushort PreferredPort { get; init; }
}

/// <summary>
/// What hosts and clients alike stand on: the sockets, the driver with its protocol, the machine's network and what is known
/// of the way out of it.
/// </summary>
internal sealed class PeerNode : IAsyncDisposable
{
    /// <summary>Between two times that the servers are asked because a peer's path failed: what one question does not mend, a second does not at once.</summary>
    private static readonly TimeSpan LeastBetweenQuestions = TimeSpan.FromSeconds(5);

    /// <summary>Streams of one friend at once: the control stream, 1,000 TCP connections (docs/wire/tunnel.md), and what is just ending.</summary>
    private const int MaxStreams = 1024;

    /// <summary>
    /// Tickets that a host gives in each connection: one to come back with, and one for an attempt that fails or another server of the race.
    /// </summary>
    private const int TicketsPerConnection = 2;

    private readonly P256Signer _signer;
    private readonly NetworkWatcher _watcher;
    private readonly PeerNetwork _network;
    private readonly List<ServerUdp> _servers = [];
    private string? _networkName;
    private Instant? _toldServersAt;

    private PeerNode(PeerNodeOptions options)
    {
        Time = options.Time;
        Clock = options.Clock;
        Randomness = options.Randomness;
        Logger = options.Logger;
        Sprays = new SprayGate(options.AllowsSpray);
        Survey = new NatSurvey(this);
        RelayOnly = options.RelayOnly;
        Lifetimes = new NetworkLifetimes(Randomness, Carry);
        Turns = new SocketTurns(this);
        _watcher = new NetworkWatcher(allowsLoopback: false);
        try
        {
            _network = new PeerNetwork(_watcher.Current);
            Sockets = LocalSockets.Bind(options.Platform, _watcher.Current, options.PreferredPort);
            _signer = P256Signer.ImportPkcs8(options.Identity.Pkcs8.Span);
            var quic = new QuicEndpoint(new QuicEndpointOptions
            {
                Signer = _signer,
                Randomness = Randomness,
                KeyExchanges = [new P256KeyExchange(Randomness)],
                ResetKey = options.Identity.ResetKey,
                Network = _network,
                // Streams are the clients' to open, and go both ways (docs/wire/tunnel.md): a host that opens one is closed by the core.
                Transport = new QuicTransportOptions
                {
                    MaxBidirectionalStreams = options.Accept is null ? 0 : MaxStreams,
                    MaxUnidirectionalStreams = 0,
                    TicketsPerConnection = TicketsPerConnection,
                    Punch = !RelayOnly,
                },
                Admission = options.Admission,
                Trace = TraceFork.Of(TraceLog.For(Logger), options.Trace),
                KeyLog = options.KeyLog,
            });
            Driver = new EndpointDriver(new EndpointLoopOptions
            {
                Poller = options.Platform.CreatePoller(),
                Sockets = Sockets.All,
                Core = new QuicEndpointCore(quic),
                Clock = () => Clock.Now,
                WallClock = Time.GetUtcNow,
                Routes = new SystemRoutes(),
                ReachOf = (local, remote) => _network.Current.ReachOf(local, remote),
                Log = new EndpointLog(Logger),
                RelayOnly = RelayOnly,
                Accept = options.Accept,
            });
        }
        catch
        {
            _watcher.Dispose();
            throw;
        }
    }

    public TimeProvider Time { get; }

    public MonotonicClock Clock { get; }

    public IRandomness Randomness { get; }

    public ILogger Logger { get; }

    public EndpointDriver Driver { get; }

    /// <summary>The loop itself. Driver thread only.</summary>
    public EndpointLoop Loop { get; private set; } = null!;

    /// <summary>No peer is to learn where we are: everything goes through servers, and nothing that comes directly is answered.</summary>
    public bool RelayOnly { get; }

    /// <summary>This machine's addresses, as they were read last. From any thread.</summary>
    public LocalNetwork Network => _watcher.Current;

    /// <summary>Whether a server has answered over UDP in this network; null as long as that is open. Driver thread only.</summary>
    public bool? UdpWorks { get; private set; }

    /// <summary>Driver thread only.</summary>
    public LocalSockets Sockets { get; }

    /// <summary>Driver thread only.</summary>
    public CandidateBook Candidates { get; } = new();

    /// <summary>Finds out what the NATs on our way out do. Driver thread only.</summary>
    public NatSurvey Survey { get; }

    /// <summary>Driver thread only.</summary>
    public SprayGate Sprays { get; }

    /// <summary>Driver thread only.</summary>
    public WhatWorked Worked { get; } = new();

    /// <summary>Driver thread only.</summary>
    public Attestations Attestations { get; } = new();

    /// <summary>How long mappings live without traffic. Driver thread only.</summary>
    public NetworkLifetimes Lifetimes { get; }

    /// <summary>Takes sockets out of service whose mapping comes to its age. Driver thread only.</summary>
    public SocketTurns Turns { get; }

    /// <summary>What is known of the NATs on our way out. Driver thread only.</summary>
    public NatReport Nat { get; private set; } = NatReport.From(default, []);

    /// <summary>There is a new <see cref="Nat"/>. Driver thread.</summary>
    public event Action? NatKnown;

    /// <summary>The machine's network changed, or it slept. Driver thread.</summary>
    public event Action? NetworkChanged;

    /// <summary>Something that people who look closely want to hear. Driver thread.</summary>
    public event Action<string>? Noticed;

    /// <summary>Binds the sockets and starts the driver.</summary>
    /// <exception cref="PunchlineException">No socket can be had.</exception>
    public static async Task<PeerNode> StartAsync(PeerNodeOptions options)
    {
        var node = new PeerNode(options);
        await node.Driver.CallAsync(loop =>
        {
            node.Loop = loop;
            loop.Woke += node.OnWoke;
            loop.AddTimer(node.Lifetimes);
            loop.AddTimer(node.Turns);
            node.FollowNetwork(node._network.Current);
        }).ConfigureAwait(false);
        node._watcher.Changed += node.OnNetworkChanged;
        return node;
    }

    /// <summary>The server is reached over loopback: peers may be, too (a demonstration, or tests, on one machine).</summary>
    public Task AllowLoopbackAsync()
    {
        _watcher.AllowLoopback();
        // Once more in order behind what the watcher posted, so that it is in force when this completes.
        return Driver.CallAsync(_ => FollowNetwork(_watcher.Current));
    }

    /// <summary>Looks after a server's share when the network changes. Driver thread only.</summary>
    public void Add(ServerUdp server) => _servers.Add(server);

    /// <summary>Looks after it no more. Driver thread only.</summary>
    public void Remove(ServerUdp server) => _servers.Remove(server);

    /// <summary>A server that answers us over UDP and IPv4, and from which socket; null if there is none. Driver thread only.</summary>
    public (IUdpSocket Socket, UdpAddress Server)? WayToServer() =>
        _servers.Select(server => server.Way).FirstOrDefault(way => way is { Server.IsIPv4: true });

    /// <summary>What was found out of our NATs. Driver thread only.</summary>
    public void SetNat(in NatReport report)
    {
        Nat = report;
        NatKnown?.Invoke();
    }

    /// <summary>Opens a socket beside the main ones, from the local address that leads to a remote one. Driver thread only.</summary>
    /// <returns>Null if the system gives none.</returns>
    public IUdpSocket? OpenExtra(in UdpAddress remote)
    {
        if (Sockets.BindExtra(remote) is not { } socket)
            return null;
        Loop.AddSocket(socket, isExtra: true);
        return socket;
    }

    /// <summary>Closes it, after this turn: it may be the one that is being read.</summary>
    public void CloseExtra(IUdpSocket socket) => Loop.Post(new ActionWorkItem(_ => Loop.RemoveSocket(socket)));

    /// <summary>A server has answered over UDP, or has not in its time. Driver thread only.</summary>
    public void SetUdp(bool works)
    {
        // One that answers proves more than another that does not.
        if (UdpWorks == works || UdpWorks == true)
            return;
        UdpWorks = works;
        NatKnown?.Invoke();
    }

    /// <summary>
    /// A way that worked does no more: our NAT may have forgotten us, or have another address, which nothing on this machine tells. The servers
    /// forward nothing from an address that they do not know, so they are told now and not at their next turn. Driver thread only.
    /// </summary>
    public void AskWhereWeAre()
    {
        // A friend whose path flaps must not keep every server busy.
        if (!(Clock.Now - _toldServersAt < LeastBetweenQuestions))
            TellServers();
    }

    /// <summary>A server answers at this address, and sees us at that one. Driver thread only.</summary>
    public void OnServerSeen(in UdpAddress endpoint, in UdpAddress seen)
    {
        string network = NetworkName.Of(_network.Current, seen);
        if (network != _networkName)
            Turns.OnOtherNetwork();
        _networkName = network;
        Lifetimes.OnServer(endpoint, network, Loop.Now);
    }

    /// <summary>Has every server see us at another socket; each one's binding tells when it does. Driver thread only.</summary>
    public void MoveServers(IUdpSocket from, IUdpSocket to)
    {
        foreach (ServerUdp server in _servers.ToArray())
            server.MoveTo(from, to);
    }

    /// <summary>Takes a socket away, and has every server that sees us there see us at another one. Driver thread only, and from inside no client's call.</summary>
    public void RemoveSocket(IUdpSocket goes, IUdpSocket stays)
    {
        foreach (ServerUdp server in _servers.ToArray())
            server.StayAt(stays, goes);
        Loop.RemoveSocket(goes);
    }

    /// <summary>A socket that the servers see takes the place of another one, which still works. Driver thread only.</summary>
    /// <param name="old">The one in use.</param>
    /// <param name="fresh">Its successor.</param>
    /// <param name="age">At which the NAT ends mappings.</param>
    public void ReplaceSocket(IUdpSocket old, IUdpSocket fresh, TimeSpan age)
    {
        Noticed?.Invoke($"The NAT ends mappings after {age.TotalSeconds:0} s: another socket has taken over from port {old.LocalAddress.Port}");
        Sockets.Replace(old, fresh);
        OnSocketsChanged();
        Loop.ReplaceSocket(old, fresh);
        foreach (ServerUdp server in _servers.ToArray())
            server.OnReplaced(old);
    }

    /// <summary>There are others than before. Driver thread only.</summary>
    public void OnSocketsChanged()
    {
        LocalNetwork network = _network.Current;
        IEnumerable<IUdpSocket> all = Turns.Leaving is { } old ? Sockets.All.Append(old) : Sockets.All;
        _network.SetPorts(all.Select(socket => socket.LocalAddress.Port));
        Candidates.SetHosts(network.HostCandidates([.. Sockets.All.Select(socket => socket.LocalAddress)]));
    }

    /// <summary>Closes every connection as stopped by its user, and ends.</summary>
    public async ValueTask DisposeAsync()
    {
        _watcher.Dispose();
        await Driver.StopAsync((ulong)CloseCode.Stopped, "stopped").ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        _signer.Dispose();
    }

    private void OnNetworkChanged(LocalNetwork network) => Driver.Post(new ActionWorkItem(_ => FollowNetwork(network)));

    private void FollowNetwork(LocalNetwork network)
    {
        bool changed = !network.Equals(_network.Current);
        _network.Current = network;
        Sockets.Follow(Loop, network);
        OnSocketsChanged();
        if (!changed)
            return;
        Loop.Reroute(network.IsOwn);
        LookAgain("the machine's network changed");
    }

    // Interfaces are read on another thread, for that takes milliseconds; what is different there comes back as a change. Everything
    // else does not wait for it: after a sleep the NATs have forgotten us even if nothing here has changed.
    private void OnWoke()
    {
        ThreadPool.UnsafeQueueUserWorkItem(static watcher => watcher.Check(), _watcher, preferLocal: false);
        LookAgain("the machine slept");
    }

    private void LookAgain(string why)
    {
        HostingLog.LookingAgain(Logger, why);
        Survey.Forget();
        UdpWorks = null;
        Lifetimes.OnNetworkChanged();
        Turns.OnNetworkChanged();
        TellServers();
        foreach (EndpointConnection connection in Loop.Connections)
            connection.OnNetworkChanged();
        NetworkChanged?.Invoke();
    }

    // A trial has a socket of its own.
    private Action? Carry(LifetimeTrial trial)
    {
        if (Sockets.BindExtra(trial.Server) is not { } socket)
            return null;
        Loop.AddSocket(socket, isExtra: true);
        Loop.AddClient(socket, trial);
        return () => Loop.RemoveSocket(socket);
    }

    private void TellServers()
    {
        _toldServersAt = Clock.Now;
        foreach (ServerUdp server in _servers.ToArray())
            server.OnNetworkChanged();
    }
}
