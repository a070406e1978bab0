using System.Net.Sockets;
using System.Net;
using Punchline.Quic;
using Punchline.Server;
using Punchline.Udp;
using Xunit;

namespace Punchline.Tests.Hosting;

/// <summary>A host or client that runs, with what it says.</summary>
internal sealed class RunningRole : IAsyncDisposable
{
    private readonly CancellationTokenSource _stop = new();

    public RunningRole(string name, Func<IProgress<PunchlineEvent>, CancellationToken, Task> run)
    {
        Events = new EventRecorder(name);
        Completion = run(Events, _stop.Token);
    }

    public EventRecorder Events { get; }

    public Task Completion { get; }

    /// <summary>Set on a host.</summary>
    public PunchlineHost? Host { get; init; }

    /// <summary>Waits until the first direct path after so many events.</summary>
    public Task DirectAsync(int from = 0) => Events.WaitAsync<PathChanged>(path => path.Kind == PathKind.Direct, from);

    /// <summary>The error that ends it.</summary>
    public Task<PunchlineException> FailureAsync() =>
        Assert.ThrowsAsync<PunchlineException>(() => Completion.WaitAsync(EventRecorder.Limit, TestContext.Current.CancellationToken));

    public async Task StopAsync()
    {
        await _stop.CancelAsync();
        await Completion.WaitAsync(EventRecorder.Limit);
    }

    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        await Completion.WaitAsync(EventRecorder.Limit).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        _stop.Dispose();
    }
}

/// <summary>A server on loopback, and hosts and clients at it, each with a state folder of its own.</summary>
internal sealed class Rig : IAsyncDisposable
{
    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("punchline-hosting-");
    private readonly List<RunningRole> _roles = [];
    private readonly UdpPlatform _platform;
    private RelayTerms? _terms;

    private Rig(UdpPlatform platform) => _platform = platform;

    /// <summary>The platforms that run here.</summary>
    public static TheoryData<string> Platforms => UdpPlatform.IsLinuxSupported ? ["linux", "portable"] : ["portable"];

    public PunchlineServer Server { get; private set; } = null!;

    public string ServerAddress => $"127.0.0.1:{Server.Port}";

    public static Task<Rig> StartAsync(string platform = "linux") => StartAsync(platform, RelayTerms.Limited);

    /// <summary>With a server that relays so much; null: no data.</summary>
    public static Task<Rig> StartRelayingAsync(RelayTerms? relay) => StartAsync("linux", relay);

    private static async Task<Rig> StartAsync(string platform, RelayTerms? relay)
    {
        var rig = new Rig(UdpPlatform.Detect(portable: platform == "portable")) { _terms = relay };
        await rig.StartServerAsync(0);
        return rig;
    }

    public async Task StartServerAsync(int port)
    {
        Server = new PunchlineServer(new PunchlineServerOptions { Address = IPAddress.Loopback, Port = port, Relay = _terms });
        await Server.StartAsync();
    }

    /// <summary>Ends the server and starts another at its port.</summary>
    public async Task RestartServerAsync()
    {
        int port = Server.Port;
        await Server.DisposeAsync();
        await StartServerAsync(port);
    }

    /// <summary>Keeps those no longer that have ended, and what they said.</summary>
    public void ForgetEnded() => _roles.RemoveAll(static role => role.Completion.IsCompleted);

    public string StateOf(string name) => Path.Combine(_folder.FullName, name);

    public RunningRole Host(params ServiceSpec[] services) => Host("host", false, services);

    public RunningRole Host(string name, bool newInvite, params ServiceSpec[] services) => Host(name, ServerAddress, newInvite, null, services);

    /// <summary>A host that was told of another server.</summary>
    public RunningRole HostAt(string name, string server, string? password, params ServiceSpec[] services) => Host(name, server, false, password, services);

