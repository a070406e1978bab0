using CsCheck;
using Punchline.Quic;
using Punchline.Stun;
using Punchline.Tests.Udp;
using Xunit;

namespace Punchline.Tests.Stun;

/// <summary>What a server answers, from where, and to what it stays silent.</summary>
public sealed class StunResponderTests
{
    private static readonly UdpAddress Source = UdpTestPlatforms.Address("198.51.100.20", 4321);
    private static readonly UdpAddress Source6 = UdpTestPlatforms.Address("2001:db8::20", 4321);
    private static readonly UdpAddress Reached = UdpTestPlatforms.Address("192.0.2.1", 3478);
    private static readonly UdpAddress OtherHost = UdpTestPlatforms.Address("192.0.2.2");
    private static readonly StunServerAddresses OnePort = new(Reached, 0, default);
    private static readonly StunServerAddresses TwoPorts = new(Reached, 3479, default);
    private static readonly StunServerAddresses TwoHosts = new(Reached, 3479, OtherHost);
    private static readonly StunTransactionId Id = new(7, 77);

    private delegate void Body(ref StunWriter writer);

    [Fact]
    public void A_binding_request_is_answered_with_the_reflexive_address()
    {
        byte[] buffer = new byte[StunMessage.MaxLength];
        Assert.True(StunResponder.TryRespond(Request(), Source, OnePort, buffer, out StunReply reply));
        Assert.Equal(StunChange.None, reply.From);
        Assert.True(StunMessage.TryRead(buffer.AsSpan(0, reply.Length), out StunMessage response));
        Assert.Equal(StunClass.Success, response.Class);
        Assert.Equal(StunMessage.Binding, response.Method);
        Assert.Equal(Id, response.TransactionId);
        Assert.True(response.TryFindMappedAddress(out UdpAddress mapped));
        Assert.Equal(Source, mapped);
        Assert.True(response.TryFindAddress(StunAttributeType.ResponseOrigin, out UdpAddress origin));
        Assert.Equal(Reached, origin);
        // RFC 5780 section 7.4: not without a second address.
        Assert.False(response.TryFind(StunAttributeType.OtherAddress, out _));
        Assert.Equal(StunFingerprint.Absent, response.CheckFingerprint());
    }

    [Theory]
    [InlineData(40_000, 4, 40_000)]
    [InlineData(40_000, 2, 40_000)]
    [InlineData(1024, 4, 1024)]
    [InlineData(1023, 4, null)] // services that answer with much more live below
    [InlineData(53, 4, null)]
    [InlineData(40_000, 3, null)]
    [InlineData(40_000, 8, null)]
    [InlineData(0, 4, 4321)]
    public void An_answer_goes_to_the_port_that_was_asked_for(int port, int length, int? told)
    {
        byte[] value = new byte[length];
        System.Buffers.Binary.BinaryPrimitives.WriteUInt16BigEndian(value, (ushort)port);
        byte[] buffer = new byte[StunMessage.MaxLength];
        byte[] request = Request((ref StunWriter writer) => writer.Add(StunAttributeType.ResponsePort, value));
        Assert.True(StunResponder.TryRespond(request, Source, TwoPorts, buffer, out StunReply reply));
        Assert.Equal(Source.WithPort((ushort)(told ?? 4321)), reply.To);
        Assert.True(StunMessage.TryRead(buffer.AsSpan(0, reply.Length), out StunMessage response));
        Assert.Equal(told is null ? StunClass.Error : StunClass.Success, response.Class);
        // What it tells is where the request came from.
        Assert.Equal(told is not null, response.TryFindMappedAddress(out UdpAddress mapped));
        Assert.True(told is null || mapped == Source);
    }

    [Fact]
    public void The_published_request_is_answered()
    {
        byte[] buffer = new byte[StunMessage.MaxLength];
        // PRIORITY (0x0024) must be understood and is not: only ICE agents know it.
        Assert.True(StunResponder.TryRespond(StunVectors.Request, Source, OnePort, buffer, out StunReply reply));
        Assert.True(StunMessage.TryRead(buffer.AsSpan(0, reply.Length), out StunMessage response));
        Assert.True(response.TryFindErrorCode(out int code));
        Assert.Equal(420, code);
        // The long-term samples only have credentials, which say nothing to this server.
        Assert.True(StunResponder.TryRespond(StunVectors.RequestLongTermSha256, Source, OnePort, buffer, out reply));
        Assert.True(StunMessage.TryRead(buffer.AsSpan(0, reply.Length), out response));
        Assert.Equal(StunClass.Success, response.Class);
    }

