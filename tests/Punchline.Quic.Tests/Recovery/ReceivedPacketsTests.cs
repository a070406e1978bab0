using CsCheck;
using Punchline.Quic.Recovery;
using Punchline.Quic.Wire;
using Xunit;

namespace Punchline.Quic.Tests.Recovery;

/// <summary>RFC 9000 section 13.2: duplicates, ranges, and when to acknowledge.</summary>
public class ReceivedPacketsTests
{
    private static readonly TimeSpan MaxAckDelay = TimeSpan.FromMilliseconds(25);
    private static readonly Instant Start = new(1_000_000);

    private readonly ReceivedPackets _received = new();
    private Instant _now = Start;

    private void Receive(ulong pn, bool eliciting = true, EcnCodepoint ecn = EcnCodepoint.NotEct, bool immediate = false) =>
        _received.OnReceived(pn, eliciting, ecn, _now, MaxAckDelay, immediate);

    [Fact]
    public void Equals_a_set_whatever_arrives()
    {
        // Mostly near the front, some far behind, with acknowledgements acknowledged in between.
        Gen<int> distance = Gen.Frequency((6, Gen.Int[0, 2]), (3, Gen.Int[-12, 12]), (1, Gen.Int[-200, 0]));
        Gen.Select(distance, Gen.Int[0, 40]).Array[1, 250].Sample(
            steps =>
            {
                var received = new ReceivedPackets();
                var model = new SortedSet<ulong>();
                var addedAt = new Dictionary<ulong, ulong>();
                long front = 300;
                foreach ((int offset, int dice) in steps)
                {
                    ulong pn = (ulong)(front + offset);
                    front = Math.Max(front, front + offset);
                    bool duplicate = addedAt.ContainsKey(pn);
                    Assert.Equal(duplicate, received.IsDuplicate(pn));
                    received.OnReceived(pn, true, EcnCodepoint.NotEct, Start, MaxAckDelay, false);
                    if (addedAt.TryAdd(pn, received.AckSerial))
                        model.Add(pn);
                    // Forgotten as soon as there are too many: an acknowledgement that comes then saves none.
                    while (Ranges(model).Count > ReceivedPackets.MaxRanges)
                        DropLowest();
                    if (dice == 1)
                        received.OnAckSent();
                    if (dice == 0)
                    {
                        ulong said = received.AckSerial - Math.Min(received.AckSerial, (ulong)(offset & 3));
                        received.OnAckAcknowledged(said);
                        foreach (PacketRange range in Ranges(model)[1..])
                        {
                            if (addedAt.Where(entry => entry.Key >= range.Smallest && entry.Key <= range.Largest).Max(entry => entry.Value) <= said)
                                model.RemoveWhere(n => n >= range.Smallest && n <= range.Largest);
                        }
                    }
                    Assert.Equal(Ranges(model), received.Ranges.ToArray());
                    Assert.Equal(model.Max, received.Largest);
                }

                void DropLowest()
                {
                    PacketRange lowest = Ranges(model)[^1];
                    model.RemoveWhere(n => n <= lowest.Largest);
                }
            },
            iter: 100);
    }

    [Fact]
    public void The_first_waits_and_the_second_is_due_at_once()
    {
        Receive(0);
        Assert.True(_received.HasAckToSend);
        Assert.False(_received.AckDue(_now));
        Assert.Equal(_now + MaxAckDelay, _received.AckDeadline);
        Assert.True(_received.AckDue(_now + MaxAckDelay));
        _now += TimeSpan.FromMilliseconds(3);
        Receive(1);
        Assert.True(_received.AckDue(_now));
        _received.OnAckSent();
        Assert.False(_received.AckDue(_now + TimeSpan.FromHours(1)));
        Assert.False(_received.HasAckToSend);
        Assert.Equal(Instant.Never, _received.AckDeadline);
    }

    [Fact]
    public void The_deadline_is_that_of_the_first_that_waits()
    {
        _received.AckElicitingThreshold = 10;
        for (ulong pn = 0; pn < 9; pn++)
        {
            Receive(pn);
            _now += TimeSpan.FromMilliseconds(1);
        }
        Assert.Equal(Start + MaxAckDelay, _received.AckDeadline);
        Receive(9);
        Assert.True(_received.AckDue(_now));
    }

    [Fact]
    public void Packets_that_elicit_nothing_cause_no_acknowledgement_but_ride_along()
    {
        Receive(0, eliciting: false);
        Receive(5, eliciting: false);
        Receive(2, eliciting: false);
        Assert.True(_received.HasAckToSend);
        Assert.Equal(Instant.Never, _received.AckDeadline);
    }

