using Punchline.Server.Relay;
using Xunit;

namespace Punchline.Server.Tests.Relay;

public sealed class ChannelInboxTests
{
    private readonly ChannelInbox _inbox = new();
    private readonly byte[] _buffer = new byte[65_000];
    private int _woken;

    public ChannelInboxTests() => _inbox.OnWaiting = () => _woken++;

    [Fact]
    public void What_is_put_in_comes_out_in_its_order_and_the_taker_is_woken_once()
    {
        var channel = new FakeChannel();
        ChannelInbox.Source source = _inbox.SourceOf(channel);
        Assert.Equal(0, _inbox.Take(_buffer, out _, out IRelayChannel? from));
        Assert.Null(from);
        // More than the ring holds, in portions that it does.
        for (int round = 0; round < 30; round++)
        {
            for (int i = 0; i < 100; i++)
                Assert.True(source.TryAdd([(byte)round, (byte)i]));
            Assert.Equal(200, _inbox.Take(_buffer, out int size, out from));
            Assert.Equal((2, channel), (size, from));
            for (int i = 0; i < 100; i++)
                Assert.Equal([(byte)round, (byte)i], _buffer[(2 * i)..(2 * i + 2)]);
        }
        Assert.Equal(30, _woken);
        Assert.Equal(0, _inbox.Dropped);
    }

    [Fact]
    public void A_batch_is_of_one_channel_and_one_size_and_only_its_last_is_shorter()
    {
        ChannelInbox.Source one = _inbox.SourceOf(new FakeChannel());
        ChannelInbox.Source other = _inbox.SourceOf(new FakeChannel());
        foreach ((ChannelInbox.Source source, int length) in new[] { (one, 10), (one, 10), (one, 7), (one, 7), (one, 9), (other, 9), (other, 10) })
            Assert.True(source.TryAdd(new byte[length]));
        foreach ((ChannelInbox.Source source, int size, int length) in new[] { (one, 10, 27), (one, 7, 7), (one, 9, 9), (other, 9, 9), (other, 10, 10) })
        {
            Assert.Equal(length, _inbox.Take(_buffer, out int segmentSize, out IRelayChannel? channel));
            Assert.Equal((size, source.Channel), (segmentSize, channel));
        }
        // No more than the buffer holds.
        for (int i = 0; i < 3; i++)
            one.TryAdd(new byte[1000]);
        Assert.Equal(2000, _inbox.Take(_buffer.AsSpan(0, 2999), out _, out _));
        Assert.Equal(1000, _inbox.Take(_buffer, out _, out _));
    }

    [Fact]
    public void One_channel_does_not_fill_the_ring()
    {
        ChannelInbox.Source greedy = _inbox.SourceOf(new FakeChannel());
        for (int i = 0; i < ServerLimits.InboxFramesPerChannel; i++)
            Assert.True(greedy.TryAdd([1]));
        Assert.False(greedy.TryAdd([1]));
        int channels = ServerLimits.InboxFrames / ServerLimits.InboxFramesPerChannel;
        for (int channel = 1; channel < channels; channel++)
        {
            ChannelInbox.Source source = _inbox.SourceOf(new FakeChannel());
            for (int i = 0; i < ServerLimits.InboxFramesPerChannel; i++)
                Assert.True(source.TryAdd([2]));
        }
        Assert.False(_inbox.SourceOf(new FakeChannel()).TryAdd([3]));
        Assert.Equal(2, _inbox.Dropped);
        Assert.Equal(ServerLimits.InboxFramesPerChannel, _inbox.Take(_buffer, out _, out _));
        Assert.True(greedy.TryAdd([1]));
    }
}
