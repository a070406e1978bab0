using CsCheck;
using Punchline.Quic.Wire;
using Xunit;

namespace Punchline.Quic.Tests.Wire;

public class VarIntTests
{
    /// <summary>RFC 9000 appendix A.1; the last is the longer encoding of the one before it.</summary>
    [Theory]
    [InlineData("c2197c5eff14e88c", 151288809941952652UL)]
    [InlineData("9d7f3e7d", 494878333UL)]
    [InlineData("7bbd", 15293UL)]
    [InlineData("25", 37UL)]
    [InlineData("4025", 37UL)]
    public void Reads_the_samples_of_the_RFC(string hex, ulong expected)
    {
        byte[] bytes = Hex.Bytes(hex);

        Assert.True(VarInt.TryRead(bytes, out ulong value, out int length));

        Assert.Equal(expected, value);
        Assert.Equal(bytes.Length, length);
    }

    [Theory]
    [InlineData(0UL, "00")]
    [InlineData(63UL, "3f")]
    [InlineData(64UL, "4040")]
    [InlineData(16383UL, "7fff")]
    [InlineData(16384UL, "80004000")]
    [InlineData(1073741823UL, "bfffffff")]
    [InlineData(1073741824UL, "c000000040000000")]
    [InlineData(VarInt.MaxValue, "ffffffffffffffff")]
    public void Writes_the_shortest_encoding(ulong value, string expected)
    {
        byte[] bytes = new byte[VarInt.MaxLength];

        int length = VarInt.Write(bytes, value);

        Assert.Equal(expected, Hex.Text(bytes.AsSpan(0, length)));
        Assert.Equal(length, VarInt.Length(value));
    }

    [Fact]
    public void Reads_what_it_wrote_at_every_length_that_holds_it() => WireGen.VarInt.Sample(value =>
    {
        for (int length = VarInt.Length(value); length <= VarInt.MaxLength; length *= 2)
        {
            byte[] bytes = new byte[length];
            VarInt.Write(bytes, value, length);
            Assert.True(VarInt.TryRead(bytes, out ulong read, out int readLength));
            Assert.Equal(value, read);
            Assert.Equal(length, readLength);
            for (int cut = 0; cut < length; cut++)
                Assert.False(VarInt.TryRead(bytes.AsSpan(0, cut), out _, out _));
        }
    });

    [Fact]
    public void Refuses_to_write_what_has_no_encoding()
    {
        Assert.Throws<ArgumentOutOfRangeException>(() => VarInt.Write(new byte[8], VarInt.MaxValue + 1));
        Assert.Throws<ArgumentOutOfRangeException>(() => VarInt.Write(new byte[8], 64, 1));
        Assert.Throws<ArgumentOutOfRangeException>(() => VarInt.Write(new byte[8], 1, 3));
    }
}
