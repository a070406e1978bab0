using Punchline.Quic;
using Punchline.Stun;
using Punchline.Tests.Udp;
using Xunit;

namespace Punchline.Tests.Stun;

/// <summary>A mapping that is kept alive and watched, in virtual time.</summary>
public sealed class StunKeeperTests
{
    private static readonly UdpAddress Server = UdpTestPlatforms.Address("192.0.2.1", 3478);
    private static readonly UdpAddress FirstMapped = UdpTestPlatforms.Address("198.51.100.20", 4321);
    private static readonly UdpAddress SecondMapped = UdpTestPlatforms.Address("198.51.100.20", 5555);
    private static readonly TimeSpan Interval = TimeSpan.FromSeconds(20);

    private readonly byte[] _buffer = new byte[StunMessage.MaxLength];
    private readonly StunKeeper _keeper = new(Server, new CountingRandomness(), static () => Interval);

    [Fact]
    public void It_asks_at_the_start_and_then_at_the_interval()
    {
        var ids = new HashSet<StunTransactionId>();
        for (int round = 0; round < 5; round++)
        {
            Instant now = Instant.Zero + (Interval * round);
            Assert.Equal(now, _keeper.NextTimeout);
            Assert.False(round > 0 && _keeper.TryTransmit(now - TimeSpan.FromTicks(1), _buffer, out _));
            byte[] request = Transmit(now);
            Assert.True(StunMessage.TryRead(request, out StunMessage message));
            Assert.True(ids.Add(message.TransactionId));
            Assert.Equal(round == 0, Answer(request, now + TimeSpan.FromMilliseconds(30), FirstMapped));
            Assert.Equal(FirstMapped, _keeper.Mapped);
        }
    }

    [Fact]
    public void A_change_is_told_once()
    {
        Assert.True(_keeper.Mapped.IsNone);
        Assert.False(_keeper.TryTakeChange(out _));
        Assert.True(Answer(Transmit(Instant.Zero), Instant.Zero, FirstMapped));
        Assert.True(Answer(Transmit(Instant.Zero + Interval), Instant.Zero + Interval, SecondMapped));
        Assert.Equal(SecondMapped, _keeper.Mapped);
        Assert.False(_keeper.TryTakeChange(out _));
    }

    [Fact]
    public void A_lost_request_is_repeated_and_a_silent_server_asked_again()
    {
        Instant now = Instant.Zero;
        int sent = 0;
        while (now < Instant.Zero + TimeSpan.FromMinutes(10))
        {
            if (_keeper.TryTransmit(now, _buffer, out _))
                sent++;
            Assert.True(_keeper.NextTimeout > now);
            now = _keeper.NextTimeout;
        }
        Assert.True(_keeper.Mapped.IsNone);
        // 7 in each interval of 20 s: a transaction takes 19.75 s of it.
        Assert.Equal(10 * 60 / 20 * StunBinding.MaxTransmissions, sent);

        Assert.True(Answer(Transmit(now), now, FirstMapped));
    }

    [Fact]
    public void What_was_known_stays_known_while_the_server_is_silent()
    {
        Assert.True(Answer(Transmit(Instant.Zero), Instant.Zero, FirstMapped));
        Instant now = _keeper.NextTimeout;
        int sent = 0;
        while (sent <= StunBinding.MaxTransmissions)
        {
            // One more than a transaction has: the first one has been given up by then.
            sent += _keeper.TryTransmit(now, _buffer, out _) ? 1 : 0;
            now = _keeper.NextTimeout;
        }
        Assert.Equal(FirstMapped, _keeper.Mapped);
        Assert.False(_keeper.TryTakeChange(out _));
    }

    [Fact]
    public void It_can_be_told_to_ask_at_once()
    {
        Assert.True(Answer(Transmit(Instant.Zero), Instant.Zero, FirstMapped));
        Instant now = Instant.Zero + TimeSpan.FromSeconds(1);
        Assert.False(_keeper.TryTransmit(now, _buffer, out _));
        _keeper.AskNow();
        Assert.True(_keeper.NextTimeout <= now);
        byte[] old = Transmit(now);
        _keeper.AskNow();
        byte[] request = Transmit(now);
        Assert.False(Answer(old, now, SecondMapped, expectTaken: false));
        Assert.True(Answer(request, now, SecondMapped));
        Assert.Equal(now + Interval, _keeper.NextTimeout);
    }

    [Fact]
    public void Strangers_are_not_heard()
    {
        byte[] request = Transmit(Instant.Zero);
        StunResponder.TryRespond(request, FirstMapped, new StunServerAddresses(Server, 0, default), _buffer, out StunReply reply);
        Assert.False(_keeper.TryReceive(Instant.Zero, Server.WithPort(99), _buffer.AsSpan(0, reply.Length)));
        Assert.False(_keeper.TryReceive(Instant.Zero, Server, [1, 2, 3]));
        Assert.True(_keeper.TryReceive(Instant.Zero, Server, _buffer.AsSpan(0, reply.Length)));
        Assert.False(_keeper.TryReceive(Instant.Zero, Server, _buffer.AsSpan(0, reply.Length)));
    }

    private byte[] Transmit(Instant now)
    {
        Assert.True(_keeper.TryTransmit(now, _buffer, out int length));
        return _buffer[..length];
    }

    /// <summary>Answers a request; tells whether that was news.</summary>
    private bool Answer(byte[] request, Instant now, UdpAddress mapped, bool expectTaken = true)
    {
        Assert.True(StunResponder.TryRespond(request, mapped, new StunServerAddresses(Server, 0, default), _buffer, out StunReply reply));
        Assert.Equal(expectTaken, _keeper.TryReceive(now, Server, _buffer.AsSpan(0, reply.Length)));
        bool isNews = _keeper.TryTakeChange(out UdpAddress told);
        Assert.True(!isNews || told == mapped);
        return isNews;
    }
}
