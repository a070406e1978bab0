using Punchline.Endpoint;
using Punchline.Protocol;
using Punchline.Quic;
using Punchline.Traversal.Lifetime;
using Punchline.Tunnel;

namespace Punchline.Hosting;

/// <summary>
/// One connection with a peer, the part that hosts and clients share: the control stream, our candidates and the peer's, the path
/// that data takes, and what people hear of it. Driver thread only, but for <see cref="Ended"/>.
/// </summary>
internal abstract class PeerSession : IConnectionHandler, ICandidateTeller, IDriverTimer
{
    private readonly TaskCompletionSource<QuicError> _ended = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly PathNews _pathNews = new();
    private readonly QuietAgreement _quiet = new();
    private readonly ObservedCandidate _observed;
    private string? _version;
    private bool _tookDirect;

    private protected PeerSession(PeerNode node, EndpointConnection connection, EventSink events)
    {
        Node = node;
        Connection = connection;
        Events = events;
        _observed = new ObservedCandidate(node.Candidates, this);
        Meeting = new SessionMeeting(node, connection, events, () => Peer, message => Control?.Send(message));
        Standing = new RelayStanding(node, connection, Meeting.Traversal, events, () => Peer);
        Standing.CarryingChanged += OnCarryingChanged;
    }

    /// <summary>The connection.</summary>
    public EndpointConnection Connection { get; }

    /// <summary>The peer for people, once it is verified.</summary>
    public string Peer { get; private set; } = "a stranger";

    /// <summary>Completes with the reason when the connection has ended.</summary>
    public Task<QuicError> Ended => _ended.Task;

    /// <summary>The peer has not been heard for a while.</summary>
    public bool IsUnreachable { get; private set; }

    /// <inheritdoc/>
    public Instant NextTimeout => _pathNews.NextTimeout;

    /// <summary>How the connection stands with the relay.</summary>
    public RelayStanding Standing { get; }

    private protected PeerNode Node { get; }

    private protected EventSink Events { get; }

    private protected ControlStream? Control { get; set; }

    /// <summary>The attempts to meet where plain probing does not suffice.</summary>
    public SessionMeeting Meeting { get; }

    /// <summary>The forwarders of this connection, if it has any.</summary>
    private protected TunnelEnd? Tunnel
    {
        get;
        set
        {
            field?.OnBusyChanged = null;
            field = value;
            value?.OnBusyChanged = AgreeOnSilence;
        }
    }

    private protected bool IsJoined { get; private set; }

    /// <summary>Ends the connection, with a reason that the peer hears.</summary>
    public void Close(CloseCode code, string reason) => Connection.Close((ulong)code, reason);

    /// <inheritdoc/>
    public abstract void OnEstablished();

    /// <inheritdoc/>
    public virtual void OnEarlyDataRejected()
    {
    }

    /// <inheritdoc/>
    public virtual void OnSessionReceived()
    {
    }

    /// <inheritdoc/>
    public abstract void OnStreamOpened(StreamId stream);

    /// <inheritdoc/>
    public void OnStreamReadable(StreamId stream, ulong code)
    {
        if (stream != ControlStream.Id)
            Tunnel?.OnStreamReadable(stream, code);
        else if (Control?.OnReadable() is { } close and not CloseCode.None)
            Close(close, "control stream");
    }

    /// <inheritdoc/>
    public void OnStreamWritable(StreamId stream)
    {
        if (stream == ControlStream.Id)
            Control?.OnWritable();
        else
            Tunnel?.OnStreamWritable(stream);
    }

    /// <inheritdoc/>
    public void OnStreamStopped(StreamId stream, ulong code)
    {
        if (stream == ControlStream.Id)
            Close(CloseCode.Malformed, "control stream");
        else
            Tunnel?.OnStreamStopped(stream, code);
    }

    /// <inheritdoc/>
    public virtual void OnStreamsAvailable()
    {
    }

    /// <inheritdoc/>
    public void OnDatagram() => Tunnel?.OnDatagram();

    /// <inheritdoc/>
    public void OnCandidateReceived(Candidate candidate) => Events.Detail($"{Peer} may be at {candidate.Address} ({candidate.Kind})");

