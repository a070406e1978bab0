using Punchline.Protocol;
using Punchline.Stun;
using Punchline.Tests.Invites;
using Punchline.Traversal;
using Xunit;

namespace Punchline.Tests.Protocol;

public sealed class TunnelCodecTests
{
    private static readonly TunnelMessage[] Messages =
    [
        new TunnelHello(5, "0.1.0"),
        new TunnelServices([new ServiceInfo(1, ServiceProtocol.Tcp, 25565, "game"), new ServiceInfo(2, ServiceProtocol.Udp, 19132, "x")]),
        new FriendSecret(Samples.Id, Samples.Secret),
        new ServiceError(1, 300, ServiceErrorCode.NothingListens, "no"),
        new NatMessage(new NatReport(NatMapping.PortIndependent, NatFiltering.Unknown, true, false, null, PortAllocation.Sequential, 2)),
        new StaysOnRelay(RelayStay.NoUdp),
        new Traverse(1, TraversalMethod.Exchange),
        new TraverseReady(1, TraverseAnswer.Ready, [20_001, 20_002]),
        new TraverseGo(1, [40_000]),
    ];

    [Fact]
    public void The_golden_samples_are_what_we_write()
    {
        string[] golden = Samples.Of("tunnel.md");
        for (int i = 0; i < Messages.Length; i++)
            Assert.Equal(golden[i], Convert.ToHexStringLower(TunnelCodec.Write(Messages[i])));
        byte[] buffer = new byte[DatagramHeader.MaxLength];
        Assert.Equal(golden[Messages.Length], Convert.ToHexStringLower(buffer.AsSpan(0, new StreamHeader(1, 300).Write(buffer))));
        Assert.Equal(golden[Messages.Length + 1], Convert.ToHexStringLower(buffer.AsSpan(0, new DatagramHeader(2, 1, 70_000).Write(buffer))));
    }

    [Fact]
    public void Messages_come_back_one_after_the_other_however_they_are_cut()
    {
        byte[] stream = [.. Messages.SelectMany(TunnelCodec.Write)];
        int at = 0;
        foreach (TunnelMessage message in Messages)
        {
            byte[] bytes = TunnelCodec.Write(message);
            for (int length = 0; length < bytes.Length; length++)
                Assert.Equal(TunnelReadStatus.NeedMore, TunnelCodec.TryRead(stream.AsSpan(at, length), out _, out _));
            Assert.Equal(TunnelReadStatus.Ok, TunnelCodec.TryRead(stream.AsSpan(at), out TunnelMessage? read, out int consumed));
            Assert.Equal(bytes, TunnelCodec.Write(read!));
            Assert.Equal(bytes.Length, consumed);
            at += consumed;
        }
        Assert.Equal(stream.Length, at);
    }

    [Fact]
    public void Unknown_messages_are_skipped_whole_unless_critical()
    {
        Assert.Equal(TunnelReadStatus.Skip, TunnelCodec.TryRead([0x00, 0x77, 2, 1, 1, 9], out _, out int consumed));
        Assert.Equal(5, consumed);
        Assert.Equal(TunnelReadStatus.UnknownCritical, TunnelCodec.TryRead([0x80, 0x77, 0], out _, out _));
    }

    [Fact]
    public void What_is_too_long_or_misshapen_ends_the_stream_at_once()
    {
        // 65,537 bytes announced, in a varint of four.
        Assert.Equal(TunnelReadStatus.Malformed, TunnelCodec.TryRead([0x80, 0x01, 0x80, 0x01, 0x00, 0x01], out _, out _));
        Assert.Equal(TunnelReadStatus.Malformed, TunnelCodec.TryRead([0x80, 0x01, 3, 0, 0, 0], out _, out _));
        // Two services of one id.
        Assert.Equal(TunnelReadStatus.Malformed, TunnelCodec.TryRead([0x80, 0x02, 11, 2, 1, 6, 0, 1, 0, 1, 6, 0, 1, 0], out _, out _));
        // Two services of one name.
        Assert.Equal(TunnelReadStatus.Malformed, TunnelCodec.TryRead([0x80, 0x02, 13, 2, 1, 6, 0, 1, 1, (byte)'x', 2, 6, 0, 1, 1, (byte)'x'], out _, out _));
        // A protocol of a later version is left out.
        Assert.Equal(TunnelReadStatus.Ok, TunnelCodec.TryRead([0x80, 0x02, 6, 1, 1, 99, 0, 1, 0], out TunnelMessage? read, out _));
        Assert.Empty(Assert.IsType<TunnelServices>(read).Services);
    }

    [Fact]
    public void Mutated_messages_never_throw()
    {
        var random = new Random(6);
        foreach (TunnelMessage message in Messages)
        {
            byte[] bytes = TunnelCodec.Write(message);
            for (int i = 0; i < 5000; i++)
            {
                byte[] mutated = [.. bytes];
                mutated[random.Next(mutated.Length)] = (byte)random.Next(256);
                TunnelReadStatus status = TunnelCodec.TryRead(mutated.AsSpan(0, random.Next(mutated.Length + 1)), out TunnelMessage? read, out int consumed);
                Assert.Equal(status == TunnelReadStatus.Ok, read is not null);
                Assert.Equal(status is TunnelReadStatus.Ok or TunnelReadStatus.Skip, consumed > 0);
            }
        }
    }

    [Fact]
    public void Headers_tell_the_unknown_from_the_unfinished()
    {
        byte[] buffer = new byte[StreamHeader.MaxLength];
        int length = new StreamHeader(1, 300).Write(buffer);
        for (int i = 0; i < length; i++)
        {
            Assert.False(StreamHeader.TryRead(buffer.AsSpan(0, i), out _, out _, out bool unknown));
            Assert.False(unknown);
        }
        Assert.True(StreamHeader.TryRead(buffer, out StreamHeader header, out int consumed, out _));
        Assert.Equal((new StreamHeader(1, 300), length), (header, consumed));
        Assert.False(StreamHeader.TryRead([9], out _, out _, out bool kind));
        Assert.True(kind);
        Assert.False(DatagramHeader.TryRead([9, 1, 1, 1], out _, out _));
        Assert.False(DatagramHeader.TryRead([2, 1, 1], out _, out _));
    }
}
