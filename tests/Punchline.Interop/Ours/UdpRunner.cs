using System.Collections.Concurrent;
using System.Net;
using System.Net.Sockets;
using Punchline.Lab.Driver;
using Punchline.Quic;

namespace Punchline.Interop.Ours;

/// <summary>
/// Our side of an interoperation test: the core, as it is, over one UDP socket on loopback, driven by its calling contract on a thread of
/// its own. Identity, keys and randomness are the production ones.
/// </summary>
internal sealed class UdpRunner : ILocalNetwork, ITrace, IAsyncDisposable
{
    /// <summary>Events that are kept for the report of a failure: the last ones tell most.</summary>
    private const int KeptEvents = 400;

    /// <summary>The longest wait of the loop; what is posted wakes it anyway.</summary>
    private static readonly TimeSpan LongestWait = TimeSpan.FromSeconds(1);

    private readonly Socket _socket = new(AddressFamily.InterNetwork, SocketType.Dgram, ProtocolType.Udp);
    private readonly QuicEndpoint _endpoint;
    private readonly IRunnerApplication _application;
    private readonly P256Signer _signer = P256Signer.Create(SystemRandomness.Instance);
    private readonly ConcurrentQueue<Action> _posted = new();
    private readonly List<QuicConnection> _connections = [];
    private readonly Dictionary<IPEndPoint, RunnerPath> _paths = [];
    private readonly Queue<string> _events = new();
    private readonly byte[] _buffer = new byte[65_535];
    private readonly long _start = TimeProvider.System.GetTimestamp();
    private readonly TaskCompletionSource<QuicConnection> _established = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly TaskCompletionSource<QuicError> _closed = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly Task _loop;
    private volatile bool _ends;

    /// <summary>Binds a port and starts.</summary>
    public UdpRunner(IRunnerApplication application, QuicTransportOptions transport, IAdmission? admission = null)
    {
        _application = application;
        _socket.ReceiveBufferSize = _socket.SendBufferSize = 4 << 20;
        _socket.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        Port = ((IPEndPoint)_socket.LocalEndPoint!).Port;
        var resetKey = new byte[32];
        SystemRandomness.Instance.FillSecret(resetKey);
        _endpoint = new QuicEndpoint(new QuicEndpointOptions
        {
            Signer = _signer,
            Randomness = SystemRandomness.Instance,
            KeyExchanges = [new P256KeyExchange(SystemRandomness.Instance)],
            ResetKey = resetKey,
            Network = this,
            Admission = admission,
            Transport = transport,
            Trace = this,
        });
        _loop = Task.Factory.StartNew(Run, CancellationToken.None, TaskCreationOptions.LongRunning, TaskScheduler.Default);
    }

    /// <summary>Our port on loopback.</summary>
    public int Port { get; }

    /// <summary>The first connection, once it is established.</summary>
    public Task<QuicConnection> Established => WithinAsync(_established.Task, "be established");

    /// <summary>Why the first connection ended, once it has.</summary>
    public Task<QuicError> Closed => WithinAsync(_closed.Task, "end");

    /// <summary>The last events on our side, for the report of a failure.</summary>
    public string Report
    {
        get
        {
            lock (_events)
                return string.Join('\n', _events);
        }
    }

    /// <summary>Connections established so far.</summary>
    public int EstablishedCount { get; private set; }

    /// <summary>How often data took another path: our client was followed, or we followed the peer.</summary>
    public int PathChanges { get; private set; }

    /// <summary>How often a new path of the peer answered our challenge.</summary>
    public int PathsValidated { get; private set; }

    /// <summary>Key updates that our side began.</summary>
    public int KeyUpdates { get; private set; }

    /// <summary>Key updates that the peer began and our side followed.</summary>
    public int PeerKeyUpdates { get; private set; }

    bool ILocalNetwork.AllowsLoopback => true;

    bool ILocalNetwork.IsOnLink(UdpAddress address) => address.IsLoopback;

    bool ILocalNetwork.IsOwn(UdpAddress address) => false;

    /// <summary>Opens a connection to a port on loopback, to a peer with any key.</summary>
    /// <param name="port">The peer's.</param>
    /// <param name="session">A session to resume.</param>
    /// <param name="begin">What to do before the first packet leaves.</param>
    public Task<QuicConnection> ConnectAsync(int port, ReadOnlyMemory<byte> session = default, Action<QuicConnection>? begin = null) => CallAsync(() =>
    {
        Span<byte> destination = stackalloc byte[ConnectionId.MaxLength - 2]; // gtlsserver's own ids have 18 bytes, which it takes of others, too.
        SystemRandomness.Instance.FillPublic(destination);
        QuicConnection connection = _endpoint.Connect(
            Now,
            new QuicClientOptions { ExpectedPeerId = default, InitialDestination = new ConnectionId(destination), Session = session },
            PathTo(new IPEndPoint(IPAddress.Loopback, port)));
        _connections.Add(connection);
        begin?.Invoke(connection);
        return connection;
    });

    /// <summary>Closes with an application error.</summary>
    public Task CloseAsync(QuicConnection connection, ulong code, string reason) => CallAsync(() =>
    {
        connection.Close(Now, code, reason);
        return true;
    });

    /// <summary>Runs something on the runner's thread.</summary>
    public Task<T> CallAsync<T>(Func<T> call)
    {
        var done = new TaskCompletionSource<T>(TaskCreationOptions.RunContinuationsAsynchronously);
        _posted.Enqueue(() => done.SetResult(call()));
        Wake();
        return WithinAsync(done.Task, "answer");
    }

