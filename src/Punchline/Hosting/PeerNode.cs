using Microsoft.Extensions.Logging;
using Punchline.Diagnostics;
using Punchline.Discovery;
using Punchline.Endpoint;
using Punchline.Invites;
using Punchline.Protocol;
using Punchline.Quic;
using Punchline.Quic.Tls;
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

    /// <summary>Is told what people who look closely want to hear, once however many peers there are. Driver thread.</summary>
    public Action<string>? Noticed { get; init; }

    /// <summary>Tells this machine's addresses, the node's from now on; the system's without.</summary>
    public NetworkWatcher? Watcher { get; init; }
}

/// <summary>
/// What hosts and clients alike stand on, put together: the sockets, the driver with its protocol, the machine's network and what is known
/// of the way out of it. Reacts when that network is another one, and when the machine slept.
/// </summary>
internal sealed class PeerNode : IAsyncDisposable
{
    /// <summary>Streams of one friend at once: the control stream, 1,000 TCP connections (docs/wire/tunnel.md), and what is just ending.</summary>
    private const int MaxStreams = 1024;

    /// <summary>
    /// Tickets that a host gives in each connection: one to come back with, and one for an attempt that fails or another server of the race.
    /// </summary>
    private const int TicketsPerConnection = 2;

    private readonly P256Signer _signer;
    private readonly NetworkWatcher _watcher;
    private readonly PeerNetwork _network;

    private PeerNode(PeerNodeOptions options)
    {
        Time = options.Time;
        Clock = options.Clock;
        Randomness = options.Randomness;
        Logger = options.Logger;
        Sprays = new SprayGate(options.AllowsSpray);
        RelayOnly = options.RelayOnly;
        _watcher = options.Watcher ?? new NetworkWatcher(allowsLoopback: false);
        try
        {
            _network = new PeerNetwork(_watcher.Current);
            LocalSockets sockets = LocalSockets.Bind(options.Platform, _watcher.Current, options.PreferredPort);
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
                Sockets = sockets.All,
                Core = new QuicEndpointCore(quic),
                Clock = () => Clock.Now,
                WallClock = Time.GetUtcNow,
                Routes = new SystemRoutes(),
                ReachOf = (local, remote) => _network.Current.ReachOf(local, remote),
                Log = new EndpointLog(Logger),
                RelayOnly = RelayOnly,
                Accept = options.Accept,
            });
            Sockets = new PeerSockets(Loop, sockets, _network, Candidates);
        }
        catch
        {
            _watcher.Dispose();
            throw;
        }
        Servers = new UdpServers(Loop);
        Survey = new NatSurvey(Loop, Randomness, remote => Sockets.OpenExtra(remote), report => WayOut.SetNat(report));
        Lifetimes = new NetworkLifetimes(Randomness, Carry);
        Turns = new SocketTurns(new SocketTurnsLink(Loop, Sockets, Servers, _network, Randomness, told => options.Noticed?.Invoke(told)), Lifetimes);
    }

    public TimeProvider Time { get; }

    public MonotonicClock Clock { get; }

    public IRandomness Randomness { get; }

    public ILogger Logger { get; }

    public EndpointDriver Driver { get; }

    /// <summary>The loop itself. Driver thread only.</summary>
    public EndpointLoop Loop => Driver.Loop;

    /// <summary>No peer is to learn where we are: everything goes through servers, and nothing that comes directly is answered.</summary>
    public bool RelayOnly { get; }

    /// <summary>This machine's addresses, as they were read last. From any thread.</summary>
    public LocalNetwork Network => _watcher.Current;

    /// <summary>Driver thread only.</summary>
    public PeerSockets Sockets { get; }

    /// <summary>Driver thread only.</summary>
    public UdpServers Servers { get; }

    /// <summary>Driver thread only.</summary>
    public WayOut WayOut { get; } = new();

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

    /// <summary>The machine's network changed, or it slept. Driver thread.</summary>
    public event Action? NetworkChanged;

    /// <summary>Binds the sockets and starts the driver.</summary>
    /// <exception cref="PunchlineException">No socket can be had.</exception>
    public static async Task<PeerNode> StartAsync(PeerNodeOptions options)
    {
        var node = new PeerNode(options);
        await node.Driver.CallAsync(loop =>
        {
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
        Sockets.Follow(network);
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
        WayOut.Forget();
        Lifetimes.OnNetworkChanged();
        Turns.OnNetworkChanged();
        Servers.TellAll();
        foreach (EndpointConnection connection in Loop.Connections)
            connection.OnNetworkChanged();
        NetworkChanged?.Invoke();
    }

    // A trial has a socket of its own.
    private Action? Carry(LifetimeTrial trial)
    {
        if (Sockets.OpenExtra(trial.Server) is not { } socket)
            return null;
        Loop.AddClient(socket, trial);
        return () => Sockets.CloseExtra(socket);
    }
}
