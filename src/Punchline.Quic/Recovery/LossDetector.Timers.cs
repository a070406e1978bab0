namespace Punchline.Quic.Recovery;

/// <summary>What an expired loss timer did.</summary>
/// <param name="PacketsLost">Packets were declared lost, and reported.</param>
/// <param name="ProbeTimeout">The probe timeout expired: send probes, see <see cref="LossDetector.ProbesDue"/>.</param>
/// <param name="Space">The space whose probe timeout expired.</param>
internal readonly record struct LossTimerResult(bool PacketsLost, bool ProbeTimeout, PacketNumberSpace Space);

/// <content>The one timer of loss recovery (RFC 9002 section 6.2 and appendices A.8 and A.9), worked out when it is asked for.</content>
internal sealed partial class LossDetector
{
    private const int SpaceCount = 3;

    /// <summary>Datagrams that one probe timeout sends (RFC 9002 section 6.2.4): two survive the loss of one.</summary>
    private const int ProbesPerTimeout = 2;

    /// <summary>The timeout doubles so many times at most: beyond it every idle timeout has passed, and nothing overflows.</summary>
    private const int MaxBackoff = 20;

    private RecoveryPath? _lastPath;
    private Instant? _timerSetAt;
    private Instant _lastProbeTimeout;

    /// <summary>How many probe timeouts have expired since the last acknowledgement.</summary>
    public int PtoCount { get; private set; }

    /// <summary>Begins again with the plain probe timeout, for instance on a new path.</summary>
    public void ResetPtoCount() => PtoCount = 0;

    /// <summary>When <see cref="OnTimeout"/> is to be called; it may lie in the past.</summary>
    public Instant NextTimeout
    {
        get
        {
            Instant next = ProbeTimer(out _);
            foreach (RecoveryPath path in _active)
            {
                for (int i = 0; i < SpaceCount; i++)
                    next = Instant.Min(next, path.Space((PacketNumberSpace)i).LossTime ?? Instant.Never);
            }
            foreach (RecoverySpace s in _spaces)
            {
                if (IsOverfull(s))
                    return Instant.Zero;
            }
            return next;
        }
    }

    /// <summary>The timer may have expired (RFC 9002 appendix A.9). Harmless when it has not.</summary>
    public LossTimerResult OnTimeout(Instant now, ILossHandler handler)
    {
        bool lost = false;
        foreach (RecoverySpace s in _spaces)
        {
            foreach (RecoveryPath path in _active)
            {
                if (path.Space(s.Id).LossTime is { } due && due <= now)
                {
                    Touch(path);
                    lost |= DetectLost(s, path, now, handler);
                }
            }
            lost |= Purge(s, now, handler);
        }
        if (_touched.Count > 0)
        {
            ReportLosses(now);
            EndPass();
        }
        if (lost)
        {
            _timerSetAt = now;
            return new LossTimerResult(PacketsLost: true, ProbeTimeout: false, default);
        }

        if (ProbeTimer(out PacketNumberSpace space) > now)
            return default;
        // Section 6.2.4: probes in the space that timed out, and one in each other space with packets in flight, as the peer may
        // have the keys of only one. Nothing counts as lost by this (section 6.2).
        bool inFlight = HasAckElicitingInFlight(space);
        foreach (RecoverySpace s in _spaces)
        {
            if (s.Id == space)
                s.ProbesDue = inFlight ? ProbesPerTimeout : 1;
            else if (s.ArmedPackets > 0)
                s.ProbesDue = Math.Max(s.ProbesDue, 1);
        }
        PtoCount++;
        _lastProbeTimeout = now;
        _timerSetAt = now;
        return new LossTimerResult(PacketsLost: false, ProbeTimeout: true, space);
    }

    /// <summary>How many ack-eliciting packets are to be sent in a space although window and pacer may forbid it.</summary>
    public int ProbesDue(PacketNumberSpace space) => _spaces[(int)space].ProbesDue;

    /// <summary>A probe was sent in this space.</summary>
    public void OnProbeSent(PacketNumberSpace space)
    {
        RecoverySpace s = _spaces[(int)space];
        s.ProbesDue = Math.Max(0, s.ProbesDue - 1);
    }

