using Punchline.Quic.Paths;

namespace Punchline.Quic;

/// <content>The paths themselves: which there are, and which one data takes (RFC 9000 section 9; docs/wire/punch.md section 6).</content>
public sealed partial class QuicConnection
{
    /// <summary>Probe timeouts without an answer after which the validation of a path that is in use is given up (RFC 9000 section 8.2.4).</summary>
    private const int AbandonAfterTimeouts = 3;

    private readonly ForgottenPairs _forgottenPairs = new();
    private PathState? _lastValidated;

    /// <summary>Adds a way to one of the peer's candidates; it is probed at once, and with each later round until it stands.</summary>
    /// <returns>False if the peer has no <c>punch</c>, or there are as many paths as may be.</returns>
    public bool TryAddPath(Instant now, NetworkPath path)
    {
        ArgumentNullException.ThrowIfNull(path);
        _now = now;
        if (!IsOpen || !PunchAgreed || path.Kind != PathKind.Direct)
            return false;
        if (_paths.Find(path) is { } known)
        {
            OnAddressAgain(known);
            return true;
        }
        PathState state = NewPath(path, PathStage.Opening, isPair: true);
        if (!AddPath(state))
            return false;
        _puncher.OnPathAdded(now);
        StartOpening(state, _forgottenPairs.TakeStart(path.RemoteAddress, now));
        return true;
    }

    /// <summary>The peer had withdrawn an address and tells it again: its path stays, and the next round probes it as any other.</summary>
    private static void OnAddressAgain(PathState known)
    {
        if (known is { IsLeaving: true, IsValidated: true })
            known.Schedule.Stop();
        (known.IsLeaving, known.IsPair) = (false, true);
    }

    /// <summary>A way will be gone soon: data leaves it for any other direct one that stands, and as soon as one does.</summary>
    public void LeavePath(Instant now, NetworkPath path)
    {
        _now = now;
        if (_paths.Find(path) is not { } state)
            return;
        state.IsLeaving = true;
        ReconsiderPaths();
        EndLeaving(state);
    }

    /// <summary>
    /// Data has left a path that will be gone: packets that are late on it have their time, then its connection id is free for another one. A peer whose
    /// address changes all the time would have used them all up else.
    /// </summary>
    private void EndLeaving(PathState state)
    {
        if (state is { IsLeaving: true, IsValidated: true } && state != _paths.Current && state != _paths.First && _paths.Find(state.Network) is not null)
            state.Schedule.EndBy(_now + (AbandonAfterTimeouts * ProbeTimeoutOf(state)));
    }

    /// <summary>A way is gone: its socket was closed, or its server.</summary>
    public void RemovePath(Instant now, NetworkPath path)
    {
        _now = now;
        if (_paths.Find(path) is not { } state)
            return;
        state.IsSuspect = true;
        state.IsRemoved = true;
        if (state == _paths.Current)
            ReconsiderPaths();
        if (state != _paths.Current && state != _paths.First)
            Forget(state);
    }

    /// <summary>
    /// The machine slept, or its network is another one: what was learnt of the paths may be past. Each direct one has to prove
    /// itself again, the one in use by its next acknowledgement, and a new round of probing opens the NATs on the way.
    /// </summary>
    public void OnNetworkChanged(Instant now)
    {
        _now = now;
        if (!IsOpen || !_isConfirmed)
            return;
        _owesPing = true;
        for (int i = 0; i < _paths.Count; i++)
        {
            PathState state = _paths[i];
            state.Trust.Reset();
            // What was opened within the time of a round has just proved itself, and may not be probed anew so soon.
            if (state.IsValidated && state.IsDirect && state != _paths.Current && !WasJustOpened(state))
                StartOpening(state);
        }
        // What was kept open is no standby while it is probed: a probe that keeps it open would take the place of all that are left.
        ReconsiderPaths();
        _puncher.Restart(now);
    }

    /// <summary>The search for a path's MTU keeps to what its socket, its owner's header and the peer allow (RFC 8899 sections 3 and 5).</summary>
    private PathState NewPath(NetworkPath network, PathStage stage, bool isPair)
    {
        int largest = Math.Min(MaxUdpPayload, network.MaxUdpPayload - network.HeaderLength);
        if (_peer is { MaxUdpPayloadSize: var peers } && peers < (ulong)largest)
            largest = (int)peers;
        return new PathState(network, stage, largest) { IsPair = isPair };
    }