    public async ValueTask DisposeAsync()
    {
        _ends = true;
        Wake();
        await _loop;
        _socket.Dispose();
        _signer.Dispose();
    }

    void ITrace.Record(QuicConnection connection, in TraceEvent traceEvent, ReadOnlySpan<byte> content)
    {
        if (traceEvent is { Kind: TraceKind.Keys, Text: "updated" })
            KeyUpdates++;
        if (traceEvent is { Kind: TraceKind.Keys, Text: "updated by the peer" })
            PeerKeyUpdates++;
        Note($"{traceEvent.At} {traceEvent.Kind} {traceEvent.Space} #{traceEvent.Number} {traceEvent.Size} {traceEvent.Path} {traceEvent.Text}");
    }

    /// <summary>Waits, against hangs alone, and says on failure what our side did.</summary>
    public async Task<T> WithinAsync<T>(Task<T> task, string what)
    {
        Task first = await Task.WhenAny(task, _loop, Task.Delay(ChildProcess.StepLimit));
        if (first == _loop)
            await _loop;
        return first == task ? await task : throw new LabException($"our side did not come to {what}\n--- our last events\n{Report}");
    }

    private Instant Now => new(TimeProvider.System.GetElapsedTime(_start).Ticks);

    /// <summary>One byte to ourselves, which is no QUIC packet.</summary>
    private void Wake() => _socket.SendTo([0], new IPEndPoint(IPAddress.Loopback, Port));

    private void Run()
    {
        try
        {
            while (!_ends)
            {
                Wait();
                while (_socket.Available > 0)
                    Receive();
                while (_posted.TryDequeue(out Action? action))
                    action();
                OnTimeouts();
                Flush();
            }
        }
        finally
        {
            foreach (QuicConnection connection in _connections)
                connection.Dispose();
        }
    }

    private void Wait()
    {
        Instant next = Instant.Never;
        foreach (QuicConnection connection in _connections)
            next = Instant.Min(next, connection.NextTimeout);
        TimeSpan wait = next.IsSet ? next - Now : LongestWait;
        wait = wait < LongestWait ? wait : LongestWait;
        if (wait > TimeSpan.Zero)
            _socket.Poll(wait, SelectMode.SelectRead);
    }

    private void Receive()
    {
        EndPoint from = new IPEndPoint(IPAddress.Any, 0);
        int length = _socket.ReceiveFrom(_buffer, ref from);
        if (length == 1)
            return;
        QuicConnection? connection = _endpoint.Receive(Now, PathTo((IPEndPoint)from), EcnCodepoint.NotEct, _buffer.AsSpan(0, length));
        if (connection is null)
            Note($"{Now} nobody took {length} bytes from {from}");
        else if (!_connections.Contains(connection))
            _connections.Add(connection);
    }

    private void OnTimeouts()
    {
        Instant now = Now;
        foreach (QuicConnection connection in _connections)
        {
            if (connection.NextTimeout <= now)
                connection.OnTimeout(now);
        }
    }

    private void Flush()
    {
        while (_endpoint.TryTransmit(_buffer, out Transmit answer))
            Send(answer);
        for (int i = _connections.Count - 1; i >= 0; i--)
        {
            QuicConnection connection = _connections[i];
            while (connection.TryReadEvent(out QuicEvent quicEvent))
                OnEvent(connection, quicEvent);
            while (connection.TryTransmit(Now, _buffer, out Transmit transmit))
                Send(transmit);
            if (!connection.IsTerminated)
                continue;
            _endpoint.Remove(connection);
            _connections.RemoveAt(i);
        }
    }

    private void OnEvent(QuicConnection connection, in QuicEvent quicEvent)
    {
        if (quicEvent.Kind is not (QuicEventKind.StreamReadable or QuicEventKind.StreamWritable))
            Note($"{Now} event {quicEvent.Kind} {quicEvent.Stream} {quicEvent.Path} {quicEvent.Error}");
        if (quicEvent.Kind == QuicEventKind.Established)
            EstablishedCount++;
        if (quicEvent.Kind == QuicEventKind.PathChanged)
            PathChanges++;
        if (quicEvent.Kind == QuicEventKind.PathValidated)
            PathsValidated++;
        _application.OnEvent(connection, quicEvent);
        if (quicEvent.Kind == QuicEventKind.Established)
            _established.TrySetResult(connection);
        else if (quicEvent.Kind == QuicEventKind.Closed)
            OnClosed(quicEvent.Error!);
    }

    private void OnClosed(QuicError error)
    {
        _closed.TrySetResult(error);
        _established.TrySetException(new LabException($"closed before it was established: {error}\n--- our last events\n{Report}"));
    }

    private void Send(in Transmit transmit)
    {
        var path = (RunnerPath)transmit.Path;
        for (int offset = 0; offset < transmit.Length; offset += transmit.SegmentSize)
        {
            int length = Math.Min(transmit.SegmentSize, transmit.Length - offset);
            _socket.SendTo(_buffer.AsSpan(offset, length), path.Remote);
        }
    }

    /// <summary>The core knows paths by reference: one object for each remote address.</summary>
    private RunnerPath PathTo(IPEndPoint remote)
    {
        if (!_paths.TryGetValue(remote, out RunnerPath? path))
        {
            path = new RunnerPath(remote);
            _paths.Add(remote, path);
        }
        return path;
    }

    private void Note(string text)
    {
        lock (_events)
        {
            if (_events.Count == KeptEvents)
                _events.Dequeue();
            _events.Enqueue(text);
        }
    }
}
