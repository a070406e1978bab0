using Punchline.Quic.Wire;

namespace Punchline.Quic.Recovery;

/// <summary>
/// Finds out what became of sent packets (RFC 9002 section 6) and tells each path's congestion controller.
/// <para>
/// Calling contract. Tell of every packet as it leaves (<see cref="OnPacketSent"/>, numbers rising), of every ACK frame, and call
/// <see cref="OnTimeout"/> once <see cref="NextTimeout"/> has come. After each of these look at <see cref="ProbesDue"/> and at
/// <see cref="NextTimeout"/> again. Set the properties below as the handshake goes on. Pacer, bytes in flight
/// and congestion window are kept here; the connection only asks <see cref="RecoveryPath.CanSend"/> and
/// <see cref="Pacer.Budget"/>, and sends probes without asking.
/// </para>
/// <para>
/// Packets of one space share their numbers whatever path they take, but each path counts its own packets, and reordering is
/// measured in that count: what a faster path acknowledges first says nothing about what is still under way on a slower one.
/// A packet that was declared lost is forgotten: a late acknowledgement of it is ignored, and no reduction is undone.
/// </para>
/// </summary>
internal sealed partial class LossDetector
{
    private readonly RecoverySpace[] _spaces =
        [new(PacketNumberSpace.Initial), new(PacketNumberSpace.Handshake), new(PacketNumberSpace.Application)];

    /// <summary>Paths with open packets.</summary>
    private readonly List<RecoveryPath> _active = [];

    // Scratch of one pass, kept so that a pass allocates nothing.
    private readonly List<RecoveryPath> _touched = [];
    private readonly List<ulong> _acked = [];

    /// <summary>A detector of one connection.</summary>
    public LossDetector(bool isServer) => PeerAddressValidated = isServer;

    /// <summary>The peer's max_ack_delay; RFC 9000 section 18.2 gives the default.</summary>
    public TimeSpan PeerMaxAckDelay { get; set; } = TimeSpan.FromMilliseconds(25);

    /// <summary>The handshake is confirmed (RFC 9001 section 4.1.2): from now on there is a probe timeout for the Application space.</summary>
    public bool HandshakeConfirmed
    {
        get;
        set
        {
            field = value;
            if (value)
                PeerAddressValidated = true;
        }
    }

    /// <summary>
    /// The peer certainly has validated our address: always at a server; at a client once a Handshake packet of ours is acknowledged
    /// (found out here) or the handshake is confirmed. Until then a client keeps sending (RFC 9002 section 6.2.2.1).
    /// </summary>
    public bool PeerAddressValidated { get; set; }

    /// <summary>We have Handshake keys: a client's packet against deadlock then is a Handshake packet.</summary>
    public bool HasHandshakeKeys { get; set; }

    /// <summary>The largest number of a space that the peer acknowledged.</summary>
    public ulong? LargestAcked(PacketNumberSpace space) => _spaces[(int)space].LargestAcked;

    /// <summary>True if packets for which a probe timeout is armed are in flight, on any path.</summary>
    public bool HasAckElicitingInFlight(PacketNumberSpace space) => _spaces[(int)space].ArmedPackets > 0;

    /// <summary>A packet left (RFC 9002 appendix A.5).</summary>
    /// <param name="space">Its packet number space.</param>
    /// <param name="pn">Its number, higher than every number of the space before; numbers left out are taken as skipped.</param>
    /// <param name="now">The time.</param>
    /// <param name="size">Its bytes of UDP payload.</param>
    /// <param name="path">The path that it took.</param>
    /// <param name="flags">What it means to loss recovery.</param>
    /// <param name="frames">What it held; copied.</param>
    public void OnPacketSent(
        PacketNumberSpace space,
        ulong pn,
        Instant now,
        int size,
        RecoveryPath path,
        SentPacketFlags flags,
        ReadOnlySpan<SentFrame> frames)
    {
        RecoverySpace s = _spaces[(int)space];
        ref PathSpace on = ref path.Space(space);
        var packet = new SentPacket(pn, now, size, path, flags);
        s.Sent.Add(packet, on.LastSequence + 1, frames);
        on.LastSequence++;
        if (path.OpenPackets++ == 0)
            _active.Add(path);
        if (packet.IsEcnMarked)
        {
            s.Ecn.OnMarkedSent();
            path.Ecn.OnMarkedSent();
        }
        if (path.IsAbandoned)
            on.LossTime ??= now + path.GiveUpAfter;
        _lastPath = path;
        if (!packet.IsInFlight)
            return;
        path.BytesInFlight += size;
        path.PacketsInFlight++;
        path.Congestion.OnPacketSent(now, pn, size, path.BytesInFlight);
        path.Pacer.OnSent(now, size);
        _timerSetAt = now;
        if (packet.ArmsTimer)
        {
            if (on.ArmedPackets++ == 0)
                on.WaitingSince = now;
            on.LastArmedAt = now;
            s.ArmedPackets++;
        }
    }