    [Fact]
    public void A_fingerprint_is_answered_with_one_and_a_wrong_one_not_at_all()
    {
        byte[] buffer = new byte[StunMessage.MaxLength];
        byte[] request = Request((ref StunWriter writer) => writer.AddFingerprint());
        Assert.True(StunResponder.TryRespond(request, Source, OnePort, buffer, out StunReply reply));
        Assert.True(StunMessage.TryRead(buffer.AsSpan(0, reply.Length), out StunMessage response));
        Assert.Equal(StunFingerprint.Valid, response.CheckFingerprint());
        request[^1] ^= 1;
        Assert.False(StunResponder.TryRespond(request, Source, OnePort, buffer, out _));
    }

    [Fact]
    public void Nothing_but_a_binding_request_is_answered()
    {
        byte[] buffer = new byte[StunMessage.MaxLength];
        byte[] other = new byte[StunMessage.HeaderLength];
        foreach (StunClass @class in Enum.GetValues<StunClass>())
        {
            for (ushort method = 0; method < 0x1000; method++)
            {
                _ = new StunWriter(other, @class, method, Id);
                bool answered = StunResponder.TryRespond(other, Source, TwoHosts, buffer, out _);
                Assert.Equal(@class == StunClass.Request && method == StunMessage.Binding, answered);
            }
        }
        Assert.False(StunResponder.TryRespond(Request(), Source.WithPort(0), TwoHosts, buffer, out _));
        Assert.False(StunResponder.TryRespond(Request(), default, TwoHosts, buffer, out _));
        Assert.False(StunResponder.TryRespond(Request().AsSpan(1), Source, TwoHosts, buffer, out _));
        Assert.False(StunResponder.TryRespond([], Source, TwoHosts, buffer, out _));
    }

    [Fact]
    public void Its_own_answers_are_not_answered()
    {
        byte[] answer = new byte[StunMessage.MaxLength];
        byte[] buffer = new byte[StunMessage.MaxLength];
        Assert.True(StunResponder.TryRespond(Request(), Source, TwoHosts, answer, out StunReply reply));
        Assert.False(StunResponder.TryRespond(answer.AsSpan(0, reply.Length), Reached, TwoHosts, buffer, out _));
        Assert.True(StunResponder.TryRespond(StunVectors.Request, Source, TwoHosts, answer, out reply));
        Assert.False(StunResponder.TryRespond(answer.AsSpan(0, reply.Length), Reached, TwoHosts, buffer, out _));
    }

    [Theory]
    [InlineData(0u, "192.0.2.1", 3478)]
    [InlineData(2u, "192.0.2.1", 3479)]
    [InlineData(4u, "192.0.2.2", 3478)]
    [InlineData(6u, "192.0.2.2", 3479)]
    public void A_change_is_done_and_said(uint change, string originHost, int originPort)
    {
        byte[] buffer = new byte[StunMessage.MaxLength];
        byte[] request = Request((ref StunWriter writer) => writer.AddChangeRequest((StunChange)change));
        Assert.True(StunResponder.TryRespond(request, Source, TwoHosts, buffer, out StunReply reply));
        Assert.Equal((StunChange)change, reply.From);
        Assert.True(StunMessage.TryRead(buffer.AsSpan(0, reply.Length), out StunMessage response));
        Assert.Equal(StunClass.Success, response.Class);
        Assert.True(response.TryFindAddress(StunAttributeType.ResponseOrigin, out UdpAddress origin));
        Assert.Equal(UdpTestPlatforms.Address(originHost, originPort), origin);
        Assert.True(response.TryFindAddress(StunAttributeType.OtherAddress, out UdpAddress other));
        Assert.Equal(OtherHost.WithPort(3479), other);
    }

    [Fact]
    public void A_change_that_the_server_cannot_do_is_an_unknown_attribute()
    {
        byte[] buffer = new byte[StunMessage.MaxLength];
        (StunServerAddresses Server, StunChange Change, bool Can)[] cases =
        [
            (OnePort, StunChange.Port, false), (OnePort, StunChange.Address, false), (TwoPorts, StunChange.Port, true),
            (TwoPorts, StunChange.Address, false), (TwoPorts, StunChange.Address | StunChange.Port, false),
        ];
        foreach ((StunServerAddresses server, StunChange change, bool can) in cases)
        {
            byte[] request = Request((ref StunWriter writer) => writer.AddChangeRequest(change));
            Assert.True(StunResponder.TryRespond(request, Source, server, buffer, out StunReply reply));
            Assert.True(StunMessage.TryRead(buffer.AsSpan(0, reply.Length), out StunMessage response));
            Assert.Equal(can ? StunClass.Success : StunClass.Error, response.Class);
            Assert.Equal(can ? change : StunChange.None, reply.From);
            if (!can)
                AssertUnknown(response, StunAttributeType.ChangeRequest);
        }
    }

