using Punchline.Endpoint;
using Punchline.Protocol;
using Punchline.Quic;
using Punchline.Stun;
using Punchline.Udp;

namespace Punchline.Traversal;

/// <summary>
/// The attempts of one connection to meet where plain probing does not suffice (docs/wire/tunnel.md): the client proposes, both prepare, both
/// begin at the same moment. Driver thread only.
/// <code>
///   client                                    host
///     ├── TRAVERSE (method) ───────────────────▶┤  both open a socket and ask a server for its port
///     ├◀─────────────── TRAVERSE_READY (ports) ─┤
///     ├── TRAVERSE_GO (ports) ─────────────────▶┤
///     │  half a round trip later                │  at once
///     ├── probes ──────▶           ◀── probes ──┤
/// </code>
/// </summary>
internal sealed class PairTraversal : IDriverTimer
{
    /// <summary>Attempts that are remembered: more than are made on one network.</summary>
    private const int MaxReports = 2 * TraversalLimits.MaxAttempts;

    private readonly ITraversalLink _link;
    private readonly bool _isClient;
    private readonly SprayGate _gate;
    private readonly WhatWorked _worked;
    private readonly IRandomness _randomness;
    private readonly HashSet<TraversalMethod> _refused = [];
    private readonly List<IUdpSocket> _kept = [];
    private readonly List<AttemptReport> _ended = [];
    private Attempt? _attempt;
    private ulong _number;
    private ushort[]? _peersPorts;
    private Instant _deadline = Instant.Never;
    private Instant _relayedSince;
    private Instant _startAt = Instant.Never;
    private TraversalMethod _nextMethod;
    private Instant _freeAt = Instant.Zero;
    private UdpAddress _peer;
    private UdpAddress _ourPublic;
    private NatReport _ours;
    private NatReport? _peers;
    private bool _hasPath;
    private bool _isDirect;
    private bool _hasEnded;
    private int _tried;
    private TimeSpan _laterPause = TraversalLimits.AttemptPause;

    /// <param name="link">The connection and the machine.</param>
    /// <param name="isClient">The client leads.</param>
    /// <param name="gate">Shared by all connections of the process.</param>
    /// <param name="worked">Shared by them as well.</param>
    /// <param name="randomness">Draws ports.</param>
    public PairTraversal(ITraversalLink link, bool isClient, SprayGate gate, WhatWorked worked, IRandomness randomness)
    {
        _link = link;
        _isClient = isClient;
        _gate = gate;
        _worked = worked;
        _randomness = randomness;
    }

    /// <summary>An attempt begins: method and the peer's address.</summary>
    public event Action<TraversalMethod, UdpAddress>? Began;

    /// <summary>Servers see both sides at one address: one NAT stands before both, or they are on one machine.</summary>
    public bool SharesNat => !_peer.IsNone && _peer.SameHost(_ourPublic);

    /// <summary>The latest attempts, and the one that runs.</summary>
    public IReadOnlyList<AttemptReport> Reports => _attempt is { } running ? [.. _ended, running.Report(AttemptOutcome.Running)] : [.. _ended];

    /// <summary>The method of the attempt that runs, or comes next as things stand; none if no other is to come.</summary>
    public TraversalMethod Next => _attempt?.Method ?? (_startAt.IsSet ? _nextMethod : TraversalMethod.None);

    /// <inheritdoc/>
    public Instant NextTimeout => _attempt is null ? _startAt : Instant.Min(_deadline, _attempt.NextTimeout);

    /// <summary>What is known of our own NATs, and our public address as servers see it.</summary>
    public void SetOurs(in NatReport report, in UdpAddress mapped)
    {
        bool moved = !_ourPublic.IsNone && !_ourPublic.SameHost(mapped);
        (_ours, _ourPublic) = (report, mapped);
        if (moved)
            Restart();
        else
            Reconsider();
    }

    /// <summary>What the peer knows of its NATs.</summary>
    public void SetPeers(in NatReport report)
    {
        _peers = report;
        Reconsider();
    }

    /// <summary>A server attests where it sees the peer.</summary>
    public void SetPeerAddress(in UdpAddress address)
    {
        bool moved = !_peer.IsNone && !_peer.SameHost(address);
        _peer = address;
        if (moved)
            Restart();
        else
            Reconsider();
    }