    /// <summary>A number that will never be sent: whoever acknowledges it makes acknowledgements up (RFC 9000 section 21.4).</summary>
    /// <param name="pn">The next number of the space; numbers below it that were not used are skipped as well.</param>
    public void OnPacketNumberSkipped(PacketNumberSpace space, ulong pn) => _spaces[(int)space].Skip(pn);

    /// <summary>An ACK frame arrived (RFC 9002 appendix A.7).</summary>
    /// <param name="space">The space of the packet that it came in.</param>
    /// <param name="ack">The frame.</param>
    /// <param name="ackDelay">Its delay, decoded with the peer's exponent.</param>
    /// <param name="arrivedOn">The path that it came on: only packets of the same path give a round-trip time. Null if unknown.</param>
    /// <param name="now">The time.</param>
    /// <param name="handler">Told of what was acknowledged and what was lost.</param>
    /// <returns>PROTOCOL_VIOLATION, and nothing is changed, if the frame acknowledges what was never sent (RFC 9000 section 13.1).</returns>
    public QuicError? OnAckReceived(
        PacketNumberSpace space, in AckFrame ack, TimeSpan ackDelay, RecoveryPath? arrivedOn, Instant now, ILossHandler handler)
    {
        RecoverySpace s = _spaces[(int)space];
        if (ack.Largest >= s.Sent.Next)
            return Violation("An acknowledgement of a packet that was never sent.");
        if (s.AcknowledgesSkipped(ack))
            return Violation("An acknowledgement of a packet number that was skipped.");

        bool advances = s.LargestAcked is not { } largest || ack.Largest > largest;
        if (advances)
            s.LargestAcked = ack.Largest;
        if (!TrySettleAcked(s, ack, out Acked acked))
            return null;

        // RFC 9002 section 5.1: a sample needs the largest number newly acknowledged, and an ack-eliciting packet newly acknowledged.
        SentPacket newest = s.Sent.Packet(acked.Largest);
        if (acked.Largest == ack.Largest && acked.Eliciting && ReferenceEquals(newest.Path, arrivedOn))
            newest.Path.Rtt.Update(now - newest.SentAt, BoundDelay(space, ackDelay), now);
        if (advances) // RFC 9000 section 13.4.2.1
            ProcessEcn(s, ack.Ecn, newest, now);

        foreach (RecoveryPath path in _touched)
        {
            path.Space(space).WaitingSince = now;
            DetectLost(s, path, now, handler);
        }
        ReportLosses(now);
        ReportAcked(s, now, handler);

        if (space == PacketNumberSpace.Handshake)
            PeerAddressValidated = true;
        if (acked.Armed)
            s.ProbesDue = 0;
        // Section 6.2.1: a client that does not know yet whether its address is validated keeps backing off.
        if (acked.NotProbe && PeerAddressValidated)
            ResetPtoCount();
        _timerSetAt = now;
        Purge(s, now, handler);
        EndPass();
        return null;
    }