    private bool AddPath(PathState state)
    {
        if (!_paths.TryAdd(state, out PathState? evicted))
            return false;
        if (evicted is not null)
            OnForgotten(evicted);
        TracePath(state, "added");
        return true;
    }

    private void Forget(PathState state)
    {
        _paths.Remove(state);
        OnForgotten(state);
    }

    /// <summary>
    /// When a direct path is over that carries nothing and to which no candidate of the peer's leads: no round probes it again, and else its
    /// connection id and its owner's socket would never be free. A client that keeps it open, and gives it up itself, has been heard by then, and an outage had time to
    /// end (docs/wire/punch.md section 5.3).
    /// </summary>
    private Instant ExpiresAt(PathState state) =>
        state is { IsPair: false, IsDirect: true, Schedule.NextAt.IsSet: false } && state != _paths.Current && state != _paths.First && state != _standby.Path
            ? Instant.Max(state.HeardAt, _standbyDistanceSince) + StandbyKeeper.LongestSilence(StandbyDistance) : Instant.Never;

    private void ForgetExpiredPaths()
    {
        for (int i = _paths.Count - 1; i >= 0; i--)
        {
            if (ExpiresAt(_paths[i]) <= _now)
                Forget(_paths[i]);
        }
    }

    private void OnForgotten(PathState state)
    {
        _forgottenPairs.Add(state, _now);
        if (state == _standby.Path)
            _standby.Choose(_now, null, default);
        _peerIds.Release(state);
        _loss.AbandonPath(state.Recovery, _now);
        Emit(new QuicEvent { Kind = QuicEventKind.PathLost, Path = state.Network });
        TracePath(state, "forgotten");
    }

    /// <summary>An authentic packet came on a path that nobody added: the peer is there (a peer-reflexive candidate).</summary>
    private PathState? AdoptPath(NetworkPath network, int datagramLength)
    {
        // RFC 9000 section 9: only the client moves, and only after the handshake; with "punch" both may be anywhere.
        if (!_isConfirmed || (IsClient && !PunchAgreed))
            return null;
        PathState state = NewPath(network, PathStage.Opening, isPair: false);
        if (!AddPath(state))
            return null;
        state.CountReceived(datagramLength);
        if (PunchAgreed && state.IsDirect)
            _puncher.OnPathAdded(_now);
        return state;
    }

    /// <summary>The client's choice: the best validated path (<see cref="PathChooser"/>).</summary>
    private void ReconsiderPaths()
    {
        if (!IsClient || !_isConfirmed)
            return;
        PathState best = _paths.Current;
        for (int i = 0; i < _paths.Count; i++)
        {
            // RFC 9000 section 9.5: a path needs an id of its own. Moving to one without would leave no way even to ask for more.
            if (PathChooser.ShouldSwitch(Rate(best), Rate(_paths[i])) && _peerIds.CanGetFor(_paths[i]))
                best = _paths[i];
        }
        // Where nothing is usable, the server's path is the best guess: it needs nothing but that packets pass.
        if (best.IsSuspect && best != _paths.First)
            best = _paths.First;
        PathState left = _paths.Current;
        if (best != left)
        {
            // What died must prove itself again before it is chosen again: the next rounds probe it.
            bool isDead = left is { IsSuspect: true, IsDirect: true };
            if (isDead)
            {
                left.Stage = PathStage.Failed;
                left.Trust.OnDied(_now);
            }
            // Taken now: a probe on another path could take the last free id before the first packet on this one, and without an id
            // nothing could be sent ever again. The first path may have lost its own: it takes over that of the path that is left.
            if (!_peerIds.TryGetFor(best, out _))
                _peerIds.Move(left, best);
            MoveTo(best);
            // Or the ids would be used up by paths that died. If there was none to spare, the best path has it now.
            if (isDead)
                _peerIds.Release(left);
            _owesPing = true; // The nomination itself: a non-probing packet that asks for an answer.
        }
        ChooseStandby();
        PaceRounds();
    }

    /// <summary>Rounds follow each other until a direct path stands, and more rarely while a better one is dead.</summary>
    private void PaceRounds()
    {
        if (!_paths.HasDirect)
            _puncher.Resume(_now);
        else if (IsClient && HasLostBetter())
            _puncher.Linger(_now);
        else
            _puncher.Stop();
    }

    /// <summary>A path that worked and that data would take if it worked again; nothing else would find that out.</summary>
    private bool HasLostBetter()
    {
        PathChooser.Rating current = Rate(_paths.Current);
        for (int i = 0; i < _paths.Count; i++)
        {
            PathState state = _paths[i];
            if (state is { IsPair: true, WasValidated: true, IsValidated: false } && PathChooser.ShouldSwitch(current, Rate(state) with { IsUsable = true }))
                return true;
        }
        return false;
    }

