namespace Punchline.Quic.Recovery;

/// <summary>The frames of the packet that is being built, in order. Made once and cleared for each packet.</summary>
internal sealed class SentFrameList
{
    // A data packet rarely holds more than an ACK, two limits and two pieces of streams.
    private const int InitialCapacity = 16;

    private SentFrame[] _frames = new SentFrame[InitialCapacity];

    /// <summary>The number of frames.</summary>
    public int Count { get; private set; }

    /// <summary>The frames. Valid until the next <see cref="Add(in SentFrame)"/> or <see cref="Clear"/>.</summary>
    public ReadOnlySpan<SentFrame> AsSpan() => _frames.AsSpan(0, Count);

    /// <summary>Adds a frame. The array grows to the largest packet's need, which its bytes bound, and stays.</summary>
    public void Add(in SentFrame frame)
    {
        if (Count == _frames.Length)
            Array.Resize(ref _frames, _frames.Length * 2);
        _frames[Count++] = frame;
    }

    /// <summary>Adds a frame without data.</summary>
    public void Add(SentFrameKind kind, ulong id = 0, ulong offset = 0) => Add(new SentFrame(kind, id, offset, 0, false));

    /// <summary>Forgets all frames.</summary>
    public void Clear() => Count = 0;
}
