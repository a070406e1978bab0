using System.Diagnostics;
using Punchline.Endpoint;
using Punchline.Protocol;
using Punchline.Quic;
using Punchline.Tunnel;

namespace Punchline.Hosting;

/// <summary>The connection with the host, at the client: an attempt until it is established, and then only if no other was first.</summary>
internal sealed class ClientSession(ClientCore client, PeerNode node, EndpointConnection connection, ClientPair pair, ServerRace race, EventSink events)
    : PeerSession(node, connection, events), IRacer
{
    private readonly TaskCompletionSource<bool> _decided = new(TaskCreationOptions.RunContinuationsAsynchronously);

    /// <summary>Completes with true when this is the connection in use, with false when it ended before that.</summary>
    public Task<bool> Decided => _decided.Task;

    private readonly RelayPath _relay = (RelayPath)connection.CurrentPath;
    private bool _hasFinished;
    private bool _hasServices;
    private bool _hasSecret;
    private bool _hasCarried;
    private PathKind? _told;

    /// <summary>The way through the server.</summary>
    public ClientPair Pair { get; private set; } = pair;

    /// <inheritdoc/>
    public override void OnEstablished()
    {
        Connection.TryGetPathStatistics(Connection.CurrentPath, out PathStatistics statistics);
        _hasFinished = true;
        race.OnEstablished(this, statistics.MinRtt);
    }

    /// <inheritdoc/>
    public void GiveWay()
    {
        Control = null; // What the host answered to an early HELLO is for the connection in use.
        Close(CloseCode.Replaced, "another server is nearer");
    }

    /// <inheritdoc/>
    public void Use()
    {
        if (!client.TryUse(this))
        {
            GiveWay();
            return;
        }
        Tunnel = client.Tunnel;
        if (!Node.RelayOnly)
            Events.Report(new Progress(Events.Now, ProgressStage.Punching, PeerName.Of(Connection.PeerId.Span)));
        Join(Pair.Route.Handle);
        client.Tunnel.Attach(Connection);
        if (Connection.IsResumed)
            Events.Detail(Control is null ? "came back with a ticket" : "came back with a ticket, HELLO ahead");
        // The peer's limit of streams came with the handshake: the first is always there.
        if (Control is not null || TrySayHello())
            TellNetwork();
        else
            Close(CloseCode.Malformed, "no control stream");
        _decided.TrySetResult(true);
    }

    /// <summary>Says HELLO ahead of the handshake, where a ticket of the host's allows it.</summary>
    public void BeginEarly()
    {
        if (Connection.IsEarlyDataOpen)
            TrySayHello();
    }

    /// <inheritdoc/>
    public override void OnEarlyDataRejected() => Control = null;

    /// <inheritdoc/>
    public override void OnSessionReceived()
    {
        var sessions = new List<byte[]>();
        while (Connection.TryTakeSession(out byte[]? session))
            sessions.Add(session);
        if (sessions.Count > 0)
            client.OnSessions(sessions);
    }

    /// <inheritdoc/>
    public override void OnStreamOpened(StreamId stream) => throw new UnreachableException("A host is allowed no stream (PeerNode).");

    /// <inheritdoc/>
    public override void OnStreamsAvailable()
    {
        if (Tunnel is not null)
            client.Tunnel.OnStreamsAvailable();
    }

    /// <inheritdoc/>
    public override void OnUnreachable()
    {
        base.OnUnreachable();
        DropIfLost();
    }

    /// <summary>The pair at the server has ended: what still depends on it is lost.</summary>
    public void OnPairLost() => DropIfLost();

    /// <summary>The server has opened another pair: the way through it leads to the host again, and is there when the direct path fails.</summary>
    public void OnPairOpened(ClientPair pair)
    {
        Node.Loop.Paths.Readdress(_relay, pair.Route.Link, pair.Route.Handle);
        Pair = pair;
        Meeting.AgreeOn(pair.Route.Handle);
        // Another server, or one that was restarted: if it has no more to give, it says so.
        Standing.EndExhaustion();
    }

    /// <summary>The server has something to say of the pair.</summary>
    public void OnServerMessage(ControlMessage message)
    {
        if (message is RelayLimit limit && limit.Handle == _relay.Handle)
            Standing.OnLimit(_relay, limit);
    }

    /// <inheritdoc/>
    public override void OnClosed(QuicError error)
    {
        if (Tunnel is not null)
            client.Tunnel.Detach();
        Tunnel = null;
        if (_hasFinished)
            race.OnClosed(this);
        base.OnClosed(error);
        _decided.TrySetResult(false);
    }

    private protected override void OnHello(TunnelHello hello)
    {
    }

    private bool TrySayHello()
    {
        if (!Connection.TryOpenStream(bidirectional: true, out StreamId stream) || stream != ControlStream.Id)
            return false;
        Control = new ControlStream(Connection, stream, Receive);
        return Control.Send(new TunnelHello(0, ProgramVersion.Text));
    }

    private protected override void OnMessage(TunnelMessage message)
    {
        switch (message)
        {
            case TunnelServices services when !_hasServices:
                _hasServices = true;
                client.OnServices(services.Services);
                break;
            case FriendSecret secret when !_hasSecret:
                _hasSecret = true;
                client.OnFriendSecret(secret.Id, secret.Secret);
                break;
            // Each is written to the disk: a host that goes on would fill our memory with what waits for it.
            case TunnelServices or FriendSecret:
                Close(CloseCode.Malformed, "SERVICES and FRIEND_SECRET come once");
                break;
            case ServiceError error:
                string name = client.NameOf(error.ServiceId);
                Events.ProblemNowAndThen(ProblemCode.ServiceDown, $"{name}: {error.Text}", about: name);
                break;
        }
    }

    private protected override void OnPath(NetworkPath path)
    {
        _hasCarried |= path.CarriesData;
        DropIfLost();
    }

    private protected override void OnPathTold(NetworkPath path, TimeSpan roundTrip)
    {
        // From one direct path to a better one is no step, and from none to a server that relays no data is none either.
        if (_told == path.Kind || !path.CarriesData)
            return;
        _told = path.Kind;
        string way = path.Kind == PathKind.Direct ? $"direct to {path.RemoteAddress}" : $"through the server {path.RemoteAddress}";
        Events.Report(new Progress(Events.Now, ProgressStage.Connected,
            string.Create(System.Globalization.CultureInfo.InvariantCulture, $"{way}, {roundTrip.TotalMilliseconds:0.0} ms")));
    }

    // Before the first path that carries data nothing is at stake: a new connection is there sooner than the old one is mended. Later its
    // streams are worth the wait for the server, unless that is sure that the host itself is gone.
    private void DropIfLost()
    {
        if (!Pair.Lost.IsCompletedSuccessfully)
            return;
        if (_hasCarried ? IsUnreachable && Pair.Lost.Result.HostLeft : Connection.CurrentPath.Kind == PathKind.Relay)
            Close(CloseCode.NoPath, "no path is left");
    }
}