    /// <inheritdoc/>
    public void OnCandidateGone(Candidate candidate) => Events.Detail($"{Peer} is no longer at {candidate.Address}");

    /// <inheritdoc/>
    public void OnObservedAddress(UdpAddress address, NetworkPath? path)
    {
        if (!Node.RelayOnly && _observed.TryTake(address))
            Events.Detail($"{Peer} sees this side at {address}");
    }

    /// <inheritdoc/>
    public void OnPathChanged(NetworkPath path)
    {
        if (IsJoined)
            TakePath(path);
    }

    /// <inheritdoc/>
    public void OnPathValidated(NetworkPath path)
    {
        Events.Detail($"{Peer}: the path {path} works");
        Meeting.Traversal.OnValidated((SocketPath)path);
        TellPath();
    }

    /// <inheritdoc/>
    public void OnPathLost(NetworkPath path)
    {
        Events.Detail($"{Peer}: the path {path} was given up");
        Meeting.Traversal.OnPathLost();
    }

    /// <inheritdoc/>
    public virtual void OnUnreachable()
    {
        IsUnreachable = true;
        Node.Servers.AskWhereWeAre();
        if (IsJoined)
            Events.Notice($"{Peer} does not answer at the moment.");
    }

    /// <inheritdoc/>
    public void OnReachable()
    {
        IsUnreachable = false;
        if (IsJoined)
            Events.Notice($"{Peer} answers again.");
    }

    /// <inheritdoc/>
    public void OnPunchingFailed() => Events.Detail($"{Peer}: the first rounds of punching brought no direct path");

    /// <inheritdoc/>
    public virtual void OnClosed(QuicError error)
    {
        Node.Loop.RemoveTimer(this);
        Node.Candidates.Leave(_observed);
        Node.Loop.RemoveTimer(Standing);
        Meeting.End();
        Node.WayOut.Changed -= TellNetwork;
        Node.Lifetimes.Learnt -= AgreeOnSilence;
        if (Connection.Statistics is { PacketsDropped: var packets, DatagramsDropped: var datagrams } && (packets | datagrams) != 0)
        {
            Events.Detail($"{Peer}: {packets} packets were dropped on arrival (repeated, not authentic, or without keys), "
                + $"{datagrams} datagrams for want of room");
        }
        if (Connection.CurrentPath is RelayPath { Link.Channel.Dropped: > 0 and var frames })
            Events.Detail($"{frames} relayed datagrams found the queue of the control channel full, those of other connections included");
        if (IsJoined)
        {
            string reason = CloseText.Of(error);
            Events.Report(new PeerLeft(Events.Now, Peer, reason));
            HostingLog.Left(Node.Logger, Peer, reason);
        }
        _ended.TrySetResult(error);
    }

    /// <inheritdoc/>
    public void OnTimeout(Instant now) => TellPath();

    /// <inheritdoc/>
    public void Tell(Candidate candidate) => Connection.AddLocalCandidate(candidate);

    /// <inheritdoc/>
    public void TakeBack(UdpAddress address, bool isGone) => Connection.RemoveLocalCandidate(address);

    /// <summary>The peer is verified and wanted: only now it hears where we are (DESIGN decision 5).</summary>
    /// <param name="pair">Our handle for the pair at the server; null without a pair.</param>
    private protected void Join(ulong? pair)
    {
        Peer = PeerName.Of(Connection.PeerId.Span);
        IsJoined = true;
        Events.Report(new PeerJoined(Events.Now, Peer));
        HostingLog.Joined(Node.Logger, Peer);
        if (HasHeardHello)
            TellVersion(); // HELLO came ahead of the handshake, from somebody who had no name yet.
        if (!Node.RelayOnly)
            Node.Candidates.Join(_observed);
        Node.WayOut.Changed += TellNetwork;
        Node.Lifetimes.Learnt += AgreeOnSilence;
        Node.Loop.AddTimer(this);
        Node.Loop.AddTimer(Standing);
        Meeting.Begin();
        if (pair is { } handle)
            Meeting.AgreeOn(handle);
        TakePath(Connection.CurrentPath);
    }

    /// <summary>A message of the peer's; HELLO has come before.</summary>
    private protected abstract void OnMessage(TunnelMessage message);

