using Punchline.Quic.Paths;
using Punchline.Quic.Recovery;

namespace Punchline.Quic;

/// <content>Time: every component knows its own deadline, and the connection the earliest of them.</content>
public sealed partial class QuicConnection
{
    /// <summary>Probe timeouts in a row after which large datagrams are suspected to vanish (RFC 8899 sections 3 and 4.3): before the path is.</summary>
    private const int BlackHoleAfterTimeouts = 2;

    /// <summary>Probe timeouts in a row after which the path in use is suspect, and another one is taken if there is any.</summary>
    private const int SuspectAfterTimeouts = 3;

    /// <summary>
    /// Data on its way and nothing acknowledged for so long, though at least for one probe timeout: the path in use is suspect, too. Who goes on sending
    /// begins the probe timeout anew with each packet, and where a queue of a second made it two, three of them with their back-off would take fifteen.
    /// </summary>
    private static readonly TimeSpan SuspectAfterWaiting = TimeSpan.FromSeconds(1);

    /// <summary>
    /// A server waits no longer for a client to finish the handshake: each unfinished one takes a place that an invite has
    /// few of (RFC 9000 section 21.6). Thirty seconds span five probe timeouts from the initial guess of the round-trip time, with their back-off.
    /// </summary>
    private static readonly TimeSpan HandshakeTimeout = TimeSpan.FromSeconds(30);

    /// <summary>When <see cref="OnTimeout"/> must be called, <see cref="Instant.Never"/> if only a datagram or the owner can bring news.</summary>
    public Instant NextTimeout
    {
        get
        {
            if (!_close.IsOpen)
                return _close.Deadline;
            Instant next = Instant.Min(_loss.NextTimeout, _pacedUntil);
            // An acknowledgement that cannot leave (no credit, no connection id) waits for a datagram, not for time.
            if (!_cannotSend)
                next = Instant.Min(next, Space(PacketNumberSpace.Application).Received.AckDeadline);
            next = Instant.Min(next, _liveness.IdleDeadline(ProbeTimeout));
            if (!_isConfirmed)
                return IsClient ? next : Instant.Min(next, _startedAt + HandshakeTimeout);
            next = Instant.Min(next, Instant.Min(_liveness.KeepAliveDeadline, _liveness.UnreachableDeadline));
            next = Instant.Min(next, Instant.Min(BlockedDeadline, SuspectAt));
            next = Instant.Min(next, Instant.Min(_puncher.NextRoundAt, Instant.Min(_standby.NextTimeout, _paths.Current.Mtu.RaiseAt)));
            for (int i = 0; i < _paths.Count; i++)
                next = Instant.Min(next, Instant.Min(_paths[i].Schedule.NextAt, ExpiresAt(_paths[i])));
            return next;
        }
    }

    /// <summary>The probe timeout of the path in use, without back-off (RFC 9002 section 6.2.1).</summary>
    private TimeSpan ProbeTimeout => ProbeTimeoutOf(_paths.Current);

    /// <summary>Time has passed: acts on every deadline that has come.</summary>
    public void OnTimeout(Instant now)
    {
        _now = now;
        if (!_close.IsOpen)
        {
            _close.OnTimeout(now);
            if (IsTerminated)
                Release(); // RFC 9000 section 10.2: nothing of it is kept.
            return;
        }
        if (now >= _liveness.IdleDeadline(ProbeTimeout))
        {
            _close.Terminate(QuicError.Transport(TransportErrorCode.NoError, "the peer has been silent for too long (idle timeout)"));
            OnClosed();
            return;
        }
        if (!IsClient && !IsEstablished && now >= _startedAt + HandshakeTimeout)
        {
            _close.Terminate(QuicError.Transport(TransportErrorCode.NoError, "the handshake took too long"));
            OnClosed();
            return;
        }
        if (now >= _loss.NextTimeout)
            OnLossTimeout();
        if (!_isConfirmed)
            return;
        if (now >= SuspectAt)
            Suspect(_paths.Current);
        bool isBlockedDue = now >= BlockedDeadline;
        bool isKeepAliveDue = now >= _liveness.KeepAliveDeadline;
        if (isBlockedDue)
            _streams.RepeatBlocked();
        _owesPing |= isKeepAliveDue;
        if (isBlockedDue || isKeepAliveDue)
            _liveness.OnKeepAlive(now);
        if (_liveness.TryDeclareUnreachable(now))
            Emit(new QuicEvent { Kind = QuicEventKind.PeerUnreachable });
        if (_puncher.OnTimeout(now, out bool failed))
        {
            ProbeAllPairs();
            if (failed)
                Emit(new QuicEvent { Kind = QuicEventKind.PunchingFailed });
        }
        KeepStandby();
        _paths.Current.Mtu.OnTimeout(now);
        EndOverdueProbing();
        ForgetExpiredPaths();
    }

