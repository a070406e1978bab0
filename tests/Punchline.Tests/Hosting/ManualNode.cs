using System.Collections.Concurrent;
using System.Net;
using Microsoft.Extensions.Logging.Abstractions;
using Punchline.Discovery;
using Punchline.Hosting;
using Punchline.Invites;
using Punchline.Quic;
using Punchline.Relay;
using Punchline.Testing;
using Punchline.Tests.Endpoint;
using Punchline.Tests.Relay;
using Punchline.Udp;
using Xunit;

namespace Punchline.Tests.Hosting;

/// <summary>A node on sockets without a system, whose time the test moves.</summary>
internal sealed class ManualNode : IAsyncDisposable
{
    /// <summary>Shorter than what a node takes for sleep.</summary>
    private static readonly TimeSpan Step = TimeSpan.FromMilliseconds(100);

    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("punchline-node-");
    private readonly ManualUdp _udp;
    private readonly NetworkWatcher? _watcher;
    private LocalNetwork? _network;

    private ManualNode(LocalNetwork? network)
    {
        _udp = new ManualUdp(knowsLocalAddress: network is null);
        _network = network;
        _watcher = network is null ? null : new NetworkWatcher(() => _network!);
    }

    public ManualTime Time { get; } = new();

    public PeerNode Node { get; private set; } = null!;

    /// <summary>The main socket of IPv4. Driver thread only, as the node itself.</summary>
    public FakeSocket Socket => (FakeSocket)Node.Sockets.All.First(socket => socket.LocalAddress.IsIPv4);

    /// <summary>Starts one.</summary>
    /// <param name="addresses">Of the machine, with a socket for each; without any, those of this one, and one socket for each family.</param>
    public static async Task<ManualNode> StartAsync(params string[] addresses)
    {
        var node = new ManualNode(addresses is [] ? null : NetworkOf(addresses));
        node.Node = await PeerNode.StartAsync(new PeerNodeOptions
        {
            Time = node.Time,
            Clock = new MonotonicClock(node.Time),
            Platform = node._udp,
            Randomness = new SeededRandomness(1),
            Identity = HostIdentity.LoadOrCreate(new StateDirectory(node._folder.FullName), SystemRandomness.Instance),
            Logger = NullLogger.Instance,
            Watcher = node._watcher,
        });
        return node;
    }

    /// <summary>The machine has these addresses now, and the node has reacted.</summary>
    public async Task MoveAsync(params string[] addresses)
    {
        _network = NetworkOf(addresses);
        _watcher!.Check();
        // What it posts while it reacts is behind its reaction.
        await Node.Driver.CallAsync(static _ => { });
        await Node.Driver.CallAsync(static _ => { });
    }

    /// <summary>Looks at, or does, something on the driver's thread, when all that is due has been done.</summary>
    public async Task<T> CallAsync<T>(Func<T> function)
    {
        // Posted work comes first in a turn: when a second call runs, the turn of the first one is over, with its timers and exchanges.
        await Node.Driver.CallAsync(static _ => { });
        return await Node.Driver.CallAsync(_ => function());
    }

    /// <summary>Time passes.</summary>
    public async Task PassAsync(TimeSpan time)
    {
        for (TimeSpan passed = TimeSpan.Zero; passed < time; passed += Step)
        {
            Time.Advance(Step);
            await Node.Driver.CallAsync(static _ => { });
        }
    }

    /// <summary>What has left for an address since the last call.</summary>
    public Task<List<byte[]>> TakeSentAsync(UdpAddress remote) => CallAsync(() =>
    {
        FakeSocket[] sockets = [.. _udp.Bound.Where(socket => !socket.Disposed)];
        List<byte[]> sent = [.. sockets.SelectMany(socket => socket.Sent).Where(batch => batch.Remote == remote).Select(batch => batch.Bytes)];
        foreach (FakeSocket socket in sockets)
            socket.Sent.RemoveAll(batch => batch.Remote == remote);
        return sent;
    });

    /// <summary>Connects the control channel to a server that answers at these UDP addresses.</summary>
    public async Task<ServerChannel> ConnectAsync(FakeServer server, params UdpAddress[] endpoints)
    {
        Task accepting = server.AcceptAsync(server.Hello(endpoints));
        ServerChannel channel = await ServerChannel.ConnectAsync(
            server.Address,
            new ServerChannelOptions { Time = Time, Randomness = SystemRandomness.Instance, ProgramVersion = "t" },
            TestContext.Current.CancellationToken);
        await accepting;
        return channel;
    }

    /// <summary>The server answers over UDP: a cookie for the request, and that it has bound the socket, which it sees there.</summary>
    public async Task BindAsync(UdpAddress server, byte[] cookieRequest, UdpAddress seen)
    {
        Assert.True(RelayFrame.TryReadCookieRequest(cookieRequest, out ulong echo));
        byte[] buffer = new byte[64];
        await ArriveAsync(server, buffer[..RelayFrame.WriteCookie(buffer, echo, new byte[RelayFrame.CookieLength])]);
        Assert.True(RelayFrame.TryReadBind(Assert.Single(await TakeSentAsync(server)), out BindFrame bind, out _));
        await ArriveAsync(server, buffer[..RelayFrame.WriteBound(buffer, new BoundFrame(bind.Handle, bind.Sequence, seen))]);
    }

    /// <summary>A datagram comes, and is taken.</summary>
    public async Task ArriveAsync(UdpAddress from, byte[] datagram)
    {
        await Node.Driver.CallAsync(_ => ((FakeSocket)Node.Sockets.For(from)!).Arrive(from.ToString(), "127.0.0.1:0", datagram));
        // Each call is a turn, which begins with what has come.
        await Node.Driver.CallAsync(static _ => { });
    }

    public async ValueTask DisposeAsync()
    {
        await Node.DisposeAsync();
        _folder.Delete(recursive: true);
    }

    private static LocalNetwork NetworkOf(string[] addresses) => new(
        addresses.Select(address => new InterfaceAddress(new UdpAddress(IPAddress.Parse(address), 0), 24, "eth0", InterfaceKind.Physical)), allowsLoopback: false);

    private sealed class ManualUdp(bool knowsLocalAddress) : UdpPlatform
    {
        private int _port = 40_000;

        /// <summary>Every socket so far.</summary>
        public ConcurrentQueue<FakeSocket> Bound { get; } = new();

        public override bool KnowsLocalAddress => knowsLocalAddress;

        public override string Name => "manual";

        public override IUdpSocket Bind(in UdpAddress local)
        {
            var socket = new FakeSocket(local.ToIPAddress().ToString(), local.Port != 0 ? local.Port : Interlocked.Increment(ref _port));
            Bound.Enqueue(socket);
            return socket;
        }

        public override IUdpPoller CreatePoller() => new Poller();
    }

    /// <summary>Waits for nothing but a wake-up: time alone brings none.</summary>
    private sealed class Poller : IUdpPoller
    {
        private readonly SemaphoreSlim _wakes = new(0);
        private readonly List<IUdpSocket> _sockets = [];

        /// <summary>All of them: a socket that has nothing says so.</summary>
        public IReadOnlyList<IUdpSocket> Readable => [.. _sockets];

        public void Add(IUdpSocket socket) => _sockets.Add(socket);

        public void Remove(IUdpSocket socket) => _sockets.Remove(socket);

        public void WatchWritable(IUdpSocket socket)
        {
        }

        public void Wait(TimeSpan timeout)
        {
            if (timeout != TimeSpan.Zero)
                _wakes.Wait();
        }

        public void Wake() => _wakes.Release();

        public void Dispose() => _wakes.Dispose();
    }
}