    /// <summary>A host whose UDP may be blocked, or that hides.</summary>
    public RunningRole Host(UdpPlatform platform, bool relayOnly, params ServiceSpec[] services) => Host("host", ServerAddress, false, null, services, platform, relayOnly);

    private RunningRole Host(
        string name, string server, bool newInvite, string? password, ServiceSpec[] services, UdpPlatform? platform = null, bool relayOnly = false)
    {
        var options = new HostOptions
        {
            Services = services,
            Server = server,
            StateDirectory = StateOf(name),
            NewInvite = newInvite,
            HostPassword = password,
            RelayOnly = relayOnly,
            UdpPlatform = platform ?? _platform,
        };
        PunchlineHost? host = null;
        var role = new RunningRole(name, (events, stop) => (host = new PunchlineHost(options, events)).RunAsync(stop)) { Host = host };
        _roles.Add(role);
        return role;
    }

    public RunningRole Client(string invite, string name = "client", IReadOnlyDictionary<string, IPEndPoint>? map = null, IPEndPoint? listen = null, TimeProvider? time = null,
        UdpPlatform? platform = null, bool relayOnly = false)
    {
        var options = new ClientOptions
        {
            Invite = invite,
            StateDirectory = StateOf(name),
            UdpPlatform = platform ?? _platform,
            RelayOnly = relayOnly,
            Listen = listen ?? new IPEndPoint(IPAddress.Loopback, 0),
            Map = map ?? new Dictionary<string, IPEndPoint>(),
            TimeProvider = time ?? TimeProvider.System,
        };
        var role = new RunningRole(name, (events, stop) => new PunchlineClient(options, events).RunAsync(stop));
        _roles.Add(role);
        return role;
    }

    /// <summary>The host's invite, once it is registered.</summary>
    public static async Task<string> InviteOf(RunningRole host, int from = 0) => (await host.Events.WaitAsync<InviteCreated>(from: from)).Invite;

    /// <summary>Where a client listens for a service.</summary>
    public static async Task<IPEndPoint> PortOf(RunningRole client, string service) =>
        (await client.Events.WaitAsync<Listening>(listening => listening.Service == service)).Address;

    public async ValueTask DisposeAsync()
    {
        foreach (RunningRole role in Enumerable.Reverse(_roles))
            await role.DisposeAsync();
        await Server.DisposeAsync();
        _folder.Delete(recursive: true);
    }
}

/// <summary>A TCP service that sends everything back, with a greeting in front that names it.</summary>
internal sealed class TcpEcho : IDisposable
{
    private readonly TcpListener _listener;

    public TcpEcho(string greeting = "", int port = 0)
    {
        _listener = new TcpListener(IPAddress.Loopback, port);
        _listener.Start();
        _ = AcceptAsync(greeting);
    }

    public int Port => ((IPEndPoint)_listener.LocalEndpoint).Port;

    public ServiceSpec Spec(string name) => new(name, ServiceProtocol.Tcp, "127.0.0.1", Port);

    public void Dispose() => _listener.Dispose();

    private async Task AcceptAsync(string greeting)
    {
        try
        {
            while (true)
                _ = EchoAsync(await _listener.AcceptSocketAsync(), greeting);
        }
        catch (Exception e) when (e is SocketException or ObjectDisposedException)
        {
            // Disposed.
        }
    }

    private static async Task EchoAsync(Socket socket, string greeting)
    {
        using (socket)
        {
            try
            {
                await socket.SendAsync(System.Text.Encoding.ASCII.GetBytes(greeting));
                var buffer = new byte[65_536];
                int count;
                while ((count = await socket.ReceiveAsync(buffer)) > 0)
                    await socket.SendAsync(buffer.AsMemory(0, count));
                socket.Shutdown(SocketShutdown.Send);
            }
            catch (SocketException)
            {
                // The other side was cut off, which is what some tests are about.
            }
        }
    }
}

