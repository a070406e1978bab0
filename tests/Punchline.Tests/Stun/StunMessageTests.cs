using System.Text;
using CsCheck;
using Punchline.Quic;
using Punchline.Stun;
using Punchline.Tests.Udp;
using Xunit;

namespace Punchline.Tests.Stun;

/// <summary>The codec: published samples, round trips, and what it must not let through.</summary>
public sealed class StunMessageTests
{
    private static readonly byte[] Key = Encoding.ASCII.GetBytes(StunVectors.Password);
    private static readonly StunTransactionId SampleId = new(0xb7e7a701, 0xbc34d686fa87dfae);

    [Fact]
    public void RFC_5769_request_is_read_and_checked()
    {
        Assert.True(StunMessage.TryRead(StunVectors.Request, out StunMessage message));
        Assert.Equal(StunClass.Request, message.Class);
        Assert.Equal(StunMessage.Binding, message.Method);
        Assert.Equal(SampleId, message.TransactionId);
        Assert.True(message.TryFind(StunAttributeType.Software, out StunAttribute software));
        Assert.Equal("STUN test client", Encoding.UTF8.GetString(software.Value));
        Assert.True(message.TryFind(StunAttributeType.Username, out StunAttribute user));
        Assert.Equal("evtj:h6vY", Encoding.UTF8.GetString(user.Value));
        Assert.Equal(StunFingerprint.Valid, message.CheckFingerprint());
        Assert.True(message.HasIntegrity(Key));
        Assert.False(message.HasIntegrity("wrong"u8));
        Assert.False(message.HasIntegritySha256(Key));
    }

    [Fact]
    public void RFC_5769_responses_are_read_and_checked()
    {
        (byte[] Sample, string Address)[] samples =
        [
            (StunVectors.ResponseIpv4, "192.0.2.1"),
            (StunVectors.ResponseIpv6, "2001:db8:1234:5678:11:2233:4455:6677"),
        ];
        foreach ((byte[] sample, string address) in samples)
        {
            Assert.True(StunMessage.TryRead(sample, out StunMessage message));
            Assert.Equal(StunClass.Success, message.Class);
            Assert.Equal(SampleId, message.TransactionId);
            Assert.True(message.TryFindMappedAddress(out UdpAddress mapped));
            Assert.Equal(UdpTestPlatforms.Address(address, 32853), mapped);
            Assert.True(message.HasIntegrity(Key));
            Assert.Equal(StunFingerprint.Valid, message.CheckFingerprint());
        }
    }

    [Fact]
    public void RFC_5769_long_term_request_is_written_byte_for_byte()
    {
        Assert.True(StunMessage.TryRead(StunVectors.RequestLongTerm, out StunMessage message));
        Assert.True(message.HasIntegrity(StunVectors.LongTermKey));
        Assert.Equal(StunFingerprint.Absent, message.CheckFingerprint());

        byte[] buffer = Dirty();
        var writer = new StunWriter(buffer, StunClass.Request, StunMessage.Binding, message.TransactionId);
        foreach (StunAttribute attribute in message)
        {
            if (attribute.Type == StunAttributeType.MessageIntegrity)
                writer.AddIntegrity(StunVectors.LongTermKey);
            else
                writer.Add(attribute.Type, attribute.Value);
        }
        Assert.Equal(StunVectors.RequestLongTerm, buffer[..writer.Length]);
    }

    [Fact]
    public void RFC_8489_request_with_SHA256_is_written_byte_for_byte()
    {
        Assert.True(StunMessage.TryRead(StunVectors.RequestLongTermSha256, out StunMessage message));
        Assert.True(message.HasIntegritySha256(StunVectors.LongTermKey));
        Assert.False(message.HasIntegrity(StunVectors.LongTermKey));

        byte[] buffer = Dirty();
        var writer = new StunWriter(buffer, StunClass.Request, StunMessage.Binding, message.TransactionId);
        foreach (StunAttribute attribute in message)
        {
            if (attribute.Type == StunAttributeType.MessageIntegritySha256)
                writer.AddIntegritySha256(StunVectors.LongTermKey);
            else
                writer.Add(attribute.Type, attribute.Value);
        }
        Assert.Equal(StunVectors.RequestLongTermSha256, buffer[..writer.Length]);
    }

