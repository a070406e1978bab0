using Punchline.Protocol;
using Punchline.Server.Control;
using Xunit;

namespace Punchline.Server.Tests.Control;

public sealed class OutboxTests
{
    private readonly Outbox _outbox = new();

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
}
