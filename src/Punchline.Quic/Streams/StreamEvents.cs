namespace Punchline.Quic.Streams;

/// <summary>
/// What the application has not heard yet. Events stand as flags in their streams and the streams in a line, so
/// an application that is slow to listen costs no memory, and hears of each thing once.
/// </summary>
internal sealed class StreamEvents
{
    private readonly StreamQueue _queue = new(QueueKind.Events);
    private bool _bidirectionalAvailable;
    private bool _unidirectionalAvailable;

    /// <summary>Notes an event.</summary>
    public void Raise(QuicStream stream, StreamNews news)
    {
        stream.News |= news;
        _queue.Add(stream);
    }

    /// <summary>Notes that the peer allows more streams.</summary>
    public void RaiseAvailable(bool bidirectional)
    {
        if (bidirectional)
            _bidirectionalAvailable = true;
        else
            _unidirectionalAvailable = true;
    }

    /// <summary>Takes events back that no longer hold.</summary>
    public void Withdraw(QuicStream stream, StreamNews news)
    {
        stream.News &= ~news;
        if (stream.News == StreamNews.None)
            _queue.Remove(stream);
    }

    /// <summary>A stream is over, or the connection: what remains to be told of it means nothing.</summary>
    public void Forget(QuicStream stream) => Withdraw(stream, stream.News);

    /// <summary>Takes the next event: of one stream first that it was opened, then what became of it.</summary>
    /// <param name="about">The stream, null if the event is about none.</param>
    public bool TryTake(out StreamEvent taken, out QuicStream? about)
    {
        about = _queue.First;
        if (about is null)
        {
            taken = new StreamEvent(StreamEventKind.StreamsAvailable, default, 0, _bidirectionalAvailable);
            bool any = _bidirectionalAvailable || _unidirectionalAvailable;
            if (_bidirectionalAvailable)
                _bidirectionalAvailable = false;
            else
                _unidirectionalAvailable = false;
            return any;
        }
        StreamNews news = about.News & (StreamNews)(-(int)about.News); // the lowest flag
        Withdraw(about, news);
        taken = news switch
        {
            StreamNews.Opened => new StreamEvent(StreamEventKind.Opened, about.Id, 0, false),
            StreamNews.Stopped => new StreamEvent(StreamEventKind.Stopped, about.Id, about.StoppedCode, false),
            StreamNews.Readable => new StreamEvent(StreamEventKind.Readable, about.Id, 0, false),
            _ => new StreamEvent(StreamEventKind.Writable, about.Id, 0, false),
        };
        return true;
    }
}
