using Punchline.Endpoint;
using Punchline.Protocol;
using Punchline.Quic;
using Punchline.Stun;
using Punchline.Traversal;
using Punchline.Traversal.Lifetime;
using Punchline.Tunnel;

namespace Punchline.Hosting;

/// <summary>
/// One connection with a peer, the part that hosts and clients share: the control stream, our candidates and the peer's, the path
/// that data takes, and what people hear of it. Driver thread only, but for <see cref="Ended"/>.
/// </summary>
internal abstract class PeerSession : IConnectionHandler, ICandidateTeller, IDriverTimer
{
    /// <summary>
    /// Without a direct path for so long, people are told why that may be; the attempts go on. By then the first round of punching is over, and
    /// whether UDP gets out is known.
    /// </summary>
    private static readonly TimeSpan DirectPathPatience = TimeSpan.FromSeconds(8);

    /// <summary>What a server says of its quota is believed for no longer: then it is tried whether it forwards.</summary>
    private static readonly TimeSpan LongestExhaustion = TimeSpan.FromHours(1);

    private readonly TaskCompletionSource<QuicError> _ended = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly PathNews _pathNews = new();
    private readonly QuietAgreement _quiet = new();
    private Instant _patienceEnds = Instant.Never;
    private UdpAddress _observed;
    private string? _version;
    private RelayStay? _peerStays;
    private RelayStay? _toldStay;
    private RelayPath? _exhausted;
    private Instant _exhaustionEnds = Instant.Never;
    private bool _tookDirect;
    private Instant _saidExhaustedUntil;

    private protected PeerSession(PeerNode node, EndpointConnection connection, EventSink events)
    {
        Node = node;
        Connection = connection;
        Events = events;
        Traversal = new PairTraversal(
            new SessionLink(node, connection, message => Control?.Send(message)), connection.IsClient, node.Sprays, node.Worked, node.Randomness);
        Traversal.Began += (method, peer) => Events.Detail($"{Peer}: meeting at {peer} by method {method}");
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
    public Instant NextTimeout => Instant.Min(Instant.Min(_patienceEnds, _exhaustionEnds), _pathNews.NextTimeout);

    private protected PeerNode Node { get; }

    private protected EventSink Events { get; }

    private protected ControlStream? Control { get; set; }

    /// <summary>The attempts to meet where plain probing does not suffice.</summary>
    public PairTraversal Traversal { get; }

    /// <summary>What is known of both networks.</summary>
    public RelayFacts Facts => new(Node.Nat, PeerNat)
    {
        WeHide = Node.RelayOnly,
        TheyHide = _peerStays == RelayStay.RelayOnly,
        WeLackUdp = Node.UdpWorks == false,
        TheyLackUdp = _peerStays == RelayStay.NoUdp,
        SharesNat = Traversal.SharesNat,
    };

    /// <summary>Our handle for the pair at the server, by which it attests the peer's address; null without a pair.</summary>
    private protected virtual ulong? PairHandle => null;

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

    /// <summary>What the peer knows of its NATs, as far as it has said.</summary>
    private protected NatReport? PeerNat { get; private set; }

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
        if (address == _observed || Node.RelayOnly)
            return;
        Events.Detail($"{Peer} sees this side at {address}");
        if (!_observed.IsNone)
            Connection.RemoveLocalCandidate(_observed);
        _observed = address;
        Connection.AddLocalCandidate(new Candidate(address, CandidateKind.PeerReflexive));
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
        Traversal.OnValidated((SocketPath)path);
        TellPath();
    }

    /// <inheritdoc/>
    public void OnPathLost(NetworkPath path)
    {
        Events.Detail($"{Peer}: the path {path} was given up");
        Traversal.OnPathLost();
    }

