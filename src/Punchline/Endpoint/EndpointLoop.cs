using Punchline.Quic;
using Punchline.Udp;

namespace Punchline.Endpoint;

/// <summary>
/// The one loop that owns sockets, protocol and connections, turn by turn and without a thread of its own
/// (<see cref="EndpointDriver"/> is the thread). Everything but <see cref="Post"/> belongs to whoever calls <see cref="Turn"/>.
/// </summary>
/// <remarks>
/// A turn:
/// <code>
///   wait (deadline, datagram, wake-up) → read the clock once: did the machine sleep?
///     → receive batches: demultiplex → connections, clients beside QUIC
///     → posted work → timers → clients that are due
///     → batches that waited for a socket
///     → every connection that something touched: events to its owner, then send; one that has ended is forgotten
/// </code>
/// Deadlines are found by a linear scan: an endpoint has tens of connections, rarely hundreds (invites bound them), and each
/// turn costs system calls of a microsecond or more; a scan over cached values costs a nanosecond each, a heap would have to be
/// kept in order on every packet.
/// </remarks>
internal sealed partial class EndpointLoop : IDriver
{
    /// <summary>Connections that wait for a socket are looked at again after this long, even if the system never says "writable".</summary>
    private static readonly TimeSpan BlockedRetry = TimeSpan.FromMilliseconds(10);

    private static readonly QuicError EndedWithoutReason = QuicError.Transport(TransportErrorCode.NoError, "the connection ended");

    private readonly IUdpPoller _poller;
    private readonly IEndpointCore _core;
    private readonly Func<Instant> _clock;
    private readonly IRouteLookup _routes;
    private readonly IEndpointLog _log;
    private readonly Func<EndpointConnection, IConnectionHandler>? _accept;
    private readonly bool _relayOnly;
    private readonly WakeWatch _wake;
    private readonly RouteSettling _settling;
    private readonly WorkQueue _work = new();
    private readonly List<SocketSlot> _slots = [];
    private readonly Dictionary<IUdpSocket, SocketSlot> _slotOf = [];
    private readonly List<EndpointConnection> _connections = [];
    private readonly List<IDriverTimer> _timers = [];
    private readonly byte[] _receiveBuffer = GC.AllocateArray<byte>(EndpointLimits.ReceiveBufferSize, pinned: true);
    private readonly byte[] _sendBuffer = GC.AllocateArray<byte>(EndpointLimits.SendBufferSize, pinned: true);
    private List<EndpointConnection> _ready = [];
    private List<EndpointConnection> _serving = [];
    private List<EndpointConnection> _waiting = [];
    private List<EndpointConnection> _retrying = [];
    private bool _moreToReceive;
    private Instant _closeDeadline = Instant.Never;

    public EndpointLoop(EndpointLoopOptions options)
    {
        _poller = options.Poller;
        _core = options.Core;
        _clock = options.Clock;
        _routes = options.Routes;
        Paths = new PathTable(options.ReachOf);
        _log = options.Log;
        _accept = options.Accept;
        _relayOnly = options.RelayOnly;
        _wake = new WakeWatch(options.WallClock);
        _settling = new RouteSettling(TakeRoutes);
        AddTimer(_settling);
        Now = _clock();
        foreach (IUdpSocket socket in options.Sockets)
            AddSocket(socket);
    }

    /// <summary>The machine slept: what is known of the network may be past. Driver thread.</summary>
    public event Action? Woke;

    /// <inheritdoc/>
    public Instant Now { get; private set; }

    /// <summary>The paths that connections use.</summary>
    public PathTable Paths { get; }

    /// <summary>The live connections, in no order.</summary>
    public IReadOnlyList<EndpointConnection> Connections => _connections;

    /// <summary>Batches for which the system had no route.</summary>
    public long UnreachableBatches { get; private set; }

