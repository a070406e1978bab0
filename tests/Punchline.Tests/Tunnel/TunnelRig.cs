using System.Net;
using System.Net.Sockets;
using System.Threading.Channels;
using Punchline.Endpoint;
using Punchline.Protocol;
using Punchline.Quic;
using Punchline.Tunnel;
using Xunit;

namespace Punchline.Tests.Tunnel;

/// <summary>A driver whose thread is the test's, and whose time stands still until the test moves it.</summary>
internal sealed class ManualDriver : IDriver
{
    private readonly WorkQueue _work = new();
    private readonly List<IDriverTimer> _timers = [];
    private readonly Channel<bool> _signal = Channel.CreateBounded<bool>(new BoundedChannelOptions(1) { FullMode = BoundedChannelFullMode.DropWrite });

    public Instant Now { get; private set; } = new(1_000_000_000);

    public bool Post(WorkItem item)
    {
        bool posted = _work.Post(item, out bool _);
        _signal.Writer.TryWrite(true);
        return posted;
    }

    public void AddTimer(IDriverTimer timer) => _timers.Add(timer);

    public void RemoveTimer(IDriverTimer timer) => _timers.Remove(timer);

    public bool Run()
    {
        WorkQueue.Batch batch = _work.TakeAll();
        bool any = false;
        while (batch.TryNext(out WorkItem item))
        {
            any = true;
            item.Execute(Now);
        }
        return any;
    }

    public void Advance(TimeSpan span)
    {
        Now += span;
        foreach (IDriverTimer timer in _timers.ToArray())
        {
            if (timer.NextTimeout <= Now)
                timer.OnTimeout(Now);
        }
    }

    /// <summary>Until something is posted; now and then anyway, as tests also wait for sockets of their own.</summary>
    public async Task WaitAsync(CancellationToken cancellation)
    {
        await Task.WhenAny(_signal.Reader.WaitToReadAsync(cancellation).AsTask(), Task.Delay(20, cancellation));
        _signal.Reader.TryRead(out _);
        cancellation.ThrowIfCancellationRequested();
    }
}

internal sealed class RecordingEvents : IHostTunnelEvents, IClientTunnelEvents
{
    public List<string> Lines { get; } = [];
    public int Closed { get; private set; }
    public int Opened { get; private set; }

    public int Count(string start) => Lines.Count(l => l.StartsWith(start, StringComparison.Ordinal));

    public void ConnectionOpened(ulong serviceId, ulong flowId)
    {
        Opened++;
        Lines.Add($"opened {serviceId}");
    }

    public void ConnectionClosed(ulong serviceId, ulong flowId, TunnelErrorCode code)
    {
        Closed++;
        Lines.Add($"closed {serviceId} {code}");
    }

    public void ConnectionNotCarried(ulong? serviceId, TunnelErrorCode code) => Lines.Add($"not carried {serviceId} {code}");
    public void ServiceFailed(ulong serviceId, ulong flowId, ServiceErrorCode code, string detail) => Lines.Add($"failed {serviceId} {code}: {detail}");
    public void FlowOpened(ulong serviceId, ulong flowId) => Lines.Add($"flow {serviceId}");
    public void FlowClosed(ulong serviceId, ulong flowId, bool evicted, ulong missing) =>
        Lines.Add($"flow closed {serviceId}{(evicted ? " evicted" : "")}{(missing > 0 ? $" missing {missing}" : "")}");

    public void DatagramTooLarge(ulong serviceId, int size, int limit) => Lines.Add($"too large {serviceId} {size} {limit}");
    public void ListenerFailed(ulong? serviceId, SocketError error) => Lines.Add($"listener {serviceId} {error}");
}

/// <summary>Real sockets on loopback on both sides of a connection in memory.</summary>
internal sealed class TunnelRig : IDisposable
{
    public const ulong TcpService = 1;
    public const ulong UdpService = 2;
    private readonly List<IDisposable> _disposables = [];

    public ManualDriver Driver { get; } = new();
    public RecordingEvents ClientEvents { get; } = new();
    public RecordingEvents HostEvents { get; } = new();
    public ClientTunnel Client { get; }
    public HostTunnel? Host { get; private set; }
    public MemoryTransport? Transport { get; private set; }
    public Socket Service { get; }
    public Socket UdpServer { get; }
    public Dictionary<ulong, TunnelService> Services { get; } = [];
    public TcpListenerForwarder Listener { get; }
    public UdpListenerForwarder UdpListener { get; }
    public IPEndPoint LocalTcp { get; }
    public IPEndPoint LocalUdp { get; }

