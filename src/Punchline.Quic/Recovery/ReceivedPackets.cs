using Punchline.Quic.Wire;

namespace Punchline.Quic.Recovery;

/// <summary>
/// What was received in one packet number space: it finds duplicates, makes up the ranges of ACK frames and says when one is due
/// (RFC 9000 section 13.2). Ranges stand in descending order, as ACK frames have them. Allocates nothing after construction.
/// </summary>
internal sealed class ReceivedPackets
{
    /// <summary>
    /// So many ranges are kept (RFC 9000 section 13.2.3). The lowest are forgotten first: what is in them is not acknowledged any more.
    /// </summary>
    public const int MaxRanges = 64;

    /// <summary>Acknowledge at least every second ack-eliciting packet (RFC 9000 section 13.2.2).</summary>
    public const int DefaultThreshold = 2;

    private readonly PacketRange[] _ranges = new PacketRange[MaxRanges + 1];
    private readonly ulong[] _changed = new ulong[MaxRanges + 1];
    private int _count;
    private readonly DuplicateFilter _seen = new();
    private ulong? _largestEliciting;
    private Instant _largestAt;
    private int _elicitingUnacked;
    private bool _somethingNew;
    private bool _ecnSeen;
    private EcnCounts _ecn;

    /// <summary>The serial number of the next ACK frame, to be remembered with it.</summary>
    public ulong AckSerial { get; private set; }

    /// <summary>How many ack-eliciting packets make an acknowledgement due at once.</summary>
    public int AckElicitingThreshold { get; set; } = DefaultThreshold;

    /// <summary>What to acknowledge, from the highest range to the lowest; valid until the next call.</summary>
    public ReadOnlySpan<PacketRange> Ranges => _ranges.AsSpan(0, _count);

    /// <summary>The largest number received.</summary>
    public ulong? Largest => _count == 0 ? null : _ranges[0].Largest;

    /// <summary>The counts for ACK frames; null while no packet came with an ECN codepoint.</summary>
    public EcnCounts? Ecn => _ecnSeen ? _ecn : null;

    /// <summary>There is something to say that no ACK frame has said yet. It may ride along with other frames.</summary>
    public bool HasAckToSend => _somethingNew && _count > 0;

    /// <summary>When an ACK frame is due on its own: never for packets that elicit none (RFC 9000 section 13.2.1).</summary>
    public Instant AckDeadline { get; private set; } = Instant.Never;

    /// <summary>True if an ACK frame is due, even alone.</summary>
    public bool AckDue(Instant now) => AckDeadline <= now;

    /// <summary>True if the number was received before, or is too old to know.</summary>
    public bool IsDuplicate(ulong pn) => _seen.Contains(pn);

    /// <summary>A packet was received and authenticated. A duplicate changes nothing.</summary>
    /// <param name="pn">Its number.</param>
    /// <param name="ackEliciting">It must be acknowledged.</param>
    /// <param name="ecn">The ECN codepoint of its datagram.</param>
    /// <param name="now">The time of arrival.</param>
    /// <param name="maxAckDelay">Our max_ack_delay: the longest that an acknowledgement may wait.</param>
    /// <param name="immediate">It may not wait: Initial and Handshake packets (RFC 9000 section 13.2.1).</param>
    public void OnReceived(ulong pn, bool ackEliciting, EcnCodepoint ecn, Instant now, TimeSpan maxAckDelay, bool immediate)
    {
        if (IsDuplicate(pn))
            return;
        _seen.Add(pn);
        if (Largest is not { } largest || pn > largest)
            _largestAt = now;
        ulong rangeStart = Insert(pn);
        _somethingNew = true;
        Count(ecn);
        if (!ackEliciting)
            return;

        // RFC 9221 section 5.2: DATAGRAM frames may wait like all others. RFC 9000 section 13.2.1: at once when packets are missing or late, so that the sender finds losses early; and for CE marks.
        bool outOfOrder = _largestEliciting is { } last && (pn < last || rangeStart > last);
        _largestEliciting = Math.Max(_largestEliciting ?? 0, pn);
        _elicitingUnacked++; // PATH_CHALLENGE as well: its ACK is a non-probing packet on the path in use (RFC 9000 section 9.3.3).
        bool atOnce = immediate || outOfOrder || ecn == EcnCodepoint.Ce || _elicitingUnacked >= AckElicitingThreshold;
        AckDeadline = Instant.Min(AckDeadline, atOnce ? now : now + maxAckDelay);
    }

