using System.Runtime.CompilerServices;

namespace Punchline.Quic.Streams;

/// <summary>The queues that a stream may stand in, each at most once.</summary>
internal enum QueueKind
{
    /// <summary>Has control frames to send.</summary>
    Control,

    /// <summary>Has something to send that needs no credit: lost data, or a FIN alone.</summary>
    Repair,

    /// <summary>Has new data that its own limit lets out.</summary>
    Fresh,

    /// <summary>Has new data that its own limit holds back.</summary>
    Blocked,

    /// <summary>Has events for the application.</summary>
    Events,

    /// <summary>Its writer waits for room in the buffers of the connection.</summary>
    Writers,
}

/// <summary>A stream's place in one queue.</summary>
internal struct StreamLink
{
    public QuicStream? Previous;
    public QuicStream? Next;
    public bool IsIn;
}

/// <summary>A stream's places in all queues.</summary>
[InlineArray(6)]
internal struct StreamLinks
{
    private StreamLink _first;
}

/// <summary>
/// A first-in, first-out queue of streams whose links stand in the streams themselves: joining, leaving from
/// anywhere and asking cost the same however many streams there are, and nothing is allocated.
/// </summary>
internal sealed class StreamQueue(QueueKind kind)
{
    private QuicStream? _last;

    /// <summary>The first in line, or null.</summary>
    public QuicStream? First { get; private set; }

    /// <summary>True if nobody waits.</summary>
    public bool IsEmpty => First is null;

    /// <summary>True if the stream waits here.</summary>
    public bool Contains(QuicStream stream) => stream.Links[(int)kind].IsIn;

    /// <summary>Puts the stream at the end, unless it is in line already, or takes it out.</summary>
    public void Set(QuicStream stream, bool isIn)
    {
        if (isIn)
            Add(stream);
        else
            Remove(stream);
    }

    /// <summary>Puts the stream at the end, unless it is in line already.</summary>
    public void Add(QuicStream stream)
    {
        ref StreamLink link = ref stream.Links[(int)kind];
        if (link.IsIn)
            return;
        link.IsIn = true;
        link.Previous = _last;
        if (_last is null)
            First = stream;
        else
            _last.Links[(int)kind].Next = stream;
        _last = stream;
    }

    /// <summary>Takes the stream out, if it is in line.</summary>
    public void Remove(QuicStream stream)
    {
        ref StreamLink link = ref stream.Links[(int)kind];
        if (!link.IsIn)
            return;
        if (link.Previous is null)
            First = link.Next;
        else
            link.Previous.Links[(int)kind].Next = link.Next;
        if (link.Next is null)
            _last = link.Previous;
        else
            link.Next.Links[(int)kind].Previous = link.Previous;
        link = default;
    }

    /// <summary>Moves the stream to the end: it had its turn.</summary>
    public void MoveToEnd(QuicStream stream)
    {
        if (ReferenceEquals(_last, stream))
            return;
        Remove(stream);
        Add(stream);
    }
}
