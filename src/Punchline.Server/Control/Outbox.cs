using System.Buffers;
using System.Threading.Channels;
using Punchline.Protocol;

namespace Punchline.Server.Control;

/// <summary>What waits to be sent on a control channel, in its order: messages, and DATA frames in the batches in which they came. Any thread puts in, one takes.</summary>
/// <param name="memory">In which the frames of all channels wait.</param>
internal sealed class Outbox(FrameMemory memory)
{
    private readonly Channel<Outgoing> _queue = Channel.CreateUnbounded<Outgoing>(new UnboundedChannelOptions { SingleReader = true });
    private int _messages;
    private int _held;

    /// <summary>Puts a message in.</summary>
    /// <returns>False if too many wait, or none is taken any more.</returns>
    public bool TryAdd(ControlMessage message)
    {
        if (Interlocked.Increment(ref _messages) <= ServerLimits.QueuedMessages && _queue.Writer.TryWrite(new Outgoing(message, [], 0, 0)))
            return true;
        Interlocked.Decrement(ref _messages);
        return false;
    }

    /// <summary>Puts in as many frames of a batch as there is room for. One thread at a time.</summary>
    /// <returns>Bytes that were put in.</returns>
    public int Add(ReadOnlySpan<byte> batch, int segmentSize)
    {
        int room = memory.Share - Volatile.Read(ref _held);
        int length = batch.Length <= room ? batch.Length : Math.Max(0, room / segmentSize * segmentSize);
        int cost = FrameMemory.CostOf(length);
        if (length == 0 || cost > room)
            return 0;
        byte[] copy = ArrayPool<byte>.Shared.Rent(length);
        batch[..length].CopyTo(copy);
        memory.Take(cost);
        Interlocked.Add(ref _held, cost);
        var frames = new Outgoing(null, copy, length, segmentSize);
        if (_queue.Writer.TryWrite(frames))
            return length;
        Sent(frames);
        return 0;
    }

    /// <summary>Nothing more comes.</summary>
    public void Complete() => _queue.Writer.TryComplete();

    /// <summary>Nothing more comes, and what waits is not sent. For whoever takes.</summary>
    public void Abandon()
    {
        Complete();
        while (TryTake(out Outgoing next))
            Sent(next);
    }

    /// <summary>Waits for what is next.</summary>
    /// <returns>False at the end.</returns>
    public ValueTask<bool> WaitAsync() => _queue.Reader.WaitToReadAsync();

    /// <summary>Takes what is next. Give it back with <see cref="Sent"/>.</summary>
    public bool TryTake(out Outgoing next) => _queue.Reader.TryRead(out next);

    /// <summary>It is on its way, or given up: its place is free.</summary>
    public void Sent(in Outgoing sent)
    {
        if (sent.Message is not null)
        {
            Interlocked.Decrement(ref _messages);
            return;
        }
        int cost = FrameMemory.CostOf(sent.Length);
        Interlocked.Add(ref _held, -cost);
        memory.GiveBack(cost);
        ArrayPool<byte>.Shared.Return(sent.Frames);
    }

    /// <summary>A message, or else frames.</summary>
    /// <param name="Message">The message.</param>
    /// <param name="Frames">Rented.</param>
    /// <param name="Length">Bytes of the frames.</param>
    /// <param name="SegmentSize">Bytes of each frame but the last.</param>
    internal readonly record struct Outgoing(ControlMessage? Message, byte[] Frames, int Length, int SegmentSize);
}