    /// <summary>True once <see cref="BeginClose"/> was called and everything has left, or its time is over.</summary>
    public bool IsDone => _closeDeadline.IsSet && ((_ready.Count == 0 && _waiting.Count == 0) || Now >= _closeDeadline);

    /// <inheritdoc/>
    public bool Post(WorkItem item)
    {
        bool posted = _work.Post(item, out bool wasEmpty);
        if (wasEmpty)
            _poller.Wake();
        return posted;
    }

    /// <inheritdoc/>
    public void AddTimer(IDriverTimer timer) => _timers.Add(timer);

    /// <inheritdoc/>
    public void RemoveTimer(IDriverTimer timer) => _timers.Remove(timer);

    /// <summary>Opens a connection.</summary>
    /// <param name="options">To whom, with which token.</param>
    /// <param name="path">The way that the first packets take.</param>
    /// <param name="owner">Makes the connection's owner.</param>
    public EndpointConnection Connect(QuicClientOptions options, SocketPath path, Func<EndpointConnection, IConnectionHandler> owner)
    {
        EndpointConnection connection = Adopt(_core.Connect(Now, options, path));
        connection.Hold(path);
        connection.Handler = owner(connection);
        return connection;
    }

    /// <summary>The way from a socket straight to an address; null if there is no route or the table of paths is full.</summary>
    public UdpPath? DirectPath(IUdpSocket socket, UdpAddress remote)
    {
        UdpAddress source = socket.LocalAddress;
        if (source.IsIPv4 != remote.IsIPv4 || (source.IsUnspecified && !_routes.TryGetSource(remote, out source)))
            return null;
        // From or to loopback only both ways: the system would refuse the others.
        return source.IsLoopback == remote.IsLoopback ? Paths.Direct(socket, source, remote) : null;
    }

    /// <summary>Closes every connection; <see cref="IsDone"/> tells when their last packets have left.</summary>
    public void BeginClose(ulong applicationCode, string reason)
    {
        if (_closeDeadline.IsSet)
            return;
        _closeDeadline = Now + EndpointLimits.CloseFlushTime;
        for (int i = _connections.Count - 1; i >= 0; i--)
            _connections[i].Close(applicationCode, reason);
    }

    /// <summary>Ends everything: each owner that has not heard of its end hears it now; sockets and poller are disposed.</summary>
    /// <param name="error">What the owners are told.</param>
    public void End(QuicError error)
    {
        for (int i = _connections.Count - 1; i >= 0; i--)
            Forget(_connections[i], error);
        _work.Close();
        foreach (SocketSlot slot in _slots)
        {
            _poller.Remove(slot.Socket);
            slot.Socket.Dispose();
        }
        _slots.Clear();
        _poller.Dispose();
    }

    /// <summary>One turn of the loop; waits until there is something to do.</summary>
    public void Turn()
    {
        Instant due = NextDeadline();
        _poller.Wait(TimeUntil(due));
        Now = _clock();
        LookForSleep(due);
        ReceiveAll();
        RunWork();
        RunTimers();
        ServeClients();
        RetryWaiting();
        ServeConnections();
    }

    /// <summary>Puts a connection on the list of those to be served in this turn, or the next one if it is being served right now.</summary>
    internal void MarkReady(EndpointConnection connection)
    {
        if (connection.Ready)
            return;
        connection.Ready = true;
        _ready.Add(connection);
    }

    /// <summary>When the next turn has to begin at the latest, and that it need not wait is as good as the time of this one.</summary>
    private Instant NextDeadline()
    {
        if (_moreToReceive || _ready.Count > 0 || !_work.IsEmpty)
            return Now;
        Instant next = _waiting.Count > 0 ? Instant.Min(_closeDeadline, Now + BlockedRetry) : _closeDeadline;
        foreach (EndpointConnection connection in _connections)
            next = Instant.Min(next, connection.Deadline);
        foreach (IDriverTimer timer in _timers)
            next = Instant.Min(next, timer.NextTimeout);
        foreach (SocketSlot slot in _slots)
        {
            foreach (IDatagramClient client in slot.Clients)
                next = Instant.Min(next, client.NextTimeout);
        }
        // One that has passed is due now: who sets a deadline at the beginning of time has not waited since then.
        return Instant.Max(next, Now);
    }

