namespace Punchline.Quic.Wire;

/// <summary>
/// ACK (RFC 9000 section 19.3). The ranges stay encoded in the packet; they were all checked when the frame was read.
/// <code>
/// Type (i) = 0x02..0x03, Largest Acknowledged (i), ACK Delay (i), ACK Range Count (i), First ACK Range (i),
/// { Gap (i), ACK Range Length (i) } ..., [ ECT0 Count (i), ECT1 Count (i), ECN-CE Count (i) ]
/// </code>
/// </summary>
internal readonly ref struct AckFrame
{
    /// <summary>A gap of n stands for n+1 missing packets, and the next range ends one further down (section 19.3.1).</summary>
    private const ulong GapBias = 2;

    private readonly ReadOnlySpan<byte> _ranges;

    private AckFrame(ulong largest, ulong delay, ulong firstRange, int additionalRanges, ReadOnlySpan<byte> ranges, EcnCounts? ecn)
    {
        Largest = largest;
        Delay = delay;
        FirstRange = firstRange;
        AdditionalRanges = additionalRanges;
        _ranges = ranges;
        Ecn = ecn;
    }

    /// <summary>The largest acknowledged packet number.</summary>
    public ulong Largest { get; }

    /// <summary>The field as sent: to be multiplied by 2^ack_delay_exponent to give microseconds.</summary>
    public ulong Delay { get; }

    /// <summary>The number of packets before <see cref="Largest"/> that the first range acknowledges.</summary>
    public ulong FirstRange { get; }

    /// <summary>The number of ranges after the first.</summary>
    public int AdditionalRanges { get; }

    /// <summary>The ECN counts; null in a frame of type 0x02.</summary>
    public EcnCounts? Ecn { get; }

    /// <summary>The ranges, from the highest to the lowest.</summary>
    public RangeEnumerator GetEnumerator() => new(Largest, FirstRange, _ranges);

    /// <summary>Reads the frame after its type, and checks that no range goes below packet number 0.</summary>
    public static bool TryRead(scoped ref WireReader r, ulong type, out AckFrame f)
    {
        f = default;
        if (!r.TryReadVarInt(out ulong largest) || !r.TryReadVarInt(out ulong delay) || !r.TryReadVarInt(out ulong count)
            || !r.TryReadVarInt(out ulong first) || first > largest)
        {
            return false;
        }
        // Each range takes two bytes or more: what cannot fit is refused before it is counted.
        if (count > (ulong)r.Remaining / 2)
            return false;
        ReadOnlySpan<byte> rest = r.Rest;
        int start = r.Position;
        ulong smallest = largest - first;
        for (ulong i = 0; i < count; i++)
        {
            // Both are at most 2^62-1, so neither sum overflows.
            if (!r.TryReadVarInt(out ulong gap) || !r.TryReadVarInt(out ulong length) || gap + GapBias + length > smallest)
                return false;
            smallest -= gap + GapBias + length;
        }
        ReadOnlySpan<byte> ranges = rest[..(r.Position - start)];
        EcnCounts? ecn = null;
        if (type == FrameTypes.AckEcn)
        {
            if (!r.TryReadVarInt(out ulong ect0) || !r.TryReadVarInt(out ulong ect1) || !r.TryReadVarInt(out ulong ce))
                return false;
            ecn = new EcnCounts(ect0, ect1, ce);
        }
        f = new AckFrame(largest, delay, first, (int)count, ranges, ecn);
        return true;
    }

    /// <summary>Writes a frame with as many of the ranges as fit, from the highest on (RFC 9000 section 13.2.3).</summary>
    /// <param name="descending">Ranges from the highest to the lowest, with at least one number missing between two of them.</param>
    /// <param name="delay">The delay in units of 2^ack_delay_exponent microseconds.</param>
    /// <returns>False, and nothing is written, if not even the first range fits or there is none.</returns>
    public static bool TryWrite(scoped ref WireWriter w, scoped ReadOnlySpan<PacketRange> descending, ulong delay, EcnCounts? ecn)
    {
        if (descending.IsEmpty)
            return false;
        PacketRange first = descending[0];
        int fixedLength = 1 + VarInt.Length(first.Largest) + VarInt.Length(delay) + VarInt.Length(first.Largest - first.Smallest)
            + EcnLength(ecn);
        int count = CountThatFit(descending, w.Remaining - fixedLength);
        if (count == 0)
            return false;

        w.WriteVarInt(ecn is null ? FrameTypes.Ack : FrameTypes.AckEcn);
        w.WriteVarInt(first.Largest);
        w.WriteVarInt(delay);
        w.WriteVarInt((ulong)count - 1);
        w.WriteVarInt(first.Largest - first.Smallest);
        for (int i = 1; i < count; i++)
        {
            w.WriteVarInt(descending[i - 1].Smallest - descending[i].Largest - GapBias);
            w.WriteVarInt(descending[i].Largest - descending[i].Smallest);
        }
        if (ecn is { } counts)
        {
            w.WriteVarInt(counts.Ect0);
            w.WriteVarInt(counts.Ect1);
            w.WriteVarInt(counts.Ce);
        }
        return true;
    }

    /// <summary>How many ranges fit, when the room is shared by the count field and all ranges but the first.</summary>
    private static int CountThatFit(ReadOnlySpan<PacketRange> descending, int room)
    {
        if (room < VarInt.Length(0))
            return 0;
        int used = 0;
        for (int i = 1; i < descending.Length; i++)
        {
            used += VarInt.Length(descending[i - 1].Smallest - descending[i].Largest - GapBias)
                + VarInt.Length(descending[i].Largest - descending[i].Smallest);
            if (used + VarInt.Length((ulong)i) > room)
                return i;
        }
        return descending.Length;
    }

    private static int EcnLength(EcnCounts? ecn) =>
        ecn is { } counts ? VarInt.Length(counts.Ect0) + VarInt.Length(counts.Ect1) + VarInt.Length(counts.Ce) : 0;

    /// <summary>Walks the ranges of a checked frame.</summary>
    public ref struct RangeEnumerator
    {
        private readonly ulong _largest;
        private readonly ulong _firstRange;
        private WireReader _reader;
        private bool _started;

        internal RangeEnumerator(ulong largest, ulong firstRange, ReadOnlySpan<byte> ranges)
        {
            _largest = largest;
            _firstRange = firstRange;
            _reader = new WireReader(ranges);
        }

        /// <summary>The range at which the walk stands.</summary>
        public PacketRange Current { get; private set; }

        /// <summary>Goes on to the next lower range.</summary>
        public bool MoveNext()
        {
            if (!_started)
            {
                _started = true;
                Current = new PacketRange(_largest - _firstRange, _largest);
                return true;
            }
            if (!_reader.TryReadVarInt(out ulong gap) || !_reader.TryReadVarInt(out ulong length))
                return false;
            ulong largest = Current.Smallest - gap - GapBias;
            Current = new PacketRange(largest - length, largest);
            return true;
        }
    }
}
