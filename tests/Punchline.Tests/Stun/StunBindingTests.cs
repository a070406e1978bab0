using Punchline.Quic;
using Punchline.Stun;
using Punchline.Tests.Udp;
using Xunit;

namespace Punchline.Tests.Stun;

/// <summary>One transaction in virtual time, against our own responder.</summary>
public sealed class StunBindingTests
{
    private static readonly UdpAddress Server = UdpTestPlatforms.Address("192.0.2.1", 3478);
    private static readonly UdpAddress OtherHost = UdpTestPlatforms.Address("192.0.2.2", 3479);
    private static readonly UdpAddress Mapped = UdpTestPlatforms.Address("198.51.100.20", 4321);
    private static readonly StunServerAddresses Addresses = new(Server, 3479, OtherHost);

    private readonly byte[] _buffer = new byte[StunMessage.MaxLength];
    private readonly CountingRandomness _randomness = new();

    [Fact]
    public void An_answer_tells_the_mapped_address_and_the_round_trip_time()
    {
        var binding = new StunBinding(Server, _randomness);
        Assert.Equal(Instant.Zero, binding.NextTimeout);
        byte[] request = Transmit(binding, At(1000));
        Assert.False(binding.TryTransmit(At(1000), _buffer, out _));
        Assert.True(binding.TryReceive(At(1040), Server, Answer(request)));
        Assert.Equal(StunBindingState.Succeeded, binding.State);
        Assert.Equal(new StunBindingResult(Mapped, TimeSpan.FromMilliseconds(40), Server, OtherHost), binding.Result);
        Assert.Equal(Instant.Never, binding.NextTimeout);
        Assert.False(binding.TryTransmit(At(100_000), _buffer, out _));
        Assert.False(binding.TryReceive(At(1041), Server, Answer(request)));
    }

    [Fact]
    public void An_answer_to_another_port_may_come_from_another_port_of_the_server()
    {
        var binding = new StunBinding(Server, _randomness, responsePort: 40_000);
        byte[] request = Transmit(binding, At(0));
        Assert.True(StunMessage.TryRead(request, out StunMessage message));
        Assert.True(message.TryFindResponsePort(out ushort port));
        Assert.Equal(40_000, port);
        Assert.False(binding.TryReceive(At(1), OtherHost, Answer(request)));
        Assert.True(binding.TryReceive(At(1), Server.WithPort(50_000), Answer(request)));
        Assert.Equal(StunBindingState.Succeeded, binding.State);
    }

    [Fact]
    public void It_is_sent_again_with_growing_waits_and_given_up_at_last()
    {
        var binding = new StunBinding(Server, _randomness, initialTimeout: TimeSpan.FromMilliseconds(500));
        // RFC 8489 section 6.2.1: with 500 ms, requests at these times, and the end at 39,500 ms.
        byte[]? first = null;
        foreach (int time in (int[])[0, 500, 1500, 3500, 7500, 15_500, 31_500])
        {
            Assert.Equal(At(time), binding.NextTimeout);
            Assert.False(time > 0 && binding.TryTransmit(At(time - 1), _buffer, out _));
            byte[] request = Transmit(binding, At(time));
            first ??= request;
            Assert.Equal(first, request);
        }
        Assert.Equal(At(39_500), binding.NextTimeout);
        Assert.Equal(StunBindingState.Pending, binding.State);
        Assert.False(binding.TryTransmit(At(39_500), _buffer, out _));
        Assert.Equal(StunBindingState.TimedOut, binding.State);
        Assert.Equal(Instant.Never, binding.NextTimeout);
        Assert.False(binding.TryReceive(At(39_501), Server, Answer(first!)));
    }

    [Fact]
    public void After_a_second_transmission_the_round_trip_time_is_unknown()
    {
        var binding = new StunBinding(Server, _randomness);
        byte[] request = Transmit(binding, At(0));
        Transmit(binding, Instant.Zero + StunBinding.InitialTimeout);
        Assert.True(binding.TryReceive(At(260), Server, Answer(request)));
        Assert.Null(binding.Result.RoundTripTime);
        Assert.Equal(Mapped, binding.Result.Mapped);
    }

    [Fact]
    public void Only_the_asked_servers_answer_to_this_transaction_counts()
    {
        var binding = new StunBinding(Server, _randomness);
        var another = new StunBinding(Server, _randomness);
        byte[] answer = Answer(Transmit(binding, At(0)));
        byte[] answerToAnother = Answer(Transmit(another, At(0)));
        Assert.False(binding.TryReceive(At(1), Server.WithPort(3479), answer));
        Assert.False(binding.TryReceive(At(1), OtherHost.WithPort(Server.Port), answer));
        Assert.False(binding.TryReceive(At(1), Server, answerToAnother));
        Assert.False(binding.TryReceive(At(1), Server, answer.AsSpan(0, answer.Length - 4)));
        byte[] broken = (byte[])answer.Clone();
        broken[^1] ^= 1;
        Assert.False(binding.TryReceive(At(1), Server, broken));
        Assert.False(binding.TryReceive(At(1), Server, Transmit(binding, At(250))));
        Assert.Equal(StunBindingState.Pending, binding.State);
        Assert.True(binding.TryReceive(At(2), Server, answer));
    }

    [Fact]
    public void Nothing_counts_before_the_first_transmission()
    {
        var binding = new StunBinding(Server, new CountingRandomness());
        var twin = new StunBinding(Server, new CountingRandomness());
        Assert.False(binding.TryReceive(At(0), Server, Answer(Transmit(twin, At(0)))));
    }