    [Fact]
    public void RFC_5769_addresses_are_written_byte_for_byte()
    {
        byte[] buffer = Dirty();
        var writer = new StunWriter(buffer, StunClass.Success, StunMessage.Binding, SampleId);
        writer.AddXorMappedAddress(UdpTestPlatforms.Address("192.0.2.1", 32853));
        Assert.Equal(StunVectors.ResponseIpv4[36..48], buffer[20..writer.Length]);
        writer = new StunWriter(buffer, StunClass.Success, StunMessage.Binding, SampleId);
        writer.AddXorMappedAddress(UdpTestPlatforms.Address("2001:db8:1234:5678:11:2233:4455:6677", 32853));
        Assert.Equal(StunVectors.ResponseIpv6[36..60], buffer[20..writer.Length]);
    }

    [Fact]
    public void Every_class_and_method_survives_the_message_type()
    {
        // RFC 8489 section 5, figure 3.
        Assert.Equal(0x0001, StunMessage.TypeOf(StunClass.Request, StunMessage.Binding));
        Assert.Equal(0x0101, StunMessage.TypeOf(StunClass.Success, StunMessage.Binding));
        Assert.Equal(0x0111, StunMessage.TypeOf(StunClass.Error, StunMessage.Binding));
        byte[] buffer = new byte[StunMessage.HeaderLength];
        foreach (StunClass @class in Enum.GetValues<StunClass>())
        {
            for (ushort method = 0; method < 0x1000; method++)
            {
                _ = new StunWriter(buffer, @class, method, SampleId);
                Assert.True(StunMessage.TryRead(buffer, out StunMessage message));
                Assert.Equal((@class, method), (message.Class, message.Method));
            }
        }
    }

    [Fact]
    public void Every_attribute_of_ours_survives_the_way()
    {
        byte[] buffer = Dirty();
        UdpAddress four = UdpTestPlatforms.Address("198.51.100.7", 1);
        UdpAddress six = UdpTestPlatforms.Address("2001:db8::9", 65535);
        var writer = new StunWriter(buffer, StunClass.Error, StunMessage.Binding, SampleId);
        writer.AddAddress(StunAttributeType.MappedAddress, four);
        writer.AddAddress(StunAttributeType.ResponseOrigin, six);
        writer.AddAddress(StunAttributeType.OtherAddress, four);
        writer.AddChangeRequest(StunChange.Address | StunChange.Port);
        writer.AddErrorCode(487, "Role Conflict"u8);
        writer.AddUnknownAttributes([(StunAttributeType)0x7777, StunAttributeType.Realm, (StunAttributeType)1]);
        writer.AddIntegrity(Key);
        writer.AddIntegritySha256(Key);
        writer.AddFingerprint();

        Assert.True(StunMessage.TryRead(buffer.AsSpan(0, writer.Length), out StunMessage message));
        Assert.True(message.TryFindMappedAddress(out UdpAddress mapped));
        Assert.Equal(four, mapped);
        Assert.True(message.TryFindAddress(StunAttributeType.ResponseOrigin, out UdpAddress origin));
        Assert.Equal(six, origin);
        Assert.True(message.TryFindAddress(StunAttributeType.OtherAddress, out UdpAddress other));
        Assert.Equal(four, other);
        Assert.True(message.TryFindChange(out StunChange change));
        Assert.Equal(StunChange.Address | StunChange.Port, change);
        Assert.True(message.TryFindErrorCode(out int code));
        Assert.Equal(487, code);
        Assert.True(message.TryFind(StunAttributeType.UnknownAttributes, out StunAttribute unknown));
        Assert.Equal([0x77, 0x77, 0x00, 0x14, 0x00, 0x01], unknown.Value.ToArray());
        Assert.True(message.HasIntegrity(Key));
        Assert.True(message.HasIntegritySha256(Key));
        Assert.Equal(StunFingerprint.Valid, message.CheckFingerprint());
    }

    [Fact]
    public void One_flipped_bit_anywhere_is_noticed()
    {
        byte[] bytes = new byte[200];
        var writer = new StunWriter(bytes, StunClass.Request, StunMessage.Binding, SampleId);
        writer.Add(StunAttributeType.Software, "abc"u8);
        writer.AddIntegritySha256(Key);
        writer.AddFingerprint();
        for (int bit = 0; bit < writer.Length * 8; bit++)
        {
            bytes[bit / 8] ^= (byte)(1 << (bit % 8));
            bool isSound = StunMessage.TryRead(bytes.AsSpan(0, writer.Length), out StunMessage message)
                && message.CheckFingerprint() == StunFingerprint.Valid;
            Assert.False(isSound, $"bit {bit}");
            bytes[bit / 8] ^= (byte)(1 << (bit % 8));
        }
    }

