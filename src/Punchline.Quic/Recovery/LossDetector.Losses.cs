namespace Punchline.Quic.Recovery;

/// <content>Which packets count as lost, and what follows (RFC 9002 sections 6.1 and 7.6).</content>
internal sealed partial class LossDetector
{
    /// <summary>kPacketThreshold (RFC 9002 section 6.1.1).</summary>
    private const int PacketThreshold = 3;

    /// <summary>
    /// So many packet numbers of a space are remembered at most, which is more than <see cref="RecoveryPath.MaxPacketsInFlight"/> on one
    /// path leaves open; what is older counts as lost. It bounds the memory that a peer can make us hold by acknowledging nothing.
    /// </summary>
    public const int MaxTrackedPackets = 1 << 17;

    /// <summary>So many frame records of a space are remembered at most, four for each packet.</summary>
    public const int MaxTrackedFrames = 4 * MaxTrackedPackets;

    /// <summary>A path probe without an answer is given up after so many probe timeouts (RFC 9000 section 8.2.4).</summary>
    private const int ProbeLifetime = 3;

    /// <summary>
    /// Declares packets of one path lost that were sent before an acknowledged one of the same path (RFC 9002 section 6.1 and
    /// appendix A.10), or that an abandoned path has had its time for. Sets the path's timer for what remains.
    /// </summary>
    /// <returns>True if a packet was lost.</returns>
    private static bool DetectLost(RecoverySpace s, RecoveryPath path, Instant now, ILossHandler handler)
    {
        ref PathSpace on = ref path.Space(s.Id);
        TimeSpan delay = path.Rtt.LossDelay;
        on.LossTime = null;
        ulong? firstKept = null;
        bool any = false;
        ulong n = s.Sent.FindOpen(on.ScanFrom);
        for (; n < s.Sent.Next; n = s.Sent.FindOpen(n + 1))
        {
            ref readonly SentPacket packet = ref s.Sent.Packet(n);
            if (!ReferenceEquals(packet.Path, path))
                continue;
            ulong sequence = s.Sent.Sequence(n);
            bool overtaken = sequence < on.LargestAcked;
            if (overtaken && (on.LargestAcked - sequence >= PacketThreshold || packet.SentAt + delay <= now))
            {
                Lose(s, n, handler, LossReason.Overtaken);
                any = true;
                continue;
            }
            if (path.IsAbandoned && packet.SentAt + path.GiveUpAfter <= now)
            {
                Lose(s, n, handler, LossReason.GivenUp);
                any = true;
                continue;
            }
            firstKept ??= n;
            if (!overtaken && !path.IsAbandoned)
                break;
            Instant due = overtaken ? packet.SentAt + delay : Instant.Never;
            if (path.IsAbandoned)
                due = Instant.Min(due, packet.SentAt + path.GiveUpAfter);
            on.LossTime = Instant.Min(on.LossTime ?? Instant.Never, due);
            // Later ones were sent later, so none of them is due before this one.
            if (!overtaken)
                break;
        }
        on.ScanFrom = firstKept ?? n;
        return any;
    }

    private enum LossReason
    {
        /// <summary>A later packet of the same path was acknowledged: a sign of congestion.</summary>
        Overtaken,

        /// <summary>Nobody waits for it any more: no sign of anything.</summary>
        GivenUp,
    }

    private static void Lose(RecoverySpace s, ulong number, ILossHandler handler, LossReason reason)
    {
        SentPacket packet = s.Sent.Packet(number);
        RecoveryPath path = packet.Path;
        Remove(s, number);
        if (packet.IsEcnMarked)
            path.Ecn.OnMarkedLost();
        // A path probe that gets no answer says that nobody listens, not that the way is full (docs/wire/punch.md).
        if (reason == LossReason.Overtaken && !packet.IsProbe)
        {
            path.Space(s.Id).Persistent.OnLost(packet, s.Sent.Sequence(number), path.Rtt);
            if (packet.IsInFlight && !packet.IsMtuProbe) // RFC 9000 section 14.4, RFC 8899 section 3
                path.Pass.LatestLoss = Instant.Max(path.Pass.LatestLoss ?? Instant.Zero, packet.SentAt);
        }
        handler.OnPacketLost(s.Id, packet, s.Sent.Frames(number));
    }

    /// <summary>Tells the congestion controllers of what <see cref="DetectLost"/> found (RFC 9000 section 13.3, RFC 9002 appendix B.8).</summary>
    private void ReportLosses(Instant now)
    {
        foreach (RecoveryPath path in _touched)
        {
            if (path.Pass.LatestLoss is not { } latest)
                continue;
            path.Congestion.OnCongestionEvent(now, latest, isEcn: false);
            for (int i = 0; i < SpaceCount; i++)
            {
                if (path.Space((PacketNumberSpace)i).Persistent.TryEstablish(path.Rtt, PeerMaxAckDelay))
                {
                    path.Congestion.OnPersistentCongestion(now);
                    path.Rtt.OnPersistentCongestion();
                }
            }
        }
    }

    /// <summary>Forgets settled packets, gives up path probes that were never answered, and keeps within the bounds.</summary>
    /// <returns>True if a packet was given up.</returns>
    private bool Purge(RecoverySpace s, Instant now, ILossHandler handler)
    {
        bool any = false;
        s.Sent.Trim();
        while (s.Sent.First < s.Sent.Next)
        {
            ref readonly SentPacket oldest = ref s.Sent.Packet(s.Sent.First);
            bool stale = oldest.IsProbe
                && oldest.SentAt + (oldest.Path.Rtt.ProbeTimeout(PeerMaxAckDelay) * ProbeLifetime) <= now;
            if (!stale && !IsOverfull(s))
                break;
            Touch(oldest.Path);
            Lose(s, s.Sent.First, handler, LossReason.GivenUp);
            s.Sent.Trim();
            any = true;
        }
        return any;
    }

    private static bool IsOverfull(RecoverySpace s) =>
        s.Sent.Span > MaxTrackedPackets || s.Sent.FrameSpan > MaxTrackedFrames;
}