    [Theory, InlineData("0.0.0.0", 5), InlineData("224.0.0.1", 5), InlineData("255.255.255.255", 5), InlineData("192.0.2.9", 0), InlineData("::", 5)]
    public void A_mapped_address_that_cannot_be_is_not_believed(string address, int port)
    {
        var binding = new StunBinding(Server, _randomness);
        StunTransactionId id = IdOf(Transmit(binding, At(0)));
        var writer = new StunWriter(_buffer, StunClass.Success, StunMessage.Binding, id);
        writer.AddXorMappedAddress(UdpTestPlatforms.Address(address, port));
        Assert.False(binding.TryReceive(At(1), Server, _buffer.AsSpan(0, writer.Length)));
        Assert.Equal(StunBindingState.Pending, binding.State);
    }

    [Fact]
    public void An_answer_without_an_address_does_not_count_and_an_old_servers_does()
    {
        var binding = new StunBinding(Server, _randomness);
        StunTransactionId id = IdOf(Transmit(binding, At(0)));
        var writer = new StunWriter(_buffer, StunClass.Success, StunMessage.Binding, id);
        Assert.False(binding.TryReceive(At(1), Server, _buffer.AsSpan(0, writer.Length)));
        writer.AddAddress(StunAttributeType.MappedAddress, Mapped);
        Assert.True(binding.TryReceive(At(1), Server, _buffer.AsSpan(0, writer.Length)));
        Assert.Equal(Mapped, binding.Result.Mapped);
        Assert.True(binding.Result.ResponseOrigin.IsNone);
        Assert.True(binding.Result.OtherAddress.IsNone);
    }

    [Fact]
    public void An_error_ends_the_transaction()
    {
        var binding = new StunBinding(Server, _randomness);
        StunTransactionId id = IdOf(Transmit(binding, At(0)));
        var writer = new StunWriter(_buffer, StunClass.Error, StunMessage.Binding, id);
        Assert.False(binding.TryReceive(At(1), Server, _buffer.AsSpan(0, writer.Length)));
        writer.AddErrorCode(500, "Server Error"u8);
        Assert.True(binding.TryReceive(At(1), Server, _buffer.AsSpan(0, writer.Length)));
        Assert.Equal(StunBindingState.Refused, binding.State);
        Assert.Equal(500, binding.ErrorCode);
        Assert.Equal(Instant.Never, binding.NextTimeout);
    }

    [Fact]
    public void A_response_that_must_be_understood_and_is_not_is_a_failure()
    {
        var binding = new StunBinding(Server, _randomness);
        StunTransactionId id = IdOf(Transmit(binding, At(0)));
        var writer = new StunWriter(_buffer, StunClass.Success, StunMessage.Binding, id);
        writer.AddXorMappedAddress(Mapped);
        writer.Add((StunAttributeType)0x7fff, default);
        Assert.True(binding.TryReceive(At(1), Server, _buffer.AsSpan(0, writer.Length)));
        Assert.Equal(StunBindingState.Refused, binding.State);
        Assert.Equal(0, binding.ErrorCode);
    }

    [Theory]
    [InlineData(2u, "192.0.2.1", 3479)]
    [InlineData(4u, "192.0.2.2", 3478)]
    [InlineData(6u, "192.0.2.2", 3479)]
    public void An_answer_from_elsewhere_must_come_from_there(uint change, string host, int port)
    {
        var binding = new StunBinding(Server, _randomness, (StunChange)change);
        byte[] request = Transmit(binding, At(0));
        Assert.True(StunResponder.TryRespond(request, Mapped, Addresses, _buffer, out StunReply reply));
        Assert.Equal((StunChange)change, reply.From);
        byte[] answer = _buffer[..reply.Length];
        Assert.False(binding.TryReceive(At(5), Server, answer));
        Assert.True(binding.TryReceive(At(5), UdpTestPlatforms.Address(host, port), answer));
        Assert.Equal(Mapped, binding.Result.Mapped);
    }

    [Fact]
    public void The_request_is_long_enough_for_every_attribute_of_the_answer()
    {
        UdpAddress six = UdpTestPlatforms.Address("2001:db8::1", 3478);
        var binding = new StunBinding(six, _randomness);
        byte[] request = Transmit(binding, At(0));
        var addresses = new StunServerAddresses(six, 3479, UdpTestPlatforms.Address("2001:db8::2"));
        Assert.True(StunResponder.TryRespond(request, UdpTestPlatforms.Address("2001:db8::77", 9), addresses, _buffer, out StunReply reply));
        Assert.True(binding.TryReceive(At(1), six, _buffer.AsSpan(0, reply.Length)));
        Assert.False(binding.Result.ResponseOrigin.IsNone);
        Assert.False(binding.Result.OtherAddress.IsNone);
    }

    private static Instant At(int milliseconds) => Instant.Zero + TimeSpan.FromMilliseconds(milliseconds);

    private static StunTransactionId IdOf(byte[] request)
    {
        Assert.True(StunMessage.TryRead(request, out StunMessage message));
        return message.TransactionId;
    }

    private byte[] Transmit(StunBinding binding, Instant now)
    {
        Assert.True(binding.TryTransmit(now, _buffer, out int length));
        return _buffer[..length];
    }

    private static byte[] Answer(byte[] request)
    {
        byte[] buffer = new byte[StunMessage.MaxLength];
        Assert.True(StunResponder.TryRespond(request, Mapped, Addresses, buffer, out StunReply reply));
        return buffer[..reply.Length];
    }
}