    [Fact]
    public void A_shortened_SHA256_is_accepted_down_to_16_bytes()
    {
        foreach (int length in (int[])[8, 12, 16, 20, 28, 32, 36])
        {
            byte[] buffer = new byte[200];
            var writer = new StunWriter(buffer, StunClass.Request, StunMessage.Binding, SampleId);
            byte[] value = new byte[Math.Max(length, StunIntegrity.Sha256Length)];
            StunIntegrity.ComputeSha256(Key, buffer.AsSpan(0, writer.Length), length, value.AsSpan(0, StunIntegrity.Sha256Length));
            writer.Add(StunAttributeType.MessageIntegritySha256, value.AsSpan(0, length));
            Assert.True(StunMessage.TryRead(buffer.AsSpan(0, writer.Length), out StunMessage message));
            Assert.Equal(length is >= 16 and <= 32, message.HasIntegritySha256(Key));
        }
    }

    [Fact]
    public void What_follows_an_integrity_attribute_does_not_count()
    {
        byte[] buffer = new byte[300];
        UdpAddress forged = UdpTestPlatforms.Address("203.0.113.66", 6);
        var writer = new StunWriter(buffer, StunClass.Success, StunMessage.Binding, SampleId);
        writer.AddIntegrity(Key);
        writer.AddXorMappedAddress(forged);
        writer.AddIntegritySha256(Key);
        writer.AddIntegrity(Key);
        writer.AddFingerprint();
        Assert.True(StunMessage.TryRead(buffer.AsSpan(0, writer.Length), out StunMessage message));
        Assert.False(message.TryFindMappedAddress(out _));
        var seen = new List<StunAttributeType>();
        foreach (StunAttribute attribute in message)
            seen.Add(attribute.Type);
        Assert.Equal([StunAttributeType.MessageIntegrity, StunAttributeType.MessageIntegritySha256, StunAttributeType.Fingerprint], seen);
    }

    [Fact]
    public void A_fingerprint_that_is_not_the_last_is_wrong()
    {
        byte[] buffer = new byte[100];
        var writer = new StunWriter(buffer, StunClass.Request, StunMessage.Binding, SampleId);
        writer.AddFingerprint();
        writer.Add(StunAttributeType.Software, "x"u8);
        Assert.True(StunMessage.TryRead(buffer.AsSpan(0, writer.Length), out StunMessage message));
        Assert.Equal(StunFingerprint.Invalid, message.CheckFingerprint());
    }

    [Fact]
    public void The_first_of_two_equal_attributes_counts()
    {
        byte[] buffer = new byte[100];
        var writer = new StunWriter(buffer, StunClass.Success, StunMessage.Binding, SampleId);
        writer.AddXorMappedAddress(UdpTestPlatforms.Address("192.0.2.1", 1));
        writer.AddXorMappedAddress(UdpTestPlatforms.Address("192.0.2.2", 2));
        Assert.True(StunMessage.TryRead(buffer.AsSpan(0, writer.Length), out StunMessage message));
        Assert.True(message.TryFindMappedAddress(out UdpAddress mapped));
        Assert.Equal(UdpTestPlatforms.Address("192.0.2.1", 1), mapped);
    }

    [Theory]
    [InlineData("")]
    [InlineData("000100002112a442b7e7a701bc34d686fa87df")] // 19 bytes
    [InlineData("400100002112a442b7e7a701bc34d686fa87dfae")] // a QUIC bit
    [InlineData("000100002112a443b7e7a701bc34d686fa87dfae")] // another cookie
    [InlineData("000100042112a442b7e7a701bc34d686fa87dfae")] // shorter than it says
    [InlineData("000100002112a442b7e7a701bc34d686fa87dfae00000000")] // longer than it says
    [InlineData("000100022112a442b7e7a701bc34d686fa87dfae0000")] // not a multiple of 4
    [InlineData("000100042112a442b7e7a701bc34d686fa87dfae80220001")] // the value is missing
    [InlineData("000100082112a442b7e7a701bc34d686fa87dfae8022000561626364")] // one byte too long for the rest
    [InlineData("000100082112a442b7e7a701bc34d686fa87dfae8022ffff61626364")]
    public void What_is_not_a_message_is_refused(string hex) =>
        Assert.False(StunMessage.TryRead(Convert.FromHexString(hex), out _));