    [Fact]
    public void Initial_and_Handshake_packets_do_not_wait()
    {
        Receive(0, immediate: true);
        Assert.True(_received.AckDue(_now));
    }

    [Theory]
    // received in this order, each answered; is the last one due at once?
    [InlineData(new ulong[] { 0, 1 }, false)]
    [InlineData(new ulong[] { 0, 2 }, true)]
    [InlineData(new ulong[] { 0, 2, 1 }, true)]
    [InlineData(new ulong[] { 0, 2, 3 }, false)]
    [InlineData(new ulong[] { 7 }, false)]
    public void Gaps_and_late_packets_are_reported_at_once(ulong[] order, bool due)
    {
        foreach (ulong pn in order)
        {
            _received.OnAckSent();
            Receive(pn);
        }
        Assert.Equal(due, _received.AckDue(_now));
    }

    [Fact]
    public void A_gap_filled_by_packets_that_elicit_nothing_is_no_gap()
    {
        Receive(0);
        _received.OnAckSent();
        Receive(1, eliciting: false);
        Receive(2);
        Assert.False(_received.AckDue(_now));
    }

    [Fact]
    public void A_mark_is_reported_at_once()
    {
        Receive(0, ecn: EcnCodepoint.Ce);
        Assert.True(_received.AckDue(_now));
        _received.OnAckSent();
        _received.OnReceived(1, true, EcnCodepoint.Ce, _now, MaxAckDelay, immediate: false);
        Assert.True(_received.AckDue(_now));
        Assert.Equal(new EcnCounts(0, 0, 2), _received.Ecn);
    }

    [Fact]
    public void Codepoints_are_counted_once_for_each_packet()
    {
        Assert.Null(_received.Ecn);
        Receive(0);
        Assert.Null(_received.Ecn);
        Receive(1, ecn: EcnCodepoint.Ect0);
        Receive(1, ecn: EcnCodepoint.Ect0);
        Receive(2, ecn: EcnCodepoint.Ect0);
        Receive(3, ecn: EcnCodepoint.Ect1);
        Receive(4, ecn: EcnCodepoint.Ce);
        Assert.Equal(new EcnCounts(2, 1, 1), _received.Ecn);
    }

    [Fact]
    public void A_duplicate_changes_nothing()
    {
        Receive(0);
        Receive(1);
        _received.OnAckSent();
        _now += TimeSpan.FromMilliseconds(10);
        Receive(1);
        Assert.False(_received.HasAckToSend);
        Assert.Equal(TimeSpan.FromMilliseconds(10), _received.Delay(_now));
    }

    [Fact]
    public void The_delay_counts_from_the_largest()
    {
        Receive(5);
        _now += TimeSpan.FromMilliseconds(4);
        Receive(3);
        Assert.Equal(TimeSpan.FromMilliseconds(4), _received.Delay(_now));
        Receive(6);
        Assert.Equal(TimeSpan.Zero, _received.Delay(_now));
    }

    [Fact]
    public void The_highest_numbers_are_no_special_case()
    {
        const ulong Highest = (1ul << 62) - 1;
        Receive(Highest);
        Receive(Highest - 1);
        Assert.Equal([new PacketRange(Highest - 1, Highest)], _received.Ranges.ToArray());
        Assert.True(_received.IsDuplicate(Highest));
        Assert.False(_received.IsDuplicate(Highest - 2));
    }

    [Fact]
    public void What_is_older_than_the_window_counts_as_received()
    {
        Receive(DuplicateFilter.Span);
        Assert.True(_received.IsDuplicate(0));
        Assert.False(_received.IsDuplicate(DuplicateFilter.Span / 2));
        Receive(10ul * DuplicateFilter.Span);
        Assert.True(_received.IsDuplicate(DuplicateFilter.Span));
        Assert.False(_received.IsDuplicate((10ul * DuplicateFilter.Span) - 1));
    }

    private static List<PacketRange> Ranges(SortedSet<ulong> numbers)
    {
        var ranges = new List<PacketRange>();
        foreach (ulong n in numbers.Reverse())
        {
            if (ranges.Count > 0 && ranges[^1].Smallest == n + 1)
                ranges[^1] = new PacketRange(n, ranges[^1].Largest);
            else
                ranges.Add(new PacketRange(n, n));
        }
        return ranges;
    }
}
