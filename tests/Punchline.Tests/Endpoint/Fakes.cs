using Punchline.Endpoint;
using Punchline.Quic;
using Punchline.Quic.Paths;
using Punchline.Udp;

namespace Punchline.Tests.Endpoint;

internal sealed class FakePoller : IUdpPoller
{
    public List<IUdpSocket> Sockets { get; } = [];
    public List<IUdpSocket> Watched { get; } = [];
    public List<TimeSpan> Waits { get; } = [];
    public int Wakes;
    public bool Disposed { get; private set; }
    public Action? OnWait { get; set; }

    /// <summary>All of them: a socket that has nothing says so.</summary>
    public IReadOnlyList<IUdpSocket> Readable => [.. Sockets];

    public void Add(IUdpSocket socket) => Sockets.Add(socket);
    public void Remove(IUdpSocket socket) => Sockets.Remove(socket);
    public void WatchWritable(IUdpSocket socket) => Watched.Add(socket);

    public void Wait(TimeSpan timeout)
    {
        Waits.Add(timeout);
        OnWait?.Invoke();
    }

    public void Wake() => Interlocked.Increment(ref Wakes);
    public void Dispose() => Disposed = true;
}

internal sealed record SentBatch(UdpAddress Remote, UdpAddress Local, byte[] Bytes, int SegmentSize, bool Ect0, byte TimeToLive);

internal sealed class FakeSocket(string address, int port) : IUdpSocket
{
    private readonly Queue<(byte[] Bytes, int Segment, UdpAddress Remote, UdpAddress Local)> _incoming = new();

    public UdpAddress LocalAddress { get; } = new(System.Net.IPAddress.Parse(address), port);
    public int MaxSegments { get; set; } = 64;
    public List<SentBatch> Sent { get; } = [];
    /// <summary>Statuses of the next sends; Sent when empty.</summary>
    public Queue<UdpSendStatus> Next { get; } = new();
    public bool Disposed { get; private set; }

    public void Arrive(string remote, string local, byte[] bytes, int segment = 0) =>
        _incoming.Enqueue((bytes, segment == 0 ? bytes.Length : segment, Address(remote), Address(local)));

    public UdpSendStatus Send(in UdpAddress remote, in UdpAddress local, ReadOnlySpan<byte> batch, int segmentSize, bool ect0, byte timeToLive)
    {
        UdpSendStatus status = Next.TryDequeue(out UdpSendStatus next) ? next : UdpSendStatus.Sent;
        if (status == UdpSendStatus.Sent)
            Sent.Add(new SentBatch(remote, local, batch.ToArray(), segmentSize, ect0, timeToLive));
        return status;
    }

    public bool TryReceive(Span<byte> buffer, out UdpReceived received)
    {
        received = default;
        if (!_incoming.TryDequeue(out var next))
            return false;
        next.Bytes.CopyTo(buffer);
        received = new UdpReceived(next.Bytes.Length, next.Segment, next.Remote, next.Local, EcnCodepoint.NotEct);
        return true;
    }

    public void Dispose() => Disposed = true;

    public static UdpAddress Address(string text)
    {
        var endPoint = System.Net.IPEndPoint.Parse(text);
        return new UdpAddress(endPoint.Address, endPoint.Port);
    }
}

internal sealed class FakeCore : IConnectionCore
{
    public Queue<QuicEvent> Events { get; } = new();
    /// <summary>What TryTransmit hands out: path, datagrams, segment size.</summary>
    public Queue<(NetworkPath Path, byte[] Bytes, int Segment)> Outgoing { get; } = new();
    public (NetworkPath Path, byte[] Bytes, int Segment)? Endless { get; set; }
    public HashSet<NetworkPath> Known { get; } = [];
    public List<NetworkPath> Removed { get; } = [];
    public List<NetworkPath> Probed { get; } = [];
    public List<NetworkPath> Left { get; } = [];
    public List<(NetworkPath Path, int Size)> TooLarge { get; } = [];
    public List<Instant> Timeouts { get; } = [];
    public List<Instant> NetworkChanges { get; } = [];
    public List<(ulong Code, string Reason)> Closes { get; } = [];
    public int TransmitCalls { get; private set; }

    public EndpointConnection? Owner { get; set; }
    public bool IsClient { get; set; }
    public bool IsEstablished { get; set; }
    public bool IsTerminated { get; set; }
    public object? AdmissionTag => null;
    public ReadOnlyMemory<byte> PeerId => default;
    public NetworkPath CurrentPath { get; set; } = null!;
    public ConnectionStatistics Statistics => default;
    public Instant NextTimeout { get; set; } = Instant.Never;
    public int MaxDatagramPayload => 1200;

