using Punchline.Protocol;
using Punchline.Relay;
using Punchline.Server.Control;
using Xunit;

namespace Punchline.Server.Tests.Control;

public sealed class OutboxTests
{
    private readonly FrameMemory _memory = new();
    private readonly Outbox _outbox;

    public OutboxTests() => _outbox = new Outbox(_memory);

    [Fact]
    public void Frames_that_nobody_takes_are_bounded_and_messages_still_fit()
    {
        byte[] batch = new byte[10 * 1000];
        int put = 0;
        int last;
        do
            put += last = _outbox.Add(batch, 1000);
        while (last == batch.Length);
        // Whole frames of the batch for which there was no more room.
        Assert.Equal(ServerLimits.QueuedFrameBytes / 1000 * 1000, put);
        Assert.Equal(0, _outbox.Add(batch, 1000));
        for (int i = 0; i < ServerLimits.QueuedMessages; i++)
            Assert.True(_outbox.TryAdd(new Ping(1)));
        Assert.False(_outbox.TryAdd(new Ping(1)));
    }

    [Fact]
    public void What_is_sent_makes_room_and_all_keeps_its_order()
    {
        byte[] batch = new byte[ServerLimits.QueuedFrameBytes];
        for (byte i = 0; i < 3; i++)
        {
            batch[0] = i;
            Assert.Equal(batch.Length, _outbox.Add(batch, 1024));
            Assert.True(_outbox.TryAdd(new Ping(i)));
            Assert.True(_outbox.TryTake(out Outbox.Outgoing frames));
            Assert.Equal((i, batch.Length, 1024), (frames.Frames[0], frames.Length, frames.SegmentSize));
            _outbox.Sent(frames);
            Assert.True(_outbox.TryTake(out Outbox.Outgoing message));
            Assert.Equal(new Ping(i), message.Message);
            _outbox.Sent(message);
        }
        _outbox.Complete();
        Assert.False(_outbox.TryAdd(new Ping(1)));
        Assert.Equal(0, _outbox.Add(batch, 1024));
        Assert.False(_outbox.TryTake(out _));
    }

    [Fact]
    public void Small_frames_are_charged_for_what_holds_them()
    {
        int entries = 0;
        while (_outbox.Add(new byte[10], 10) == 10)
            entries++;
        Assert.Equal(ServerLimits.QueuedFrameBytes / 256, entries);
        while (_outbox.TryTake(out Outbox.Outgoing next))
            _outbox.Sent(next);
        Assert.Equal(0, _memory.Held);
        Assert.Equal(10, _outbox.Add(new byte[10], 10));
    }

    [Fact]
    public void However_many_read_nothing_the_sum_has_a_bound_and_others_have_room()
    {
        byte[] frame = new byte[RelayFrame.MaxChannelFrame];
        Outbox[] outboxes = [.. Enumerable.Range(0, ServerLimits.Channels).Select(_ => new Outbox(_memory))];
        foreach (Outbox outbox in outboxes)
        {
            int frames = 0;
            while (outbox.Add(frame, frame.Length) > 0)
                frames++;
            Assert.InRange(frames, 2, ServerLimits.QueuedFrameBytes / frame.Length);
        }
        Assert.InRange(_memory.Held, ServerLimits.QueuedFrameBytesInAll, ServerLimits.QueuedFrameBytesInAll + (ServerLimits.Channels * ServerLimits.ReservedFrameBytes));
        foreach (Outbox outbox in outboxes)
            outbox.Abandon();
        Assert.Equal(0, _memory.Held);
        Assert.Equal(0, outboxes[0].Add(frame, frame.Length));
    }
}
