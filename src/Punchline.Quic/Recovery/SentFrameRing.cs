using System.Diagnostics;

namespace Punchline.Quic.Recovery;

/// <summary>
/// The frames of sent packets, each packet's in one piece, in a ring that grows by doubling. A position is a count that never wraps;
/// its low bits are the index. Where a packet's frames do not fit before the end of the array, the rest of it stays unused.
/// </summary>
internal sealed class SentFrameRing
{
    private const int InitialFrames = 128;

    private SentFrame[] _frames = new SentFrame[InitialFrames];
    private long _head;
    private long _tail;

    /// <summary>Records between the oldest kept and the newest, gaps included.</summary>
    public long Span => _tail - _head;

    /// <summary>Adds a packet's frames.</summary>
    /// <returns>Their position.</returns>
    public long Append(ReadOnlySpan<SentFrame> frames)
    {
        long position;
        while ((position = Place(frames.Length)) + frames.Length - _head > _frames.Length)
            Grow();
        frames.CopyTo(_frames.AsSpan((int)(position & (_frames.Length - 1))));
        _tail = position + frames.Length;
        return position;
    }

    /// <summary>The frames at a position that <see cref="Append"/> returned.</summary>
    public ReadOnlySpan<SentFrame> Slice(long position, int count)
    {
        Debug.Assert(count == 0 || (position >= _head && position + count <= _tail), "The frames were released.");
        return count == 0 ? [] : _frames.AsSpan((int)(position & (_frames.Length - 1)), count);
    }

    /// <summary>Frames before this position are not needed any more.</summary>
    public void ReleaseBefore(long position) => _head = Math.Max(_head, position);

    /// <summary>No frame is needed any more.</summary>
    public void Clear() => _head = _tail;

    /// <summary>Where so many frames can lie in one piece.</summary>
    private long Place(int count)
    {
        long left = _frames.Length - (_tail & (_frames.Length - 1));
        return count <= left ? _tail : _tail + left;
    }

    private void Grow()
    {
        var grown = new SentFrame[_frames.Length * 2];
        // A piece that did not cross a multiple of the old length does not cross one of the new length.
        for (long from = _head; from < _tail;)
        {
            long left = _frames.Length - (from & (_frames.Length - 1));
            int count = (int)Math.Min(left, _tail - from);
            _frames.AsSpan((int)(from & (_frames.Length - 1)), count).CopyTo(grown.AsSpan((int)(from & (grown.Length - 1))));
            from += count;
        }
        _frames = grown;
    }
}
