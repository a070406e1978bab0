using Punchline.Protocol;
using Punchline.Quic;
using Punchline.Stun;

namespace Punchline.Traversal;

/// <summary>An attempt that the client is to propose.</summary>
/// <param name="Method">How.</param>
/// <param name="At">When, at the earliest.</param>
internal readonly record struct PlannedAttempt(TraversalMethod Method, Instant At);

/// <summary>
/// What one side of a connection knows that bears on meeting the peer, and what follows: the client's next attempt, and what a host answers to one.
/// Pure but for what all connections of the process share.
/// </summary>
/// <param name="isClient">The client plans, the host only answers.</param>
/// <param name="gate">Shared by all connections of the process.</param>
/// <param name="worked">Shared by them as well.</param>
internal sealed class AttemptPlanner(bool isClient, SprayGate gate, WhatWorked worked)
{
    private readonly AttemptBudget _budget = new();
    private readonly HashSet<TraversalMethod> _refused = [];
    private NatReport? _peers;
    private UdpAddress _ourPublic;
    private bool _hasPath;
    private bool _isDirect;
    private bool _hasEnded;
    private Instant _relayedSince;
    private TimeSpan _laterPause = TraversalLimits.AttemptPause;

    /// <summary>The attempt to propose next, as things stood at the last <see cref="Reconsider"/>; null if there is none.</summary>
    public PlannedAttempt? Next { get; private set; }

    /// <summary>What is known of our own NATs.</summary>
    public NatReport Ours { get; private set; }

    /// <summary>Where a server attests the peer to be; its port does not matter.</summary>
    public UdpAddress Peer { get; private set; }

    /// <summary>Servers see both sides at one address.</summary>
    public bool SharesNat => !Peer.IsNone && Peer.SameHost(_ourPublic);

    /// <summary>What is known of our own NATs, and our public address as servers see it.</summary>
    public void SetOurs(in NatReport report, in UdpAddress mapped, Instant now)
    {
        bool moved = !_ourPublic.IsNone && !_ourPublic.SameHost(mapped);
        (Ours, _ourPublic) = (report, mapped);
        if (moved)
            Restart(now);
        Reconsider();
    }

    /// <summary>What the peer knows of its NATs.</summary>
    public void SetPeers(in NatReport report)
    {
        _peers = report;
        Reconsider();
    }

    /// <summary>A server attests where it sees the peer.</summary>
    public void SetPeerAddress(in UdpAddress address, Instant now)
    {
        bool moved = !Peer.IsNone && !Peer.SameHost(address);
        Peer = address;
        if (moved)
            Restart(now);
        Reconsider();
    }

    /// <summary>Data takes another path.</summary>
    public void OnPath(bool isDirect, Instant now)
    {
        bool wasRelayed = _hasPath && !_isDirect;
        (_hasPath, _isDirect) = (true, isDirect);
        if (!isDirect && !wasRelayed)
            Restart(now);
        Reconsider();
    }

    /// <summary>An attempt could not be begun, or is over: the next one has to wait.</summary>
    /// <param name="now">The time.</param>
    /// <param name="wasMade">False if the peer had no time for it: then it does not count.</param>
    /// <param name="pause">How long.</param>
    public void OnEnded(Instant now, bool wasMade, TimeSpan pause)
    {
        if (wasMade)
            _budget.Take(now);
        _budget.PauseUntil(now + pause);
        Reconsider();
    }

    /// <summary>It led to the peer.</summary>
    /// <param name="peer">Where that was attested to be.</param>
    /// <param name="method">How.</param>
    public void OnMet(in UdpAddress peer, TraversalMethod method) => worked.Remember(_ourPublic, peer, method);

    /// <summary>The host did not take it up.</summary>
    /// <param name="method">What was proposed.</param>
    /// <param name="answer">Why not: later, or never.</param>
    /// <param name="now">The time.</param>
    public void OnDeclined(TraversalMethod method, TraverseAnswer answer, Instant now)
    {
        if (answer != TraverseAnswer.Later)
            _refused.Add(method);
        _budget.PauseUntil(now + _laterPause);
        _laterPause = _laterPause + _laterPause < TraversalLimits.LongestLaterPause ? _laterPause + _laterPause : TraversalLimits.LongestLaterPause;
        Reconsider();
    }

    /// <summary>The connection has ended.</summary>
    public void End()
    {
        _hasEnded = true;
        Next = null;
    }

    /// <summary>What to answer to the client's proposal.</summary>
    public TraverseAnswer Judge(TraversalMethod method, Instant now)
    {
        if (method is not (TraversalMethod.Exchange or TraversalMethod.ClientOpens or TraversalMethod.HostOpens))
            return TraverseAnswer.Never;
        if (method != TraversalMethod.Exchange && !gate.IsAllowed)
            return TraverseAnswer.Never;
        return _hasEnded || _isDirect || now < _budget.FreeAt || !MayTry(Peer) ? TraverseAnswer.Later : TraverseAnswer.Ready;
    }

    /// <summary>Plans anew: another connection's attempt may have begun or ended meanwhile.</summary>
    public void Reconsider()
    {
        Next = null;
        if (!isClient || _hasEnded || !_hasPath || _isDirect || !_budget.FreeAt.IsSet || _peers is not { } peers || !MayTry(Peer))
            return;
        TraversalPlan plan = TraversalStrategy.Choose(Ours, peers);
        List<TraversalMethod> methods = [.. plan.Methods.Where(m => !_refused.Contains(m) && (m == TraversalMethod.Exchange || gate.IsAllowed))];
        if (methods.Count == 0)
            return;
        TraversalMethod known = worked.Find(_ourPublic, Peer);
        bool isKnown = _budget.Count == 0 && methods.Contains(known);
        TraversalMethod method = isKnown ? known : methods[_budget.Count % methods.Count];
        Instant at = Instant.Max(_relayedSince + (plan.AtOnce || isKnown ? TraversalLimits.Settling : TraversalLimits.PlainPatience), _budget.FreeAt);
        Next = new PlannedAttempt(method, method == TraversalMethod.Exchange ? at : Instant.Max(at, gate.FreeAt));
    }

    /// <summary>A network is another one: what failed before may work now.</summary>
    private void Restart(Instant now)
    {
        _budget.Restart();
        _laterPause = TraversalLimits.AttemptPause;
        _refused.Clear();
        _relayedSince = now;
    }

    /// <summary>
    /// Never at addresses where there is no NAT of the peer's to be opened: private ones, this machine, or our own NAT, whose hairpin plain
    /// probing tries; nor at those of a family in which servers do not see us.
    /// </summary>
    private bool MayTry(in UdpAddress address) => !address.IsNone && !address.IsUnspecified && !address.IsLoopback && !address.IsPrivate
        && !address.IsLinkLocal && !address.IsMulticast && !address.IsBroadcastOrReserved && !address.SameHost(_ourPublic)
        && (_ourPublic.IsNone || address.IsIPv4 == _ourPublic.IsIPv4);
}