    [Fact]
    public void Unknown_attributes_are_listed_once_each_and_optional_ones_ignored()
    {
        byte[] buffer = new byte[StunMessage.MaxLength];
        byte[] request = Request((ref StunWriter writer) =>
        {
            writer.Add((StunAttributeType)0x9999, "optional"u8);
            writer.Add((StunAttributeType)0x0026, new byte[8]);
            writer.Add((StunAttributeType)0x0028, new byte[4]);
            writer.Add((StunAttributeType)0x0026, new byte[8]);
        });
        Assert.True(StunResponder.TryRespond(request, Source, OnePort, buffer, out StunReply reply));
        Assert.True(StunMessage.TryRead(buffer.AsSpan(0, reply.Length), out StunMessage response));
        AssertUnknown(response, (StunAttributeType)0x0026, (StunAttributeType)0x0028);
    }

    [Fact]
    public void A_malformed_change_is_a_bad_request()
    {
        byte[] buffer = new byte[StunMessage.MaxLength];
        byte[] request = Request((ref StunWriter writer) => writer.Add(StunAttributeType.ChangeRequest, "abc"u8));
        Assert.True(StunResponder.TryRespond(request, Source, TwoHosts, buffer, out StunReply reply));
        Assert.True(StunMessage.TryRead(buffer.AsSpan(0, reply.Length), out StunMessage response));
        Assert.True(response.TryFindErrorCode(out int code));
        Assert.Equal(400, code);
    }

    [Fact]
    public void No_response_is_longer_than_the_bound()
    {
        // Attributes of every kind with values of every small length, and any source.
        Gen<(ushort Type, byte[] Value)[]> attributes = Gen.Select(
            Gen.OneOf(Gen.UShort, Gen.UShort[0, 0x40], Gen.Const((ushort)3)), Gen.Byte.Array[0, 6]).Array[0, 20];
        Gen.Select(attributes, Gen.Bool, Gen.Bool, Gen.Int[0, 2]).Sample((list, fingerprint, ipv6, server) =>
        {
            byte[] request = Request((ref StunWriter writer) =>
            {
                foreach ((ushort type, byte[] value) in list)
                {
                    if ((StunAttributeType)type != StunAttributeType.Fingerprint)
                        writer.Add((StunAttributeType)type, value);
                }
                if (fingerprint)
                    writer.AddFingerprint();
            });
            byte[] buffer = new byte[StunMessage.MaxLength];
            StunServerAddresses addresses = server switch { 0 => OnePort, 1 => TwoPorts, _ => TwoHosts };
            Assert.True(StunResponder.TryRespond(request, ipv6 ? Source6 : Source, addresses, buffer, out StunReply reply));
            Assert.InRange(reply.Length, StunMessage.HeaderLength, request.Length * StunResponder.MaxAmplification);
            Assert.True(StunMessage.TryRead(buffer.AsSpan(0, reply.Length), out _));
        }, iter: 5_000);
    }

    [Fact]
    public void Answering_is_total()
    {
        byte[] buffer = new byte[StunMessage.MaxLength];
        var random = new Random(11);
        for (int i = 0; i < 20_000; i++)
        {
            byte[] request = Request((ref StunWriter writer) => writer.AddChangeRequest(StunChange.Port));
            for (int flips = random.Next(4); flips >= 0; flips--)
                request[random.Next(request.Length)] ^= (byte)(1 << random.Next(8));
            StunResponder.TryRespond(request.AsSpan(0, random.Next(request.Length + 1)), Source, TwoHosts, buffer, out _);
        }
    }

    [Fact]
    public void Answering_allocates_nothing()
    {
        byte[] buffer = new byte[StunMessage.MaxLength];
        byte[] request = Request((ref StunWriter writer) => writer.AddFingerprint());
        for (int i = 0; i < 100; i++)
            StunResponder.TryRespond(request, Source, TwoHosts, buffer, out _);
        long before = GC.GetAllocatedBytesForCurrentThread();
        for (int i = 0; i < 100; i++)
            StunResponder.TryRespond(request, Source, TwoHosts, buffer, out _);
        Assert.Equal(before, GC.GetAllocatedBytesForCurrentThread());
    }

    private static void AssertUnknown(StunMessage response, params StunAttributeType[] types)
    {
        Assert.True(response.TryFindErrorCode(out int code));
        Assert.Equal(420, code);
        Assert.True(response.TryFind(StunAttributeType.UnknownAttributes, out StunAttribute attribute));
        Assert.Equal(string.Concat(types.Select(type => $"{(ushort)type:x4}")), Convert.ToHexStringLower(attribute.Value));
    }

    private static byte[] Request(Body? body = null)
    {
        byte[] buffer = new byte[StunMessage.MaxLength];
        var writer = new StunWriter(buffer, StunClass.Request, StunMessage.Binding, Id);
        body?.Invoke(ref writer);
        return buffer[..writer.Length];
    }
}