    /// <summary>A path is as long as its shortest sample: queues, ours above all, are no reason to leave it.</summary>
    private PathChooser.Rating Rate(PathState state) => new(
        state.IsValidated && !state.IsSuspect && !IsPaused(state), state.IsDirect, state.Network.RemoteAddress.IsIPv6, state.Recovery.Rtt.Minimum, state.IsLeaving,
        state.Network.Reach, state.Recovery.Rtt.SampleCount >= PathChooser.SettledSamples);

    /// <summary>It died too often of late, and data has another way meanwhile.</summary>
    private bool IsPaused(PathState state) => state.Trust.IsPausedAt(_now) && _paths.Current is { IsSuspect: false, Network.CarriesData: true };

    /// <summary>The server follows the client's newest non-probing packet (RFC 9000 section 9.3).</summary>
    private void FollowTo(PathState state)
    {
        PathState old = _paths.Current;
        if (old.IsValidated)
            _lastValidated = old;
        // RFC 9000 section 9.5: an id of its own; where the peer left none to spare, the one of the path that it left.
        if (!_peerIds.TryGetFor(state, out _))
            _peerIds.Move(old, state);
        MoveTo(state);
        if (state.IsValidated)
            return;
        // RFC 9000 section 8.2.4: given up after three probe timeouts, of the old path or of the new one, whichever is longer. The
        // packet that led here has begun the probes where it might; no other is begun for it, or a forged source address would pay.
        if (state.Stage != PathStage.Validating)
            state.Schedule.EndBy(_now + (AbandonAfterTimeouts * Larger(ProbeTimeoutOf(old), ProbeTimeoutOf(state))));
        // RFC 9000 section 9.3.3: an attacker may have carried the packet; a client that is still at the old address
        // answers there, with a packet that brings us back.
        if (old.IsValidated && !old.Schedule.HasProbesLeft)
            old.Schedule.Start(_now, 1, ProbingRtt);
    }

    private TimeSpan ProbeTimeoutOf(PathState state) => state.Recovery.Rtt.ProbeTimeout(_loss.PeerMaxAckDelay);

    private static TimeSpan Larger(TimeSpan a, TimeSpan b) => a > b ? a : b;

    /// <summary>
    /// RFC 9000 section 9.3.2: the new path does not validate, so the last one that did serves again, or the path of the handshake.
    /// If its owner has taken that away, the connection ends, and nobody is told.
    /// </summary>
    private void FallBack()
    {
        if (IsClient)
            return;
        PathState last = _lastValidated is { IsValidated: true } known && _paths.Find(known.Network) is not null ? known : _paths.First;
        if (last.IsRemoved)
        {
            _close.Terminate(QuicError.Transport(TransportErrorCode.NoViablePath, "the client's new address was not validated, and no other is left"));
            OnClosed();
            return;
        }
        // No new address: the path was asked again because our network changed. An outage may answer for it; the idle timeout decides.
        if (last == _paths.Current)
            return;
        // Where the peer left no id to spare, the path took this one's along: without it nothing could be sent ever again.
        if (!_peerIds.TryGetFor(last, out _))
            _peerIds.Move(_paths.Current, last);
        MoveTo(last);
    }

    private void MoveTo(PathState state)
    {
        PathState old = _paths.Current;
        _paths.Current = state;
        state.Trust.OnChosen(_now);
        _loss.AbandonPath(old.Recovery, _now);
        _loss.ResumePath(state.Recovery, _now);
        _loss.ResetPtoCount();
        if (state.IsValidated)
            OnCurrentPathReady();
        Emit(new QuicEvent { Kind = QuicEventKind.PathChanged, Path = state.Network });
        TracePath(state, "current");
        if (old.IsRemoved && old != _paths.First)
            Forget(old);
        EndLeaving(old);
    }

    private void OnCurrentPathReady()
    {
        PathState current = _paths.Current;
        current.Mtu.IsEnabled = true;
        current.Recovery.OnDatagramSizeChanged(current.Mtu.Current);
        _streams.OnRttUpdate(current.Recovery.Rtt.Smoothed);
        ObserveAddress(current);
    }

    private void TracePath(PathState state, string text) =>
        _options.Trace?.Record(this, new TraceEvent(TraceKind.Path, _now, IsClient, PacketNumberSpace.Application, 0, 0, state.Network, text), default);
}