    /// <summary>RFC 9000 section 4.1: who waits for credit with nothing in flight says so now and then, lest the peer take it for idle.</summary>
    private Instant BlockedDeadline => _streams.IsBlocked && !_loss.HasAckElicitingInFlight(PacketNumberSpace.Application)
        ? _liveness.BlockedDeadline : Instant.Never;

    private void OnLossTimeout()
    {
        if (!_loss.OnTimeout(_now, this).ProbeTimeout)
            return;
        PathState current = _paths.Current;
        _options.Trace?.Record(this, new TraceEvent(TraceKind.ProbeTimeout, _now, IsClient, PacketNumberSpace.Application,
            (ulong)_loss.PtoCount, 0, current.Network, null), default);
        if (!_isConfirmed)
            return;
        if (_loss.PtoCount >= BlackHoleAfterTimeouts)
        {
            OnBlackHole(current);
            AskElsewhere();
        }
        if (_loss.PtoCount >= SuspectAfterTimeouts)
            Suspect(current);
    }

    /// <summary>When nothing will have been acknowledged on the path in use for too long.</summary>
    private Instant SuspectAt => _paths.Current is { IsSuspect: false, Recovery.WaitingSince: { } since, SuspectedAt: var suspectedAt }
        ? Instant.Max(since, suspectedAt) + Larger(SuspectAfterWaiting, ProbeTimeout) : Instant.Never;

    private void Suspect(PathState current)
    {
        (current.IsSuspect, current.SuspectedAt) = (true, _now);
        if (_loss.PtoCount < BlackHoleAfterTimeouts)
            AskElsewhere(); // Else they have been asked.
        ReconsiderPaths();
    }

    /// <summary>
    /// A host cannot leave a dead path: the client, which may have nothing to say and so notices nothing, is asked on every other one
    /// (docs/wire/punch.md section 6).
    /// </summary>
    private void AskElsewhere()
    {
        if (IsClient || !PunchAgreed)
            return;
        for (int i = 0; i < _paths.Count; i++)
        {
            PathState state = _paths[i];
            if (state.IsValidated && state != _paths.Current && !state.Schedule.HasProbesLeft)
                state.Schedule.Start(_now, 1, ProbingRtt);
        }
    }

    /// <summary>
    /// The host is there, and challenges us on another path than the one in use. If that has been silent for longer than an answer takes, it is
    /// checked now, and not with the next keep-alive; if a check of it is unanswered already, it is suspect.
    /// </summary>
    private void OnAskedElsewhere()
    {
        if (!IsClient || !_isConfirmed || _now - _liveness.SilentSince(_paths.Current.HeardAt) <= ProbeTimeout)
            return;
        if (_now - _paths.Current.Recovery.WaitingSince >= ProbeTimeout)
            Suspect(_paths.Current);
        else
            _owesPing = true;
    }

    /// <summary>Paths whose last probe has had its time without an answer have failed (RFC 9000 section 8.2.4), and those that data left for good are over.</summary>
    private void EndOverdueProbing()
    {
        for (int i = _paths.Count - 1; i >= 0; i--)
        {
            PathState state = _paths[i];
            if (state.Schedule.HasProbesLeft || state.Schedule.NextAt > _now)
                continue;
            state.Schedule.Stop();
            if (state.IsValidated && (!state.IsLeaving || state == _paths.Current))
                continue; // It was only asked whether the client is still there.
            state.Stage = PathStage.Failed;
            if (state == _paths.Current)
                FallBack();
            if (!_close.IsOpen)
                return;
            // After the way back, which may need this id; where there is none, the path in use keeps it.
            if (state != _paths.Current)
                _peerIds.Release(state);
            TracePath(state, "failed");
            if (!state.IsPair && state != _paths.Current && state != _paths.First)
                Forget(state);
        }
    }
}