    /// <summary>The peer's HELLO, the first of its messages.</summary>
    private protected abstract void OnHello(TunnelHello hello);

    /// <summary>Data takes another path, from this moment on.</summary>
    private protected virtual void OnPath(NetworkPath path)
    {
    }

    /// <summary>People have just been told which path data takes.</summary>
    private protected virtual void OnPathTold(NetworkPath path, TimeSpan roundTrip)
    {
    }

    private protected void Receive(TunnelMessage message)
    {
        switch (message)
        {
            case TunnelHello hello when !HasHeardHello:
                _version = hello.ProgramVersion;
                if (IsJoined)
                    TellVersion();
                OnHello(hello);
                break;
            case TunnelHello:
            case not null when !HasHeardHello:
                Close(CloseCode.Malformed, "HELLO comes once and first");
                break;
            case NatMessage nat:
                Standing.OnPeerNat(nat.Report);
                Meeting.Traversal.SetPeers(nat.Report);
                break;
            case Traverse or TraverseReady or TraverseGo:
                if (IsJoined)
                    Meeting.Receive(message);
                break;
            case QuietMessage quiet:
                _quiet.OnPeer(quiet.Seconds);
                AgreeOnSilence();
                break;
            case StaysOnRelay stays:
                Standing.OnPeerStays(stays.Reason);
                break;
            default:
                OnMessage(message!);
                break;
        }
    }

    /// <summary>Says what is known of our way out, now and when more is known.</summary>
    private protected void TellNetwork()
    {
        Control?.Send(new NatMessage(Node.WayOut.Nat));
        Meeting.Traversal.SetOurs(Node.WayOut.Nat, Node.Survey.Mapped);
        AgreeOnSilence();
        if (Control is { } control && Standing.TakeStayToTell() is { } stay)
            control.Send(stay);
    }

    /// <summary>
    /// The heartbeat of a connection that serves somebody tells soon that the peer is gone. One that rests needs only what keeps the NATs'
    /// mappings of both sides, on the path in use.
    /// </summary>
    private void AgreeOnSilence()
    {
        if (!IsJoined || Control is not { } control)
            return;
        if (_quiet.Look(Node.Lifetimes.KeepAliveTowards(Connection.CurrentPath.RemoteAddress, MappingUse.Stream) ?? TimeSpan.Zero, out ushort word))
            control.Send(new QuietMessage(word));
        Connection.AgreeOnSilence(_quiet.Quiet, Tunnel?.IsBusy ?? false);
    }

    /// <summary>Whether the path in use carries data may be another answer than before.</summary>
    private protected void OnCarryingChanged()
    {
        Tunnel?.SetCarrying(Connection.CurrentPath.CarriesData);
        Connection.Resume();
    }

    /// <summary>True once the peer has said HELLO, which may be before it is verified.</summary>
    private protected bool HasHeardHello => _version is not null;

    private void TellVersion() => Events.Detail($"{Peer} runs version {_version}");

    private void TakePath(NetworkPath path)
    {
        bool direct = path.Kind == PathKind.Direct;
        if (_tookDirect && !direct)
            Node.Servers.AskWhereWeAre();
        _tookDirect = direct;
        Tunnel?.SetCarrying(path.CarriesData);
        Standing.OnPath(path);
        Meeting.Traversal.OnPath((SocketPath)path);
        _pathNews.OnPath(path, Node.Loop.Now);
        OnPath(path);
        TellPath();
        AgreeOnSilence();
    }

    private void TellPath()
    {
        if (!_pathNews.TryTake(Node.Loop.Now, IsMeasured, out NetworkPath path))
            return;
        Connection.TryGetPathStatistics(path, out PathStatistics statistics);
        Events.Report(new PathChanged(Events.Now, Peer, path.Kind, path.RemoteAddress.ToIPEndPoint(), statistics.SmoothedRtt));
        HostingLog.PathTaken(Node.Logger, Peer, path);
        OnPathTold(path, statistics.SmoothedRtt);
    }

    private bool IsMeasured(NetworkPath path) => Connection.TryGetPathStatistics(path, out PathStatistics statistics) && statistics.IsMeasured;
}