    public TunnelRig()
    {
        Service = Bound(SocketType.Stream);
        Service.Listen();
        UdpServer = Bound(SocketType.Dgram);
        Services[TcpService] = new TunnelService(false, (IPEndPoint)Service.LocalEndPoint!);
        Services[UdpService] = new TunnelService(true, (IPEndPoint)UdpServer.LocalEndPoint!);
        Client = new ClientTunnel(Driver, ClientEvents);
        Socket tcp = Bound(SocketType.Stream);
        tcp.Listen();
        LocalTcp = (IPEndPoint)tcp.LocalEndPoint!;
        Listener = Client.AddTcp(tcp);
        Socket udp = Bound(SocketType.Dgram);
        LocalUdp = (IPEndPoint)udp.LocalEndPoint!;
        UdpListener = Client.AddUdp(udp);
        Listener.ServiceId = TcpService;
        UdpListener.ServiceId = UdpService;
    }

    public TunnelRig Connect(int seed = 1, bool carrying = true)
    {
        Transport = new MemoryTransport(seed);
        Host = new HostTunnel(Driver, Transport.Host, id => Services.GetValueOrDefault(id), HostEvents);
        Client.Attach(Transport.Client);
        if (carrying)
            Carry();
        return this;
    }

    public void Carry()
    {
        Host!.SetCarrying(true);
        Client.SetCarrying(true);
    }

    /// <summary>The connection is lost on both sides.</summary>
    public void Lose()
    {
        Client.Detach();
        Host!.Dispose();
        Transport = null;
    }

    public Socket Bound(SocketType type)
    {
        var socket = new Socket(AddressFamily.InterNetwork, type, type == SocketType.Stream ? ProtocolType.Tcp : ProtocolType.Udp);
        socket.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        _disposables.Add(socket);
        return socket;
    }

    public async Task<Socket> DialAsync()
    {
        var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        _disposables.Add(socket);
        await socket.ConnectAsync(LocalTcp, TestContext.Current.CancellationToken);
        return socket;
    }

    /// <summary>A connection through the tunnel: the program's end and the service's.</summary>
    public async Task<(Socket Program, Socket Service)> DialThroughAsync()
    {
        Socket program = await DialAsync();
        Socket service = await RunAsync(Service.AcceptAsync(TestContext.Current.CancellationToken).AsTask());
        _disposables.Add(service);
        return (program, service);
    }

    /// <summary>Drives both ends until the condition holds.</summary>
    public async Task UntilAsync(Func<bool> condition)
    {
        while (true)
        {
            bool any = Driver.Run();
            if (Transport is { } transport)
                any |= transport.Deliver(ToClient, ToHost);
            if (any)
                continue;
            if (condition())
                return;
            await Driver.WaitAsync(TestContext.Current.CancellationToken);
        }
    }

    /// <summary>Drives both ends until a task is done.</summary>
    public async Task<T> RunAsync<T>(Task<T> task)
    {
        await UntilAsync(() => task.IsCompleted);
        return await task;
    }

    public async Task RunAsync(Task task)
    {
        await UntilAsync(() => task.IsCompleted);
        await task;
    }

    public void Dispose()
    {
        Client.Dispose();
        Host?.Dispose();
        foreach (IDisposable disposable in _disposables)
            disposable.Dispose();
    }

    private void ToClient(QuicEventKind kind, StreamId stream, ulong code)
    {
        if (kind == QuicEventKind.StreamsAvailable)
            Client.OnStreamsAvailable();
        else
            Tell(Client, kind, stream, code);
    }

    private void ToHost(QuicEventKind kind, StreamId stream, ulong code)
    {
        if (kind == QuicEventKind.StreamOpened)
            Host!.OnStreamOpened(stream);
        else
            Tell(Host!, kind, stream, code);
    }

    private static void Tell(TunnelEnd end, QuicEventKind kind, StreamId stream, ulong code)
    {
        switch (kind)
        {
            case QuicEventKind.StreamReadable: end.OnStreamReadable(stream, code); break;
            case QuicEventKind.StreamWritable: end.OnStreamWritable(stream); break;
            case QuicEventKind.StreamStopped: end.OnStreamStopped(stream, code); break;
            case QuicEventKind.DatagramReceived: end.OnDatagram(); break;
            default: throw new InvalidOperationException(kind.ToString());
        }
    }
}