    /// <summary>The frames of the oldest packet whose data a probe may send again (RFC 9002 section 6.2.4).</summary>
    /// <param name="frames">What it held; valid until the next packet is sent or acknowledged.</param>
    /// <returns>False if there is none: a PING does then.</returns>
    public bool TryGetOldestUnacked(PacketNumberSpace space, out ReadOnlySpan<SentFrame> frames)
    {
        ulong from = 0;
        return TryGetUnacked(space, ref from, out frames);
    }

    /// <summary>Walks the packets whose data a probe may send again, from the oldest on.</summary>
    /// <param name="from">The number to begin at; moved past what is returned, for the next call.</param>
    /// <param name="frames">What the packet held; valid until the next packet is sent or acknowledged.</param>
    /// <returns>False if there is none from there on.</returns>
    public bool TryGetUnacked(PacketNumberSpace space, scoped ref ulong from, out ReadOnlySpan<SentFrame> frames)
    {
        SentPacketStore sent = _spaces[(int)space].Sent;
        for (ulong n = sent.FindOpen(from); n < sent.Next; n = sent.FindOpen(n + 1))
        {
            ref readonly SentPacket packet = ref sent.Packet(n);
            if (packet.ArmsTimer && !packet.IsMtuProbe)
            {
                from = n + 1;
                frames = sent.Frames(n);
                return true;
            }
        }
        frames = default;
        return false;
    }

    /// <summary>When the probe timeout expires, and in which space (RFC 9002 section 6.2.1 and appendix A.8).</summary>
    private Instant ProbeTimer(out PacketNumberSpace space)
    {
        Instant earliest = Instant.Never;
        space = PacketNumberSpace.Initial;
        foreach (RecoveryPath path in _active)
        {
            // Section 6.2.2.1: nothing can be sent, so nothing is timed. An abandoned path has its own deadline.
            if (path.IsAbandoned || path.IsAmplificationBlocked || HasLossTimer(path))
                continue;
            for (int i = 0; i < SpaceCount; i++)
            {
                var id = (PacketNumberSpace)i;
                ref PathSpace on = ref path.Space(id);
                // Section 6.2.1: none for the Application space before the handshake is confirmed.
                if (on.ArmedPackets == 0 || (id == PacketNumberSpace.Application && !HandshakeConfirmed))
                    continue;
                TimeSpan maxAckDelay = id == PacketNumberSpace.Application ? PeerMaxAckDelay : TimeSpan.Zero;
                // An expired timeout that could not be answered does not expire again at once, however late we are.
                Instant due = Instant.Max(on.LastArmedAt, _lastProbeTimeout) + BackedOff(path, maxAckDelay);
                if (due < earliest)
                {
                    earliest = due;
                    space = id;
                }
            }
        }
        if (!IsAgainstDeadlock(out PacketNumberSpace keys) || _lastPath is null || _timerSetAt is not { } since)
            return earliest;
        space = keys;
        return since + BackedOff(_lastPath, TimeSpan.Zero);
    }

    /// <summary>
    /// RFC 9000 section 8.1, RFC 9002 section 6.2.2.1: a client without anything of the handshake in flight goes on sending, as the server may not be allowed to.
    /// 0-RTT and 1-RTT packets in flight do not count: no timer is armed for them before the handshake is confirmed.
    /// </summary>
    private bool IsAgainstDeadlock(out PacketNumberSpace space)
    {
        space = HasHandshakeKeys ? PacketNumberSpace.Handshake : PacketNumberSpace.Initial;
        return !PeerAddressValidated
            && !HasAckElicitingInFlight(PacketNumberSpace.Initial)
            && !HasAckElicitingInFlight(PacketNumberSpace.Handshake);
    }

    /// <summary>Section 6.2.1: no probe timeout while the time threshold has a timer.</summary>
    private static bool HasLossTimer(RecoveryPath path)
    {
        for (int i = 0; i < SpaceCount; i++)
        {
            if (path.Space((PacketNumberSpace)i).LossTime is not null)
                return true;
        }
        return false;
    }

    private TimeSpan BackedOff(RecoveryPath path, TimeSpan maxAckDelay) =>
        new(path.Rtt.ProbeTimeout(maxAckDelay).Ticks << Math.Min(PtoCount, MaxBackoff));
}