    public void OnTimeout(Instant now)
    {
        Timeouts.Add(now);
        NextTimeout = Instant.Never;
    }

    public bool TryTransmit(Instant now, Span<byte> buffer, out Transmit transmit)
    {
        TransmitCalls++;
        transmit = default;
        (NetworkPath Path, byte[] Bytes, int Segment) next;
        if (Endless is { } endless)
            next = endless;
        else if (!Outgoing.TryDequeue(out next))
            return false;
        next.Bytes.CopyTo(buffer);
        transmit = new Transmit(next.Path, next.Bytes.Length, next.Segment, true, 0);
        return true;
    }

    public bool TryWriteProbe(Instant now, NetworkPath path, Span<byte> buffer, out int length)
    {
        Probed.Add(path);
        buffer[0] = 0x40;
        length = 1;
        return true;
    }

    public bool TryReadEvent(out QuicEvent quicEvent) => Events.TryDequeue(out quicEvent);
    public void AddLocalCandidate(Candidate candidate) { }
    public void RemoveLocalCandidate(UdpAddress address) { }
    public bool TryAddPath(Instant now, NetworkPath path) => Known.Add(path);

    public void RemovePath(Instant now, NetworkPath path)
    {
        Known.Remove(path);
        Removed.Add(path);
    }

    public void LeavePath(Instant now, NetworkPath path) => Left.Add(path);
    public void AgreeOnSilence(Instant now, TimeSpan quiet, bool isBusy) { }

    public void OnNetworkChanged(Instant now) => NetworkChanges.Add(now);

    public void OnDatagramTooLarge(Instant now, NetworkPath path, int size) => TooLarge.Add((path, size));

    public bool TryGetPathStatistics(NetworkPath path, out PathStatistics statistics)
    {
        statistics = default;
        return Known.Contains(path);
    }

    public ProbingReport ReportProbing(Instant now) => throw new NotSupportedException();

    public void Close(Instant now, ulong applicationCode, string reason)
    {
        Closes.Add((applicationCode, reason));
        Events.Enqueue(new QuicEvent { Kind = QuicEventKind.Closed, Error = QuicError.Application(applicationCode, reason) });
    }

    public bool TryOpenStream(bool bidirectional, out StreamId id) => throw new NotSupportedException();
    public StreamStatus Write(StreamId id, ReadOnlySpan<byte> data, out int accepted) => throw new NotSupportedException();
    public StreamStatus Finish(StreamId id) => throw new NotSupportedException();
    public StreamStatus Read(StreamId id, Span<byte> destination, out int count) => throw new NotSupportedException();
    public void Reset(StreamId id, ulong code) => throw new NotSupportedException();
    public void StopSending(StreamId id, ulong code) => throw new NotSupportedException();
    public bool TrySendDatagram(ReadOnlySpan<byte> payload) => throw new NotSupportedException();
    public bool TryReadDatagram(Span<byte> destination, out int length) => throw new NotSupportedException();
}

/// <summary>Gives every datagram whose second byte is n to connection n; the others belong to nobody.</summary>
internal sealed class FakeEndpointCore : IEndpointCore
{
    public Dictionary<byte, FakeCore> ByTag { get; } = [];
    public List<(NetworkPath Path, byte[] Datagram)> Received { get; } = [];
    public List<IConnectionCore> RemovedConnections { get; } = [];
    public Queue<byte[]> Stateless { get; } = new();
    private NetworkPath? _lastPath;

    public IConnectionCore? Receive(Instant now, NetworkPath path, EcnCodepoint ecn, Span<byte> datagram)
    {
        Received.Add((path, datagram.ToArray()));
        _lastPath = path;
        if (datagram.Length < 2 || !ByTag.TryGetValue(datagram[1], out FakeCore? core))
            return null;
        core.Known.Add(path);
        core.CurrentPath ??= path;
        return core;
    }

    public bool TryTransmit(Span<byte> buffer, out Transmit transmit)
    {
        transmit = default;
        if (!Stateless.TryDequeue(out byte[]? bytes))
            return false;
        bytes.CopyTo(buffer);
        transmit = new Transmit(_lastPath!, bytes.Length, bytes.Length, false, 0);
        return true;
    }

    public IConnectionCore Connect(Instant now, QuicClientOptions options, NetworkPath path)
    {
        var core = new FakeCore { IsClient = true, CurrentPath = path };
        core.Known.Add(path);
        return core;
    }

    public void Remove(IConnectionCore connection) => RemovedConnections.Add(connection);
}