/// <summary>A UDP service that sends everything back.</summary>
internal sealed class UdpEcho : IDisposable
{
    private readonly UdpClient _socket = new(new IPEndPoint(IPAddress.Loopback, 0));

    public UdpEcho() => _ = RunAsync();

    public ServiceSpec Spec(string name) => new(name, ServiceProtocol.Udp, "127.0.0.1", ((IPEndPoint)_socket.Client.LocalEndPoint!).Port);

    public void Dispose() => _socket.Dispose();

    private async Task RunAsync()
    {
        try
        {
            while (true)
            {
                UdpReceiveResult received = await _socket.ReceiveAsync();
                await _socket.SendAsync(received.Buffer, received.RemoteEndPoint);
            }
        }
        catch (Exception e) when (e is SocketException or ObjectDisposedException)
        {
            // Disposed.
        }
    }
}

/// <summary>What a program at the client's end does.</summary>
internal static class Visitor
{
    /// <summary>Connects, sends bytes in both directions at once, and checks that all came back in order.</summary>
    public static async Task EchoAsync(IPEndPoint address, int length = 1_000_000)
    {
        using var limit = new CancellationTokenSource(EventRecorder.Limit);
        using var socket = new Socket(SocketType.Stream, ProtocolType.Tcp);
        await socket.ConnectAsync(address, limit.Token);
        byte[] sent = new byte[length];
        new Random(length).NextBytes(sent);
        Task sending = SendAsync(socket, sent, limit.Token);
        byte[] received = await ReceiveAllAsync(socket, limit.Token);
        await sending;
        Assert.True(sent.AsSpan().SequenceEqual(received), "the bytes came back altered");
    }

    /// <summary>Everything up to the end.</summary>
    public static async Task<byte[]> ReceiveAllAsync(Socket socket, CancellationToken stop)
    {
        using var all = new MemoryStream();
        var buffer = new byte[65_536];
        int count;
        while ((count = await socket.ReceiveAsync(buffer, stop)) > 0)
            all.Write(buffer, 0, count);
        return all.ToArray();
    }

    /// <summary>Connects, and reads what the service says first.</summary>
    public static async Task<string> GreetingAsync(IPEndPoint address, int length)
    {
        using var limit = new CancellationTokenSource(EventRecorder.Limit);
        using var socket = new Socket(SocketType.Stream, ProtocolType.Tcp);
        await socket.ConnectAsync(address, limit.Token);
        var buffer = new byte[length];
        int offset = 0;
        while (offset < length)
        {
            int count = await socket.ReceiveAsync(buffer.AsMemory(offset), limit.Token);
            if (count == 0)
                break;
            offset += count;
        }
        return System.Text.Encoding.ASCII.GetString(buffer, 0, offset);
    }

    /// <summary>Sends a datagram, again and again as programs over UDP do, until it comes back.</summary>
    public static async Task UdpEchoAsync(IPEndPoint address, int length = 500)
    {
        using var limit = new CancellationTokenSource(EventRecorder.Limit);
        using var socket = new UdpClient(new IPEndPoint(IPAddress.Loopback, 0));
        var sent = new byte[length];
        new Random(length).NextBytes(sent);
        Task<UdpReceiveResult> receiving = socket.ReceiveAsync(limit.Token).AsTask();
        using var again = new PeriodicTimer(TimeSpan.FromMilliseconds(200));
        do
            await socket.SendAsync(sent, address, limit.Token);
        while (await Task.WhenAny(receiving, again.WaitForNextTickAsync(limit.Token).AsTask()) != receiving);
        Assert.Equal(sent, (await receiving).Buffer);
    }

    private static async Task SendAsync(Socket socket, byte[] bytes, CancellationToken stop)
    {
        for (int offset = 0; offset < bytes.Length;)
            offset += await socket.SendAsync(bytes.AsMemory(offset), stop);
        socket.Shutdown(SocketShutdown.Send);
    }
}
