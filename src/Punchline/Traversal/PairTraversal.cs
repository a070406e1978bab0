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
    private readonly AttemptPlanner _planner;
    private readonly IRandomness _randomness;
    private readonly List<IUdpSocket> _kept = [];
    private readonly List<AttemptReport> _ended = [];
    private Attempt? _attempt;
    private ulong _number;
    private ushort[]? _peersPorts;
    private Instant _deadline = Instant.Never;

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
        _planner = new AttemptPlanner(isClient, gate, worked);
        _randomness = randomness;
    }

    /// <summary>An attempt begins: method and the peer's address.</summary>
    public event Action<TraversalMethod, UdpAddress>? Began;

    /// <summary>Servers see both sides at one address: one NAT stands before both, or they are on one machine.</summary>
    public bool SharesNat => _planner.SharesNat;

    /// <summary>The latest attempts, and the one that runs.</summary>
    public IReadOnlyList<AttemptReport> Reports => _attempt is { } running ? [.. _ended, running.Report(AttemptOutcome.Running)] : [.. _ended];

    /// <summary>The method of the attempt that runs, or comes next as things stand; none if no other is to come.</summary>
    public TraversalMethod Next => _attempt?.Method ?? _planner.Next?.Method ?? TraversalMethod.None;

    /// <inheritdoc/>
    public Instant NextTimeout => _attempt is null ? _planner.Next?.At ?? Instant.Never : Instant.Min(_deadline, _attempt.NextTimeout);

    /// <summary>What is known of our own NATs, and our public address as servers see it.</summary>
    public void SetOurs(in NatReport report, in UdpAddress mapped) => _planner.SetOurs(report, mapped, _link.Now);

    /// <summary>What the peer knows of its NATs.</summary>
    public void SetPeers(in NatReport report) => _planner.SetPeers(report);

    /// <summary>A server attests where it sees the peer.</summary>
    public void SetPeerAddress(in UdpAddress address) => _planner.SetPeerAddress(address, _link.Now);

    /// <summary>Data takes another path.</summary>
    public void OnPath(SocketPath path)
    {
        _planner.OnPath(path.Kind == PathKind.Direct, _link.Now);
        OnValidated(path);
    }

    /// <summary>A path was shown to work.</summary>
    public void OnValidated(SocketPath path)
    {
        if (path.Kind == PathKind.Direct)
            OnDirect(path);
    }

    /// <summary>A path is gone: its socket may be of no more use.</summary>
    public void OnPathLost() => Sweep();

    /// <summary>The connection has ended.</summary>
    public void End()
    {
        _planner.End();
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
        TraverseAnswer answer = _planner.Judge(message.Method, _link.Now);
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
            TraversalMethod method = _attempt.Method;
            EndAttempt(message.Answer == TraverseAnswer.Later ? AttemptOutcome.NotNow : AttemptOutcome.Refused);
            _planner.OnDeclined(method, message.Answer, _link.Now);
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
            _planner.Reconsider();
            if (_planner.Next is { } next && next.At <= now)
                Lead(next.Method);
            return;
        }
        bool isOver = _attempt.Advance(now);
        if (isOver || now >= _deadline)
            EndAttempt(isOver ? AttemptOutcome.Missed : AttemptOutcome.NoAnswer);
    }

    private void Lead(TraversalMethod method)
    {
        _number++;
        if (!TryBegin(method))
        {
            _planner.OnEnded(_link.Now, wasMade: false, TraversalLimits.AttemptPause);
            return;
        }
        _link.Send(new Traverse(_number, method));
        GoIfReady();
    }

    private bool TryBegin(TraversalMethod method)
    {
        var attempt = new Attempt(_link, method, _isClient, _planner.Peer, _planner.Ours, _randomness);
        if (method != TraversalMethod.Exchange && !_gate.TryEnter(attempt, _link.Now))
            return false;
        _attempt = attempt;
        _peersPorts = null;
        _deadline = _link.Now + TraversalLimits.AnswerPatience;
        Began?.Invoke(method, attempt.Peer);
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
            _planner.OnMet(_attempt!.Peer, _attempt.Method);
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
        Sweep();
        // Who has the host hold its one birthday attempt ready and does not start it leaves it to others for as long as one that was made.
        bool heldForNothing = !_isClient && !attempt.HasStarted && attempt.Method != TraversalMethod.Exchange;
        _planner.OnEnded(
            _link.Now, wasMade: outcome is not (AttemptOutcome.NotNow or AttemptOutcome.Refused), heldForNothing ? TraversalLimits.SprayPause : TraversalLimits.AttemptPause);
    }

    private void Sweep()
    {
        foreach (IUdpSocket socket in _kept.Where(socket => !_link.Uses(socket)).ToArray())
        {
            _kept.Remove(socket);
            _link.Close(socket);
        }
    }
}