    /// <summary>Data takes another path.</summary>
    public void OnPath(SocketPath path)
    {
        bool wasRelayed = _hasPath && !_isDirect;
        _hasPath = true;
        _isDirect = path.Kind == PathKind.Direct;
        if (_isDirect)
            OnDirect(path);
        else if (!wasRelayed)
            Restart();
        Reconsider();
    }

    /// <summary>A path was shown to work.</summary>
    public void OnValidated(SocketPath path)
    {
        if (path.Kind == PathKind.Direct)
            OnDirect(path);
    }

    /// <summary>A path is gone: its socket may be of no more use.</summary>
    public void OnPathLost() => Sweep();

    /// <summary>A network is another one: what failed before may work now.</summary>
    private void Restart()
    {
        _tried = 0;
        _laterPause = TraversalLimits.AttemptPause;
        _refused.Clear();
        _relayedSince = _link.Now;
        Reconsider();
    }

    /// <summary>The connection has ended.</summary>
    public void End()
    {
        _hasEnded = true;
        EndAttempt(AttemptOutcome.Overtaken);
        foreach (IUdpSocket socket in _kept)
            _link.Close(socket);
        _kept.Clear();
    }

    /// <summary>The client's proposal.</summary>
    public void OnTraverse(Traverse message)
    {
        if (_isClient || message.Attempt <= _number)
            return;
        _number = message.Attempt;
        // One that the peer has given up; ours must not outlive it.
        EndAttempt(AttemptOutcome.Overtaken);
        TraverseAnswer answer = Judge(message.Method);
        if (answer != TraverseAnswer.Ready || !TryBegin(message.Method))
            _link.Send(new TraverseReady(message.Attempt, answer == TraverseAnswer.Ready ? TraverseAnswer.Later : answer, []));
    }

    /// <summary>The host's answer.</summary>
    public void OnReady(TraverseReady message)
    {
        if (!_isClient || _attempt is not { HasStarted: false } || message.Attempt != _number || _peersPorts is not null)
            return;
        if (message.Answer != TraverseAnswer.Ready)
        {
            if (message.Answer != TraverseAnswer.Later)
                _refused.Add(_attempt.Method);
            EndAttempt(message.Answer == TraverseAnswer.Later ? AttemptOutcome.NotNow : AttemptOutcome.Refused);
            _freeAt = _link.Now + _laterPause;
            _laterPause = _laterPause + _laterPause < TraversalLimits.LongestLaterPause ? _laterPause + _laterPause : TraversalLimits.LongestLaterPause;
            Reconsider();
            return;
        }
        _peersPorts = message.Ports;
        GoIfReady();
    }

    /// <summary>The start.</summary>
    public void OnGo(TraverseGo message)
    {
        if (_isClient || _attempt is not { HasStarted: false, IsPrepared: true } || message.Attempt != _number)
            return;
        Start(_link.Now, message.Ports);
    }

    /// <inheritdoc/>
    public void OnTimeout(Instant now)
    {
        if (_attempt is null)
        {
            Reconsider();
            if (_startAt <= now)
                Lead(_nextMethod);
            return;
        }
        bool isOver = _attempt.Advance(now);
        if (isOver || now >= _deadline)
        {
            _tried++;
            EndAttempt(isOver ? AttemptOutcome.Missed : AttemptOutcome.NoAnswer);
        }
    }

    /// <summary>What the client does next, and when, as far as is known now.</summary>
    private void Reconsider()
    {
        _startAt = Instant.Never;
        if (!_isClient || _hasEnded || !_hasPath || _isDirect || _attempt is not null || _tried >= TraversalLimits.MaxAttempts || _peers is not { } peers || !MayTry(_peer))
            return;
        TraversalPlan plan = TraversalStrategy.Choose(_ours, peers);
        List<TraversalMethod> methods = [.. plan.Methods.Where(m => !_refused.Contains(m) && (m == TraversalMethod.Exchange || _gate.IsAllowed))];
        if (methods.Count == 0)
            return;
        TraversalMethod known = _worked.Find(_ourPublic, _peer);
        bool isKnown = _tried == 0 && methods.Contains(known);
        _nextMethod = isKnown ? known : methods[_tried % methods.Count];
        Instant patience = _relayedSince + (plan.AtOnce || isKnown ? TraversalLimits.Settling : TraversalLimits.PlainPatience);
        _startAt = Instant.Max(patience, _freeAt);
        if (_nextMethod != TraversalMethod.Exchange)
            _startAt = Instant.Max(_startAt, _gate.FreeAt);
    }

