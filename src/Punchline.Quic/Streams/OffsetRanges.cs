using System.Diagnostics;

namespace Punchline.Quic.Streams;

/// <summary>
/// A set of stream offsets as ranges: sorted, apart from each other, found by binary search. Offsets arrive
/// mostly at the end and leave mostly at the front, so both ends are cheap: the ranges stand in an array
/// with room on either side, and an insertion moves the shorter side. The owner bounds the count.
/// </summary>
internal struct OffsetRanges
{
    private const int InitialCapacity = 8;

    /// <summary>A larger array is given up when the set becomes empty, so that one bad minute is not kept for a stream's life.</summary>
    private const int KeptCapacity = 256;

    private OffsetRange[]? _items;
    private int _head;

    /// <summary>The number of ranges.</summary>
    public int Count { get; private set; }

    /// <summary>The range at an index, lowest offsets first.</summary>
    public readonly OffsetRange this[int index] => _items![_head + index];

    /// <summary>Adds the offsets from start to before end; joins ranges that touch.</summary>
    public void Add(ulong start, ulong end)
    {
        Debug.Assert(start < end, "a range holds an offset");
        int first = FirstEndingAtOrAfter(start);
        int after = first;
        while (after < Count && this[after].Start <= end)
        {
            start = Math.Min(start, this[after].Start);
            end = Math.Max(end, this[after].End);
            after++;
        }
        if (after == first)
            Insert(first);
        else
            RemoveAt(first + 1, after - first - 1);
        _items![_head + first] = new OffsetRange(start, end);
    }

    /// <summary>Takes out the offsets from start to before end.</summary>
    public void Remove(ulong start, ulong end)
    {
        if (start >= end)
            return;
        int first = FirstEndingAtOrAfter(start + 1);
        if (first == Count || this[first].Start >= end)
            return;
        OffsetRange range = this[first];
        if (range.Start < start)
        {
            _items![_head + first] = range with { End = start };
            first++;
            if (range.End > end)
            {
                Insert(first);
                _items![_head + first] = range with { Start = end };
                return;
            }
        }
        int after = first;
        while (after < Count && this[after].End <= end)
            after++;
        if (after < Count && this[after].Start < end)
            _items![_head + after] = this[after] with { Start = end };
        RemoveAt(first, after - first);
    }

    /// <summary>Takes out the first range.</summary>
    public void RemoveFirst() => RemoveAt(0, 1);

    /// <summary>Takes out everything.</summary>
    public void Clear() => RemoveAt(0, Count);

    /// <summary>The index of the first range whose end is at or after an offset, or <see cref="Count"/>.</summary>
    public readonly int FirstEndingAtOrAfter(ulong offset)
    {
        // Most additions extend the last range or come after it.
        if (Count == 0 || this[Count - 1].End < offset)
            return Count;
        int low = 0;
        int high = Count - 1;
        while (low < high)
        {
            int middle = (low + high) >>> 1;
            if (this[middle].End < offset)
                low = middle + 1;
            else
                high = middle;
        }
        return low;
    }

    private void Insert(int index)
    {
        _items ??= new OffsetRange[InitialCapacity];
        if (_head > 0 && index < Count / 2)
        {
            Array.Copy(_items, _head, _items, _head - 1, index);
            _head--;
            Count++;
            return;
        }
        if (_head + Count == _items.Length)
            MakeRoom();
        Array.Copy(_items!, _head + index, _items!, _head + index + 1, Count - index);
        Count++;
    }

    // Moving everything to the front pays only once a quarter of the array is free there: constant cost on average.
    private void MakeRoom()
    {
        OffsetRange[] old = _items!;
        if (_head < old.Length / 4)
            _items = new OffsetRange[old.Length * 2];
        Array.Copy(old, _head, _items!, 0, Count);
        _head = 0;
    }

    private void RemoveAt(int index, int count)
    {
        if (count == 0)
            return;
        if (index == 0)
            _head += count;
        else
            Array.Copy(_items!, _head + index + count, _items!, _head + index, Count - index - count);
        Count -= count;
        if (Count != 0)
            return;
        _head = 0;
        if (_items!.Length > KeptCapacity)
            _items = null;
    }
}
