using Punchline.Relay;
using Xunit;

namespace Punchline.Tests.Relay;

/// <summary>The relay's frames on a control channel: short queues that drop when they are full.</summary>
public sealed class ChannelFramesTests
{
    private readonly ChannelFrames _frames = new();
    private readonly byte[] _buffer = new byte[RelayFrame.MaxChannelFrame];

    [Fact]
    public void A_batch_becomes_one_frame_for_each_datagram_in_order()
    {
        byte[] batch = [.. new byte[9], 1, 2, 3, .. new byte[9], 4, 5, 6, .. new byte[9], 7];
        _frames.Send(0x0102030405060708, batch, 12);
        Assert.Equal("200102030405060708" + "010203", Take());
        Assert.Equal("200102030405060708" + "040506", Take());
        Assert.Equal("200102030405060708" + "07", Take());
        Assert.Equal("", Take());
    }

    [Fact]
    public async Task Whoever_sends_is_woken_once_for_all_that_waits()
    {
        byte[] batch = [.. new byte[9], 1];
        _frames.Send(1, batch, batch.Length);
        _frames.Send(1, batch, batch.Length);
        Assert.True(await _frames.WaitToSendAsync(TestContext.Current.CancellationToken));
        Assert.NotEqual("", Take());
        Assert.NotEqual("", Take());
        using var stop = new CancellationTokenSource();
        ValueTask<bool> waiting = _frames.WaitToSendAsync(stop.Token);
        Assert.False(waiting.IsCompleted);
        await stop.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(async () => await waiting);
    }

    [Fact]
    public void A_full_queue_drops_the_newest_both_ways()
    {
        byte[] batch = [.. new byte[9], 1];
        for (int i = 0; i < ChannelFrames.QueuedOut + 3; i++)
            _frames.Send(1, batch, batch.Length);
        Assert.Equal(3, _frames.Dropped);
        int arrivals = 0;
        _frames.OnArrival(() => arrivals++);
        for (int i = 0; i < ChannelFrames.QueuedIn + 2; i++)
            _frames.OnFrame([0x20, 0, 0, 0, 0, 0, 0, 0, 1, 0x40]);
        Assert.Equal(5, _frames.Dropped);
        Assert.Equal(ChannelFrames.QueuedIn, arrivals);
        for (int i = 0; i < ChannelFrames.QueuedIn; i++)
            Assert.True(_frames.TryReceive(_buffer, out _, out _));
        Assert.False(_frames.TryReceive(_buffer, out _, out _));
    }

    [Fact]
    public void What_is_no_frame_is_dropped()
    {
        _frames.OnFrame([]);
        _frames.OnFrame([0x20, 0, 0, 0, 0, 0, 0, 0, 1]);
        _frames.OnFrame([0x21, 0, 0, 0, 0, 0, 0, 0, 1, 0x40]);
        _frames.OnFrame([0x20, .. new byte[8 + RelayFrame.MaxDatagram + 1]]);
        Assert.False(_frames.TryReceive(_buffer, out _, out _));
        _frames.OnFrame([0x20, .. new byte[8 + RelayFrame.MaxDatagram]]);
        Assert.True(_frames.TryReceive(_buffer, out ulong handle, out int length));
        Assert.Equal((0UL, RelayFrame.MaxDatagram), (handle, length));
    }

    private string Take() => Convert.ToHexStringLower(_buffer.AsSpan(0, _frames.TakeFrame(_buffer)));
}