    private void Lead(TraversalMethod method)
    {
        _number++;
        if (!TryBegin(method))
        {
            _freeAt = _link.Now + TraversalLimits.AttemptPause;
            Reconsider();
            return;
        }
        _link.Send(new Traverse(_number, method));
        GoIfReady();
    }

    private TraverseAnswer Judge(TraversalMethod method)
    {
        if (method is not (TraversalMethod.Exchange or TraversalMethod.ClientOpens or TraversalMethod.HostOpens))
            return TraverseAnswer.Never;
        if (method != TraversalMethod.Exchange && !_gate.IsAllowed)
            return TraverseAnswer.Never;
        return _hasEnded || _isDirect || _link.Now < _freeAt || !MayTry(_peer) ? TraverseAnswer.Later : TraverseAnswer.Ready;
    }

    private bool TryBegin(TraversalMethod method)
    {
        var attempt = new Attempt(_link, method, _isClient, _peer, _ours, _randomness);
        if (method != TraversalMethod.Exchange && !_gate.TryEnter(attempt, _link.Now))
            return false;
        _attempt = attempt;
        _peersPorts = null;
        _deadline = _link.Now + TraversalLimits.AnswerPatience;
        Began?.Invoke(method, _peer);
        if (attempt.Prepare(OnPrepared))
            return true;
        EndAttempt(AttemptOutcome.NoSocket);
        return false;
    }

    private void OnPrepared()
    {
        if (_isClient)
            GoIfReady();
        else
            _link.Send(new TraverseReady(_number, TraverseAnswer.Ready, _attempt!.Ports));
    }

    private void GoIfReady()
    {
        if (_attempt is not { IsPrepared: true, HasStarted: false } || _peersPorts is null)
            return;
        _link.Send(new TraverseGo(_number, _attempt.Ports));
        Start(_link.Now + (_link.RoundTrip / 2), _peersPorts);
    }

    private void Start(Instant at, ushort[] ports)
    {
        _deadline = Instant.Never;
        _attempt!.Start(at, ports);
    }

    private void OnDirect(SocketPath path)
    {
        bool haveMet = _attempt is { } attempt && path.Socket is { } socket && attempt.Owns(socket);
        if (haveMet)
            _worked.Remember(_ourPublic, _attempt!.Peer, _attempt.Method);
        EndAttempt(haveMet ? AttemptOutcome.Met : AttemptOutcome.Overtaken);
    }

    private void EndAttempt(AttemptOutcome outcome)
    {
        if (_attempt is not { } attempt)
            return;
        if (_ended.Count == MaxReports)
            _ended.RemoveAt(0);
        _ended.Add(attempt.Report(outcome));
        _attempt = null;
        _deadline = Instant.Never;
        _kept.AddRange(attempt.End());
        _gate.Leave(attempt, _link.Now, sprayed: attempt.HasStarted);
        _freeAt = _link.Now + TraversalLimits.AttemptPause;
        Sweep();
        Reconsider();
    }

    private void Sweep()
    {
        foreach (IUdpSocket socket in _kept.Where(socket => !_link.Uses(socket)).ToArray())
        {
            _kept.Remove(socket);
            _link.Close(socket);
        }
    }

    /// <summary>
    /// Never at addresses where there is no NAT of the peer's to be opened: private ones, this machine, or our own NAT, whose hairpin plain
    /// probing tries.
    /// </summary>
    private bool MayTry(in UdpAddress address) => !address.IsNone && !address.IsUnspecified && !address.IsLoopback && !address.IsPrivate
        && !address.IsLinkLocal && !address.IsMulticast && !address.IsBroadcastOrReserved && !address.SameHost(_ourPublic);
}
