using CsCheck;
using Punchline.Quic.Wire;
using Xunit;

namespace Punchline.Quic.Tests.Wire;

public class PacketNumberCodecTests
{
    /// <summary>The first two: RFC 9000 appendix A.2. The others stand at the edges of section 17.1's rule.</summary>
    [Theory]
    [InlineData(0xac5c02, 0xabe8b3UL, 2)]
    [InlineData(0xace8fe, 0xabe8b3UL, 3)]
    [InlineData(0, null, 1)]
    [InlineData(127, null, 1)]
    [InlineData(128, null, 2)]
    [InlineData(228, 100UL, 1)]
    [InlineData(229, 100UL, 2)]
    [InlineData(100 + 0x8000, 100UL, 2)]
    [InlineData(101 + 0x8000, 100UL, 3)]
    [InlineData(100 + 0x80_0000, 100UL, 3)]
    [InlineData(101 + 0x80_0000, 100UL, 4)]
    public void A_number_takes_as_many_bytes_as_the_peer_needs(ulong number, ulong? largestAcked, int expected) =>
        Assert.Equal(expected, PacketNumberCodec.LengthFor(number, largestAcked));

    /// <summary>The first: RFC 9000 appendix A.3. The others: nothing received yet, and the ends of the range and of a window.</summary>
    [Theory]
    [InlineData(0xa82f30eaUL, 0x9b32, 2, 0xa82f9b32)]
    [InlineData(null, 0x00, 1, 0x00)]
    [InlineData(null, 0xff, 1, 0xff)]
    [InlineData(0UL, 0xff, 1, 0xff)]
    [InlineData((1UL << 62) - 2, 0x00, 1, (1UL << 62) - 256)]
    [InlineData((1UL << 62) - 2, 0xff, 1, (1UL << 62) - 1)]
    [InlineData(0x1ffUL, 0x80, 1, 0x280)]
    [InlineData(0x1ffUL, 0x81, 1, 0x181)]
    [InlineData(0x27fUL, 0x00, 1, 0x300)]
    [InlineData(0x27eUL, 0xff, 1, 0x2ff)]
    public void A_number_is_the_one_closest_to_the_next_expected(ulong? largestReceived, ulong truncated, int length, ulong expected) =>
        Assert.Equal(expected, PacketNumberCodec.Decode(largestReceived, truncated, length));

    [Fact]
    public void A_number_comes_back_whatever_the_peer_has_received_since_its_last_acknowledgement() =>
        Gen.Select(WireGen.VarInt, Gen.ULong[1, 1UL << 31], Gen.Double[0, 1]).Sample((anyAcked, inFlight, share) =>
        {
            ulong acked = Math.Min(anyAcked, VarInt.MaxValue - inFlight);
            ulong number = acked + inFlight;
            ulong received = acked + (ulong)(share * (inFlight - 1));
            int length = PacketNumberCodec.LengthFor(number, acked);

            var w = new WireWriter(new byte[PacketNumberCodec.MaxLength]);
            PacketNumberCodec.Write(ref w, number, length);
            ulong truncated = PacketNumberCodec.ReadTruncated(w.Written);

            Assert.Equal(length, w.Position);
            Assert.Equal(number, PacketNumberCodec.Decode(received, truncated, length));
        });

    [Fact]
    public void Any_bytes_decode_to_a_number_that_ends_in_them() =>
        Gen.Select(WireGen.VarInt, Gen.Int[1, 4], Gen.ULong).Sample((anyReceived, length, random) =>
        {
            ulong received = Math.Min(anyReceived, VarInt.MaxValue - 1);
            ulong window = 1UL << (8 * length);
            ulong truncated = random & (window - 1);

            ulong number = PacketNumberCodec.Decode(received, truncated, length);

            Assert.Equal(truncated, number & (window - 1));
            Assert.True(number <= VarInt.MaxValue);
            ulong expected = received + 1;
            ulong distance = Math.Max(number, expected) - Math.Min(number, expected);
            Assert.True(
                distance <= window / 2 || number < window || number > VarInt.MaxValue - window,
                $"{distance} away from the expected one");
        });
}