    /// <inheritdoc/>
    public virtual void OnUnreachable()
    {
        IsUnreachable = true;
        Node.AskWhereWeAre();
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
        Node.Candidates.Leave(this);
        Node.Attestations.Attested -= OnAttested;
        Node.Loop.RemoveTimer(Traversal);
        Traversal.End();
        Node.NatKnown -= TellNetwork;
        Node.Lifetimes.Learnt -= AgreeOnSilence;
        Node.Noticed -= Events.Detail;
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
    public void OnTimeout(Instant now)
    {
        TellPath();
        if (now >= _exhaustionEnds)
            EndExhaustion();
        if (now >= _patienceEnds)
            TellWhyRelayed();
    }

    /// <summary>The server forwards no data of this connection for now.</summary>
    /// <param name="path">The way through it.</param>
    /// <param name="limit">What it says.</param>
    public void OnRelayLimit(RelayPath path, RelayLimit limit)
    {
        TimeSpan wait = TimeSpan.FromSeconds(limit.Seconds);
        _exhausted = path;
        path.IsExhausted = true;
        _exhaustionEnds = Node.Loop.Now + (wait < LongestExhaustion ? wait : LongestExhaustion);
        OnCarryingChanged();
        // Once for each quota, however often it is told, and however short a time it is said to take.
        if (Node.Loop.Now < _saidExhaustedUntil)
            return;
        _saidExhaustedUntil = Node.Loop.Now + (wait > LongestExhaustion ? wait : LongestExhaustion);
        string whose = limit.Reason switch { RelayLimitReason.Pair => "this connection's", RelayLimitReason.Host => "the host's", _ => "its own" };
        Events.Notice($"The server has forwarded all of {whose} quota: data between this side and {Peer} waits for a direct path, or {wait.TotalMinutes:0} minutes.");
    }

    /// <inheritdoc/>
    public void Tell(Candidate candidate) => Connection.AddLocalCandidate(candidate);

    /// <inheritdoc/>
    public void TakeBack(UdpAddress address) => Connection.RemoveLocalCandidate(address);

    /// <summary>The peer is verified and wanted: only now it hears where we are (DESIGN decision 5).</summary>
    private protected void Join()
    {
        Peer = PeerName.Of(Connection.PeerId.Span);
        IsJoined = true;
        Events.Report(new PeerJoined(Events.Now, Peer));
        HostingLog.Joined(Node.Logger, Peer);
        if (HasHeardHello)
            TellVersion(); // HELLO came ahead of the handshake, from somebody who had no name yet.
        if (!Node.RelayOnly)
            Node.Candidates.Join(this);
        Node.NatKnown += TellNetwork;
        Node.Lifetimes.Learnt += AgreeOnSilence;
        Node.Noticed += Events.Detail;
        Node.Loop.AddTimer(this);
        Node.Loop.AddTimer(Traversal);
        Node.Attestations.Attested += OnAttested;
        AgreeToMeet();
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
                PeerNat = nat.Report;
                Traversal.SetPeers(nat.Report);
                break;
            case Traverse or TraverseReady or TraverseGo when !IsJoined:
                break;
            case Traverse traverse:
                Traversal.OnTraverse(traverse);
                break;
            case TraverseReady ready:
                Traversal.OnReady(ready);
                break;
            case TraverseGo go:
                Traversal.OnGo(go);
                break;
            case QuietMessage quiet:
                _quiet.OnPeer(quiet.Seconds);
                AgreeOnSilence();
                break;
            case StaysOnRelay stays:
                _peerStays = stays.Reason;
                break;
            default:
                OnMessage(message!);
                break;
        }
    }

    /// <summary>The peer, who is verified now, may hear from the server where this side is, and this side where the peer is.</summary>
    private protected void AgreeToMeet()
    {
        if (Node.RelayOnly || PairHandle is not { } handle)
            return;
        Node.Attestations.Agree(handle);
        OnAttested(handle, Node.Attestations.Of(handle));
    }

    private void OnAttested(ulong handle, UdpAddress address)
    {
        if (Node.RelayOnly || handle != PairHandle || address.IsNone)
            return;
        Events.Detail($"the server sees {Peer} at {address}");
        Traversal.SetPeerAddress(address);
    }

    /// <summary>Says what is known of our way out, now and when more is known.</summary>
    private protected void TellNetwork()
    {
        Control?.Send(new NatMessage(Node.Nat));
        Traversal.SetOurs(Node.Nat, Node.Survey.Mapped);
        AgreeOnSilence();
        RelayStay? stay = Node.RelayOnly ? RelayStay.RelayOnly : Node.UdpWorks == false ? RelayStay.NoUdp : null;
        if (stay is { } reason && stay != _toldStay && Control is { } control)
        {
            _toldStay = stay;
            control.Send(new StaysOnRelay(reason));
        }
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
            Node.AskWhereWeAre();
        _tookDirect = direct;
        Tunnel?.SetCarrying(path.CarriesData);
        _patienceEnds = direct ? Instant.Never : Node.Loop.Now + DirectPathPatience;
        Traversal.OnPath((SocketPath)path);
        _pathNews.OnPath(path, Node.Loop.Now);
        OnPath(path);
        TellPath();
        AgreeOnSilence();
    }

    private void EndExhaustion()
    {
        _exhaustionEnds = Instant.Never;
        _exhausted!.IsExhausted = false;
        OnCarryingChanged();
    }

    private void TellWhyRelayed()
    {
        _patienceEnds = Instant.Never;
        RelayVerdict verdict = RelayVerdict.Of(Facts);
        Events.Detail($"{Peer}: this side has {NatText.Of(Node.Nat)}, the other side {NatText.Of(PeerNat)}");
        if (Connection.CurrentPath is RelayPath { Link.CarriesData: true } relay)
        {
            Events.Report(new StaysRelayed(Events.Now, Peer, verdict.Cause, verdict.Because, verdict.Advice, relay.Link.BytesPerSecond));
            return;
        }
        Events.Problem(ProblemCode.NoDirectPath,
            $"No direct path to {Peer} yet, and the server relays no data: {verdict.Because}. To go direct: {verdict.Advice}; or use a server that relays.");
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
