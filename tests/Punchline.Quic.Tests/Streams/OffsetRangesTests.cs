using CsCheck;
using Punchline.Quic.Streams;
using Xunit;

namespace Punchline.Quic.Tests.Streams;

/// <summary>The set of ranges against a plain set of offsets.</summary>
public class OffsetRangesTests
{
    private const int Space = 300;

    [Fact]
    public void Behaves_as_a_set_of_offsets() =>
        Gen.Select(Gen.Int[0, 5], Gen.Int[0, Space - 1], Gen.Int[0, 12]).Array[0, 250].Sample(steps =>
        {
            var ranges = new OffsetRanges();
            var model = new SortedSet<int>();
            foreach ((int action, int start, int length) in steps)
                Step(ref ranges, model, action, start, length);
        }, iter: 100, threads: 1);

    private static void Step(ref OffsetRanges ranges, SortedSet<int> model, int action, int start, int length)
    {
        switch (action)
        {
            case 0 when ranges.Count != 0:
                OffsetRange first = ranges[0];
                ranges.RemoveFirst();
                model.RemoveWhere(n => n >= (int)first.Start && n < (int)first.End);
                break;
            case 1 or 2:
                ranges.Remove((ulong)start, (ulong)(start + length));
                model.RemoveWhere(n => n >= start && n < start + length);
                break;
            case >= 3 when length != 0:
                ranges.Add((ulong)start, (ulong)(start + length));
                model.UnionWith(Enumerable.Range(start, length));
                break;
        }
        var offsets = new List<int>();
        for (int i = 0; i < ranges.Count; i++)
        {
            OffsetRange range = ranges[i];
            Assert.True(range.Start < range.End);
            Assert.True(i == 0 || range.Start > ranges[i - 1].End, "ranges that touch are one");
            offsets.AddRange(Enumerable.Range((int)range.Start, (int)range.Length));
        }
        Assert.Equal(model, offsets);
        int found = ranges.FirstEndingAtOrAfter((ulong)start);
        Assert.True(found == ranges.Count || ranges[found].End >= (ulong)start);
        Assert.True(found == 0 || ranges[found - 1].End < (ulong)start);
    }

    [Fact]
    public void A_queue_of_ranges_needs_no_memory_once_warm()
    {
        var ranges = new OffsetRanges();
        ulong next = 0;
        for (; next < 1000; next += 10)
            ranges.Add(next, next + 5);
        ranges.RemoveFirst();
        Turn(ref ranges, ref next, 1000);
        long before = GC.GetAllocatedBytesForCurrentThread();
        Turn(ref ranges, ref next, 10_000);
        Assert.Equal(0, GC.GetAllocatedBytesForCurrentThread() - before);
        Assert.Equal(99, ranges.Count);

        static void Turn(ref OffsetRanges ranges, ref ulong next, int times)
        {
            for (int i = 0; i < times; i++, next += 10)
            {
                ranges.Add(next, next + 5);
                ranges.RemoveFirst();
            }
        }
    }
}
