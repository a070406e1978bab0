using System.Diagnostics;

namespace Punchline.Quic.Streams;

/// <summary>
/// The bytes of an ordered stream from the moment they are written until they are acknowledged: what is at an offset stays the
/// same, however often it is sent (RFC 9000 section 2.2).
/// <code>
///        acknowledged        sent, partly acknowledged or lost        written
///   0 ----------------- Acked ------------------------------- Sent ----------- End
///                         |&lt;---------------- Retained -----------------------&gt;|
/// </code>
/// Between Acked and Sent two sets say what is known of each byte: acknowledged out of order, or lost and to be
/// sent again; the rest is in flight. Each set has at most as many ranges as there were frames in flight, which
/// the buffer's limit bounds.
/// </summary>
internal sealed class SendBuffer(ChunkAccount chunks)
{
    private ChunkWindow _bytes = new(chunks);
    private OffsetRanges _ackedBeyond;
    private OffsetRanges _lost;

    /// <summary>Everything before it is acknowledged and no longer kept.</summary>
    public ulong Acked { get; private set; }

    /// <summary>The next byte that was never sent.</summary>
    public ulong Sent { get; private set; }

    /// <summary>The end of what was written.</summary>
    public ulong End { get; private set; }

    /// <summary>Bytes that are kept.</summary>
    public ulong Retained => End - Acked;

    /// <summary>True if something is to be sent again.</summary>
    public bool HasLost => _lost.Count != 0;

    /// <summary>The first bytes to be sent again. Only if <see cref="HasLost"/>.</summary>
    public OffsetRange FirstLost => _lost[0];

    /// <summary>Takes bytes over, by copy.</summary>
    public void Append(ReadOnlySpan<byte> data)
    {
        _bytes.Write(End, data);
        End += (ulong)data.Length;
    }

    /// <summary>Copies bytes that are kept.</summary>
    public void CopyTo(ulong offset, Span<byte> destination) => _bytes.CopyTo(offset, destination);

    /// <summary>Notes that bytes went out, for the first time or again: they are in flight.</summary>
    public void OnSent(ulong offset, int length)
    {
        ulong end = offset + (ulong)length;
        Debug.Assert(offset <= Sent && end <= End, "bytes go out in order the first time");
        _lost.Remove(offset, end);
        Sent = Math.Max(Sent, end);
    }

    /// <summary>Notes that bytes arrived; also after they were held lost. Returns how many are no longer kept.</summary>
    public ulong OnAcked(ulong offset, int length)
    {
        ulong end = Math.Min(offset + (ulong)length, Sent);
        ulong start = Math.Max(offset, Acked);
        if (start >= end)
            return 0;
        // RFC 9000 section 13.3: what is acknowledged after it was declared lost is not sent again.
        _lost.Remove(start, end);
        if (start > Acked)
        {
            _ackedBeyond.Add(start, end);
            return 0;
        }
        ulong before = Acked;
        Acked = end;
        while (_ackedBeyond.Count != 0 && _ackedBeyond[0].Start <= Acked)
        {
            Acked = Math.Max(Acked, _ackedBeyond[0].End);
            _ackedBeyond.RemoveFirst();
        }
        if (Acked == End)
            _bytes.DropAll(Acked);
        else
            _bytes.DropBefore(Acked);
        return Acked - before;
    }

    /// <summary>Notes that bytes were lost: those that no other packet brought over are to be sent again.</summary>
    public void OnLost(ulong offset, int length)
    {
        ulong end = Math.Min(offset + (ulong)length, Sent);
        ulong start = Math.Max(offset, Acked);
        if (start >= end)
            return;
        _lost.Add(start, end);
        for (int i = _ackedBeyond.FirstEndingAtOrAfter(start); i < _ackedBeyond.Count && _ackedBeyond[i].Start < end; i++)
            _lost.Remove(_ackedBeyond[i].Start, _ackedBeyond[i].End);
    }

    /// <summary>Gives up everything: the stream was reset, or its packet number space is gone.</summary>
    public ulong Drop()
    {
        ulong retained = Retained;
        _bytes.DropAll(End);
        _ackedBeyond.Clear();
        _lost.Clear();
        Acked = End;
        return retained;
    }
}