internal sealed class FakeRoutes : IRouteLookup
{
    /// <summary>Of IPv4; none if there is no route.</summary>
    public string? Source { get; set; } = "192.0.2.1:0";

    public int Lookups { get; private set; }

    public bool TryGetSource(in UdpAddress remote, out UdpAddress source)
    {
        Lookups++;
        string? from = remote.IsIPv4 ? Source : "[2001:db8::1]:0";
        source = from is null ? default : FakeSocket.Address(from);
        return from is not null;
    }
}

internal sealed class FakeLog : IEndpointLog
{
    public List<string> Lines { get; } = [];
    public void HandlerFailed(EndpointConnection connection, Exception exception) => Lines.Add("handler: " + exception.Message);
    public void WorkFailed(object work, Exception exception) => Lines.Add("work: " + exception.Message);
    public void LoopFailed(Exception exception) => Lines.Add("loop: " + exception.Message);
    public void Unreachable(IUdpSocket socket, UdpAddress remote) => Lines.Add("unreachable: " + remote);
}

internal sealed class RecordingHandler : IConnectionHandler
{
    public List<string> Calls { get; } = [];
    public Action<string>? On { get; set; }

    private void Note(string call)
    {
        Calls.Add(call);
        On?.Invoke(call);
    }

    public void OnEstablished() => Note("established");
    public void OnStreamOpened(StreamId stream) => Note($"opened {stream}");
    public void OnStreamReadable(StreamId stream, ulong code) => Note($"readable {stream} {code}");
    public void OnStreamWritable(StreamId stream) => Note($"writable {stream}");
    public void OnStreamStopped(StreamId stream, ulong code) => Note($"stopped {stream} {code}");
    public void OnStreamsAvailable() => Note("streams available");
    public void OnDatagram() => Note("datagram");
    public void OnCandidateReceived(Candidate candidate) => Note($"candidate {candidate.Address}");
    public void OnCandidateGone(Candidate candidate) => Note($"gone {candidate.Address}");
    public void OnObservedAddress(UdpAddress address, NetworkPath? path) => Note($"observed {address}");
    public void OnPathChanged(NetworkPath path) => Note($"changed {path}");
    public void OnPathValidated(NetworkPath path) => Note($"validated {path}");
    public void OnPathLost(NetworkPath path) => Note($"lost {path}");
    public void OnUnreachable() => Note("unreachable");
    public void OnReachable() => Note("reachable");
    public void OnPunchingFailed() => Note("punching failed");
    public void OnClosed(QuicError error) => Note($"closed {error.Code} {error.Reason}");
}

/// <summary>A loop on fakes: an IPv4 wildcard socket, a clock that the test turns.</summary>
internal sealed class LoopRig
{
    public FakePoller Poller { get; } = new();
    public FakeSocket Socket { get; } = new("0.0.0.0", 4433);
    public FakeSocket Socket6 { get; } = new("::", 4434);
    public FakeEndpointCore Core { get; } = new();
    public FakeLog Log { get; } = new();
    public FakeRoutes Routes { get; } = new();
    public Dictionary<FakeCore, RecordingHandler> Handlers { get; } = [];
    public Instant Time { get; set; } = new(10_000_000);
    /// <summary>How much further the wall clock went than the monotonic one.</summary>
    public TimeSpan Slept { get; set; }
    public EndpointLoop Loop { get; }

    public LoopRig(bool relayOnly = false)
    {
        Loop = new EndpointLoop(Options(relayOnly));
    }

    /// <summary>A link whose relayed datagrams come to the IPv4 socket.</summary>
    public RelayLink LinkTo(string server)
    {
        UdpAddress address = FakeSocket.Address(server);
        var link = new RelayLink { Server = address, Socket = Socket };
        Loop.AddRelayLink(Socket, address, link);
        return link;
    }

    public EndpointLoopOptions Options(bool relayOnly = false) => new()
    {
        Poller = Poller,
        Sockets = [Socket, Socket6],
        Core = Core,
        Clock = () => Time,
        WallClock = () => DateTimeOffset.UnixEpoch + (Time - Instant.Zero) + Slept,
        Routes = Routes,
        Log = Log,
        RelayOnly = relayOnly,
        Accept = connection => Handlers[(FakeCore)connection.Core] = new RecordingHandler(),
    };

    /// <summary>A connection that came in, by one datagram on a path of its own.</summary>
    public FakeCore Incoming(byte tag)
    {
        var core = new FakeCore();
        Core.ByTag.Add(tag, core);
        Socket.Arrive($"198.51.100.{tag}:1000", "192.0.2.1:0", [0x40, tag]);
        Loop.Turn();
        return core;
    }
}