    [Fact]
    public void A_message_longer_than_any_path_takes_is_refused()
    {
        byte[] buffer = new byte[StunMessage.MaxLength + 4];
        var writer = new StunWriter(buffer, StunClass.Request, StunMessage.Binding, SampleId);
        writer.Add(StunAttributeType.Software, new byte[buffer.Length - writer.Length - 4]);
        Assert.Equal(buffer.Length, writer.Length);
        Assert.False(StunMessage.TryRead(buffer, out _));
        writer = new StunWriter(buffer, StunClass.Request, StunMessage.Binding, SampleId);
        writer.Add(StunAttributeType.Software, new byte[buffer.Length - writer.Length - 8]);
        Assert.True(StunMessage.TryRead(buffer.AsSpan(0, writer.Length), out _));
    }

    [Theory]
    [InlineData("0001")] // no family
    [InlineData("0003a147e112a643")] // an unknown family
    [InlineData("0002a147e112a643")] // IPv6 that is too short
    [InlineData("0001a1470113a9faa5d3f179bc25f4b5bed2b9d9")] // IPv4 that is too long
    public void A_malformed_address_is_none(string hex)
    {
        byte[] buffer = new byte[100];
        var writer = new StunWriter(buffer, StunClass.Success, StunMessage.Binding, SampleId);
        writer.Add(StunAttributeType.XorMappedAddress, Convert.FromHexString(hex));
        Assert.True(StunMessage.TryRead(buffer.AsSpan(0, writer.Length), out StunMessage message));
        Assert.False(message.TryFindMappedAddress(out _));
    }

    [Theory]
    [InlineData("00000414", 420, true)]
    [InlineData("00000463", 499, true)]
    [InlineData("00000464", 0, false)]
    [InlineData("00000200", 0, false)]
    [InlineData("00000700", 0, false)]
    [InlineData("ffffFC00", 400, true)]
    [InlineData("000004", 0, false)]
    public void An_error_code_has_a_class_and_a_number(string hex, int expected, bool ok)
    {
        byte[] buffer = new byte[100];
        var writer = new StunWriter(buffer, StunClass.Error, StunMessage.Binding, SampleId);
        writer.Add(StunAttributeType.ErrorCode, Convert.FromHexString(hex));
        Assert.True(StunMessage.TryRead(buffer.AsSpan(0, writer.Length), out StunMessage message));
        Assert.Equal(ok, message.TryFindErrorCode(out int code));
        Assert.Equal(expected, code);
    }

    [Fact]
    public void Reading_is_total()
    {
        // Random bytes behind a sound header, with lengths that are often small, so that many attributes are met.
        Gen<byte[]> bytes = Gen.Byte.Array[0, 200];
        Gen<byte[]> almost = Gen.Select(Gen.UShort, Gen.Int[0, 40], Gen.Int[0, 9], Gen.Byte.Array[160]).Select((type, words, small, body) =>
        {
            byte[] datagram = new byte[StunMessage.HeaderLength + (words * 4)];
            _ = new StunWriter(datagram, StunClass.Success, StunMessage.Binding, SampleId);
            body.AsSpan(0, words * 4).CopyTo(datagram.AsSpan(StunMessage.HeaderLength));
            datagram[0] = (byte)(type >> 10);
            datagram[1] = (byte)type;
            datagram[3] = (byte)(words * 4);
            for (int at = StunMessage.HeaderLength; at + 8 <= datagram.Length; at += 8)
                (datagram[at], datagram[at + 1], datagram[at + 2], datagram[at + 3]) =
                    ((byte)(datagram[at] & 0x80), (byte)(datagram[at + 1] & 0x3f), 0, (byte)(small % 5));
            return datagram;
        });
        Gen.OneOf(bytes, almost).Sample(Exercise, iter: 20_000);
    }

    private static void Exercise(byte[] datagram)
    {
        if (!StunMessage.TryRead(datagram, out StunMessage message))
            return;
        int end = StunMessage.HeaderLength;
        foreach (StunAttribute attribute in message)
        {
            Assert.True(attribute.Offset >= end);
            end = attribute.Offset + StunWriter.Space(attribute.Value.Length);
            Assert.True(end <= datagram.Length);
        }
        message.TryFindMappedAddress(out _);
        message.TryFindErrorCode(out _);
        message.TryFindChange(out _);
        message.CheckFingerprint();
        message.HasIntegrity(Key);
        message.HasIntegritySha256(Key);
    }

    /// <summary>Whatever the buffer held must not come through: padding is zero.</summary>
    private static byte[] Dirty()
    {
        byte[] buffer = new byte[StunMessage.MaxLength];
        Array.Fill(buffer, (byte)0xEE);
        return buffer;
    }
}