    /// <summary>
    /// The keys of a space are discarded: its packets leave the bytes in flight without being reported
    /// and the timers start anew (RFC 9002 sections 6.2.2 and 6.4, appendix A.11).
    /// </summary>
    public void DiscardSpace(PacketNumberSpace space, Instant now)
    {
        RecoverySpace s = _spaces[(int)space];
        for (ulong n = s.Sent.FindOpen(0); n < s.Sent.Next; n = s.Sent.FindOpen(n + 1))
        {
            Touch(s.Sent.Packet(n).Path);
            Remove(s, n);
        }
        foreach (RecoveryPath path in _touched)
            path.Space(space).LossTime = null;
        s.Sent.Clear();
        s.ProbesDue = 0;
        ResetPtoCount();
        _timerSetAt = now;
        EndPass();
    }

    /// <summary>
    /// A client received a Retry (RFC 9002 section 6.3, RFC 9000 section 17.2.3): what it sent, 0-RTT included, will not be acknowledged and is
    /// reported as lost, so that it is sent again. Congestion control need not be reset: nothing was acknowledged or lost yet.
    /// </summary>
    public void OnRetry(Instant now, ILossHandler handler)
    {
        GiveUpAll(PacketNumberSpace.Initial, now, handler);
        GiveUpAll(PacketNumberSpace.Application, now, handler);
    }

    /// <summary>
    /// Reports all packets of a space as lost, without a sign of congestion: after a Retry, and when 0-RTT is rejected
    /// (RFC 9002 section 6.4).
    /// </summary>
    public void GiveUpAll(PacketNumberSpace space, Instant now, ILossHandler handler)
    {
        RecoverySpace s = _spaces[(int)space];
        for (ulong n = s.Sent.FindOpen(0); n < s.Sent.Next; n = s.Sent.FindOpen(n + 1))
        {
            Touch(s.Sent.Packet(n).Path);
            Lose(s, n, handler, LossReason.GivenUp);
        }
        foreach (RecoveryPath path in _touched)
            path.Space(space).LossTime = null;
        s.Sent.Trim();
        s.ProbesDue = 0;
        ResetPtoCount();
        _timerSetAt = now;
        EndPass();
    }

    /// <summary>
    /// The connection moved away from a path. What is open on it has one probe timeout from its sending to be
    /// acknowledged, then counts as lost; this touches no congestion controller, and no probe timeout is armed for it.
    /// </summary>
    public void AbandonPath(RecoveryPath path, Instant now)
    {
        if (path.IsAbandoned)
            return;
        path.IsAbandoned = true;
        path.GiveUpAfter = path.Rtt.ProbeTimeout(PeerMaxAckDelay);
        // The backoff came from this path; the next one begins without.
        ResetPtoCount();
        RescanSoon(path, now);
    }

    /// <summary>The connection came back to a path that it had abandoned.</summary>
    public void ResumePath(RecoveryPath path, Instant now)
    {
        if (!path.IsAbandoned)
            return;
        path.IsAbandoned = false;
        ResetPtoCount();
        RescanSoon(path, now);
    }

    /// <summary>The loss timer expires at once for a path with open packets, and finds the new deadlines.</summary>
    private static void RescanSoon(RecoveryPath path, Instant now)
    {
        if (path.OpenPackets == 0)
            return;
        for (int i = 0; i < SpaceCount; i++)
            path.Space((PacketNumberSpace)i).LossTime = now;
    }

    private static QuicError Violation(string reason) =>
        QuicError.Transport(TransportErrorCode.ProtocolViolation, reason, FrameTypes.Ack);

    /// <summary>What an ACK frame newly acknowledges.</summary>
    /// <param name="Largest">The largest number among it.</param>
    /// <param name="Eliciting">An ack-eliciting packet is among it.</param>
    /// <param name="Armed">A packet for which a probe timeout was armed is among it.</param>
    /// <param name="NotProbe">A packet that did not probe a path is among it.</param>
    private readonly record struct Acked(ulong Largest, bool Eliciting, bool Armed, bool NotProbe);