    private TimeSpan TimeUntil(Instant due)
    {
        if (!due.IsSet)
            return Timeout.InfiniteTimeSpan;
        // The clock again: the turn itself took time, and pacing must not suffer for it.
        TimeSpan wait = due > Now ? due - _clock() : TimeSpan.Zero;
        return wait > TimeSpan.Zero ? wait : TimeSpan.Zero;
    }

    private void LookForSleep(Instant due)
    {
        if (!_wake.HasSlept(Now, due))
            return;
        try
        {
            Woke?.Invoke();
        }
        catch (Exception e)
        {
            _log.WorkFailed(_wake, e);
        }
    }

    private void RunWork()
    {
        WorkQueue.Batch batch = _work.TakeAll();
        while (batch.TryNext(out WorkItem item))
        {
            try
            {
                item.Execute(Now);
            }
            catch (Exception e)
            {
                _log.WorkFailed(item, e);
            }
        }
    }

    private void RunTimers()
    {
        foreach (EndpointConnection connection in _connections)
        {
            if (connection.Deadline > Now)
                continue;
            connection.Core.OnTimeout(Now);
            MarkReady(connection);
        }
        // Backwards, as a timer may remove itself.
        for (int i = _timers.Count - 1; i >= 0; i--)
        {
            if (i >= _timers.Count || _timers[i].NextTimeout > Now)
                continue;
            IDriverTimer timer = _timers[i];
            try
            {
                timer.OnTimeout(Now);
            }
            catch (Exception e)
            {
                _log.WorkFailed(timer, e);
                _timers.Remove(timer);
            }
        }
    }

    private EndpointConnection Adopt(IConnectionCore core)
    {
        var connection = new EndpointConnection(this, core) { Index = _connections.Count };
        core.Owner = connection;
        _connections.Add(connection);
        MarkReady(connection);
        return connection;
    }

    private EndpointConnection Accept(IConnectionCore core)
    {
        EndpointConnection connection = Adopt(core);
        if (_accept is null || _closeDeadline.IsSet)
        {
            connection.ClosedReported = true;
            connection.Close(0, "not accepting");
            return connection;
        }
        try
        {
            connection.Handler = _accept(connection);
        }
        catch (Exception e)
        {
            Fail(connection, e);
        }
        return connection;
    }

    private void ServeConnections()
    {
        (_ready, _serving) = (_serving, _ready);
        foreach (EndpointConnection connection in _serving)
        {
            // Marked while it is served: what its owner does meanwhile is sent below.
            DrainEvents(connection);
            bool more = Transmit(connection);
            connection.Ready = false;
            // Sending may bring events; what their owner does then is served in the next turn.
            DrainEvents(connection);
            if (connection.Core.IsTerminated)
            {
                Forget(connection, EndedWithoutReason);
                continue;
            }
            // While its socket is full, a pacing deadline that has passed must not make the loop spin.
            connection.Deadline = connection.Waiting
                ? Instant.Max(connection.Core.NextTimeout, Now + BlockedRetry)
                : connection.Core.NextTimeout;
            if (more)
                MarkReady(connection);
        }
        _serving.Clear();
    }

    private void Forget(EndpointConnection connection, QuicError error)
    {
        // Ready from now on: whatever its owner still calls brings it into no list again.
        if (connection.Ready)
            _ready.Remove(connection);
        connection.Ready = true;
        ReportClosed(connection, error);
        if (connection.Waiting)
            _waiting.Remove(connection);
        EndpointConnection last = _connections[^1];
        _connections[connection.Index] = last;
        last.Index = connection.Index;
        _connections.RemoveAt(_connections.Count - 1);
        connection.ReleaseAll();
        _core.Remove(connection.Core);
    }
}
