using System.Diagnostics;

namespace Punchline.Quic.Streams;

/// <summary>
/// Puts the pieces of a stream in order (RFC 9000 section 2.2). Bytes go straight to their place by offset, whatever
/// order, size or overlap they come in; the pieces beyond the first gap are kept as ranges.
/// <code>
///        read            readable            gap    range   gap  range
///   0 -------- Read ------------- Contiguous ......=======......=====
/// </code>
/// </summary>
internal sealed class ReceiveBuffer(ChunkAccount chunks, ReassemblyBudget budget)
{
    private ChunkWindow _bytes = new(chunks);
    private OffsetRanges _beyond;
    private bool _discarding;

    /// <summary>The next byte to read.</summary>
    public ulong Read { get; private set; }

    /// <summary>The first byte that has not arrived.</summary>
    public ulong Contiguous { get; private set; }

    /// <summary>Bytes that can be read now.</summary>
    public ulong Readable => Contiguous - Read;

    /// <summary>
    /// Takes a piece. Flow control has been checked, so the offsets lie within the window.
    /// Bytes that were there before are left as they are: data at an offset never changes.
    /// </summary>
    /// <returns>False if the data now lies in more pieces than allowed.</returns>
    public bool Insert(ulong offset, ReadOnlySpan<byte> data)
    {
        ulong end = offset + (ulong)data.Length;
        if (end <= Contiguous)
            return true;
        if (offset < Contiguous)
        {
            data = data[(int)(Contiguous - offset)..];
            offset = Contiguous;
        }
        if (!_discarding)
            _bytes.Write(offset, data);
        if (offset == Contiguous && (_beyond.Count == 0 || end < _beyond[0].Start))
        {
            Contiguous = end;
            DropDiscarded();
            return true;
        }
        int before = _beyond.Count;
        _beyond.Add(offset, end);
        if (_beyond[0].Start == Contiguous)
        {
            Contiguous = _beyond[0].End;
            _beyond.RemoveFirst();
            DropDiscarded();
        }
        budget.Change(_beyond.Count - before);
        return _beyond.Count <= ReassemblyBudget.MaxRangesPerStream && budget.Holds;
    }

    /// <summary>Reads in order. Returns the number of bytes.</summary>
    public int ReadTo(Span<byte> destination)
    {
        int count = (int)Math.Min((ulong)destination.Length, Readable);
        _bytes.CopyTo(Read, destination[..count]);
        Read += (ulong)count;
        if (Readable == 0 && _beyond.Count == 0)
            _bytes.DropAll(Read);
        else
            _bytes.DropBefore(Read);
        return count;
    }

    /// <summary>Throws the bytes away, present and to come, but goes on counting what arrived.</summary>
    public void Discard()
    {
        _discarding = true;
        _bytes.DropAll(Contiguous);
        DropDiscarded();
    }

    /// <summary>Gives up everything.</summary>
    public void Drop()
    {
        Discard();
        budget.Change(-_beyond.Count);
        _beyond.Clear();
    }

    private void DropDiscarded()
    {
        Debug.Assert(Read <= Contiguous, "nothing is read before it arrives");
        if (_discarding)
            Read = Contiguous;
    }
}