    /// <summary>How long ago the largest number arrived: the ACK Delay (RFC 9000 section 13.2.5).</summary>
    public TimeSpan Delay(Instant now) => now > _largestAt ? now - _largestAt : TimeSpan.Zero;

    /// <summary>An ACK frame with these ranges left.</summary>
    public void OnAckSent()
    {
        AckSerial++;
        _somethingNew = false;
        _elicitingUnacked = 0;
        AckDeadline = Instant.Never;
    }

    /// <summary>
    /// The peer has an ACK frame of ours: what it said need not be said again (RFC 9000 section 13.2.4). A range to which a
    /// number was added since stays, however low: with several paths, packets far below the largest still arrive. The
    /// highest range stays in any case.
    /// </summary>
    /// <param name="serial">What <see cref="AckSerial"/> was when that frame was written.</param>
    public void OnAckAcknowledged(ulong serial)
    {
        int kept = Math.Min(_count, 1);
        for (int i = kept; i < _count; i++)
        {
            if (_changed[i] <= serial)
                continue;
            _ranges[kept] = _ranges[i];
            _changed[kept++] = _changed[i];
        }
        _count = kept;
    }

    /// <summary>Puts a number that is not there into the ranges.</summary>
    /// <returns>The smallest number of the range that it is in now.</returns>
    private ulong Insert(ulong pn)
    {
        // Packets mostly arrive in order, so this mostly stops at the first range.
        int i = 0;
        while (i < _count && pn < _ranges[i].Smallest)
            i++;
        // The number is above range i and below range i-1.
        bool extendsLower = i < _count && _ranges[i].Largest + 1 == pn;
        bool extendsUpper = i > 0 && _ranges[i - 1].Smallest == pn + 1;
        if (extendsLower && extendsUpper)
        {
            _ranges[i - 1] = new PacketRange(_ranges[i].Smallest, _ranges[i - 1].Largest);
            _changed[i - 1] = AckSerial;
            Array.Copy(_ranges, i + 1, _ranges, i, _count - i - 1);
            Array.Copy(_changed, i + 1, _changed, i, _count - i - 1);
            _count--;
            return _ranges[i - 1].Smallest;
        }
        if (extendsLower)
        {
            _ranges[i] = new PacketRange(_ranges[i].Smallest, pn);
            _changed[i] = AckSerial;
            return _ranges[i].Smallest;
        }
        if (extendsUpper)
        {
            _ranges[i - 1] = new PacketRange(pn, _ranges[i - 1].Largest);
            _changed[i - 1] = AckSerial;
            return pn;
        }
        Array.Copy(_ranges, i, _ranges, i + 1, _count - i);
        Array.Copy(_changed, i, _changed, i + 1, _count - i);
        _ranges[i] = new PacketRange(pn, pn);
        _changed[i] = AckSerial;
        _count++;
        _count = Math.Min(_count, MaxRanges);
        return pn;
    }

    // RFC 9000 section 13.4.1: whether or not we mark packets ourselves.
    private void Count(EcnCodepoint ecn)
    {
        if (ecn == EcnCodepoint.NotEct)
            return;
        _ecnSeen = true;
        _ecn = ecn switch
        {
            EcnCodepoint.Ect0 => _ecn with { Ect0 = _ecn.Ect0 + 1 },
            EcnCodepoint.Ect1 => _ecn with { Ect1 = _ecn.Ect1 + 1 },
            _ => _ecn with { Ce = _ecn.Ce + 1 },
        };
    }
}