    /// <summary>Settles what the frame newly acknowledges, and lists it.</summary>
    /// <returns>False if there is nothing.</returns>
    private bool TrySettleAcked(RecoverySpace s, in AckFrame ack, out Acked acked)
    {
        acked = default;
        _acked.Clear();
        foreach (PacketRange range in ack)
        {
            if (range.Largest < s.Sent.First)
                break;
            for (ulong n = s.Sent.FindOpen(range.Smallest); n <= range.Largest; n = s.Sent.FindOpen(n + 1))
            {
                SentPacket packet = s.Sent.Packet(n);
                RecoveryPath path = packet.Path;
                Touch(path);
                ref PathSpace on = ref path.Space(s.Id);
                on.LargestAcked = Math.Max(on.LargestAcked, s.Sent.Sequence(n));
                if (packet.IsEcnMarked)
                    path.Pass.MarkedAcked++;
                Remove(s, n);
                _acked.Add(n);
                acked = new Acked(
                    Math.Max(acked.Largest, n),
                    acked.Eliciting || packet.IsAckEliciting,
                    acked.Armed || packet.ArmsTimer,
                    acked.NotProbe || !packet.IsProbe);
            }
        }
        return _acked.Count > 0;
    }

    private TimeSpan BoundDelay(PacketNumberSpace space, TimeSpan delay)
    {
        // RFC 9002 section 5.3: Initial packets are acknowledged at once, and what they say may be anybody's (RFC 9001 section 7); max_ack_delay bounds the delay once the handshake is confirmed.
        if (space == PacketNumberSpace.Initial || delay < TimeSpan.Zero)
            return TimeSpan.Zero;
        return HandshakeConfirmed && delay > PeerMaxAckDelay ? PeerMaxAckDelay : delay;
    }

    /// <summary>The counts of an ACK frame, if they are there (RFC 9000 sections 13.4.2 and 19.3).</summary>
    private void ProcessEcn(RecoverySpace s, EcnCounts? counts, in SentPacket newest, Instant now)
    {
        int marked = 0;
        foreach (RecoveryPath path in _touched)
            marked += path.Pass.MarkedAcked;
        if (counts is null && marked == 0)
            return;
        bool valid = s.Ecn.TryAccept(counts, marked, out bool congestionExperienced);
        foreach (RecoveryPath path in _touched)
        {
            if (path.Pass.MarkedAcked == 0)
                continue;
            if (valid)
                path.Ecn.OnValidated();
            else
                path.Ecn.OnFailed();
        }
        // RFC 9002 section 7.1: more CE marks are a sign of congestion on a path that was validated.
        if (congestionExperienced && newest.Path.Ecn.State == EcnState.Capable)
            newest.Path.Congestion.OnCongestionEvent(now, newest.SentAt, isEcn: true);
    }

    private void ReportAcked(RecoverySpace s, Instant now, ILossHandler handler)
    {
        foreach (ulong n in _acked)
        {
            SentPacket packet = s.Sent.Packet(n);
            RecoveryPath path = packet.Path;
            if (packet.IsInFlight)
            {
                path.Congestion.OnPacketAcked(
                    now, n, packet.Size, packet.SentAt, path.Rtt, path.Pass.BytesInFlightBefore, !path.Pass.WindowUsed);
            }
            handler.OnPacketAcked(s.Id, packet, s.Sent.Frames(n));
        }
    }

    /// <summary>Settles a packet and takes it out of every count.</summary>
    private static void Remove(RecoverySpace s, ulong number)
    {
        ref readonly SentPacket packet = ref s.Sent.Packet(number);
        RecoveryPath path = packet.Path;
        s.Sent.Settle(number);
        path.OpenPackets--;
        if (packet.IsInFlight)
        {
            path.BytesInFlight -= packet.Size;
            path.PacketsInFlight--;
        }
        if (packet.ArmsTimer)
        {
            path.Space(s.Id).ArmedPackets--;
            s.ArmedPackets--;
        }
    }

    private void Touch(RecoveryPath path)
    {
        if (path.Pass.IsTouched)
            return;
        path.Pass = new PathPass
        {
            IsTouched = true,
            BytesInFlightBefore = path.BytesInFlight,
            WindowUsed = path.UsesWindow(path.BytesInFlight),
        };
        _touched.Add(path);
    }

    private void EndPass()
    {
        foreach (RecoveryPath path in _touched)
        {
            path.Pass = default;
            path.UpdatePacer();
            if (path.OpenPackets == 0)
                _active.Remove(path);
        }
        _touched.Clear();
    }
}
