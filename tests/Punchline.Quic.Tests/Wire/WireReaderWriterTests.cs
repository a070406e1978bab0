using Punchline.Quic.Wire;
using Xunit;

namespace Punchline.Quic.Tests.Wire;

public class WireReaderWriterTests
{
    [Fact]
    public void Numbers_are_big_endian_both_ways()
    {
        byte[] bytes = new byte[1 + 2 + 4 + 8 + 2 + 4 + 3];
        var w = new WireWriter(bytes);
        w.WriteByte(0x01);
        w.WriteUInt16(0x0203);
        w.WriteUInt32(0x04050607);
        w.WriteUInt64(0x08090a0b0c0d0e0f);
        w.WriteVarInt(0x1234);
        w.WriteVarInt(5, 4);
        w.WriteBytes([7, 8, 9]);
        Assert.Equal("01" + "0203" + "04050607" + "08090a0b0c0d0e0f" + "5234" + "80000005" + "070809", Hex.Text(w.Written));
        Assert.Equal(0, w.Remaining);

        var r = new WireReader(bytes);
        Assert.True(r.TryPeekByte(out byte peeked));
        Assert.True(r.TryReadByte(out byte b));
        Assert.True(r.TryReadUInt16(out ushort u16));
        Assert.True(r.TryReadUInt32(out uint u32));
        Assert.True(r.TryReadUInt64(out ulong u64));
        Assert.True(r.TryReadVarInt(out ulong v1));
        Assert.True(r.TryReadVarInt(out ulong v2));
        Assert.Equal(3, r.Remaining);
        Assert.True(r.TryReadBytes(3, out ReadOnlySpan<byte> rest));
        Assert.True(r.IsEmpty);
        Assert.Equal((0x01, 0x01, 0x0203, 0x04050607u, 0x08090a0b0c0d0e0ful, 0x1234ul, 5ul), (peeked, b, u16, u32, u64, v1, v2));
        Assert.Equal("070809", Hex.Text(rest));
    }

    [Fact]
    public void A_read_that_fails_leaves_the_position()
    {
        var r = new WireReader([0xc0]);

        Assert.False(r.TryReadUInt16(out _));
        Assert.False(r.TryReadUInt32(out _));
        Assert.False(r.TryReadUInt64(out _));
        Assert.False(r.TryReadVarInt(out _));
        Assert.False(r.TryReadBytes(2, out _));
        Assert.False(r.TryReadBytes(ulong.MaxValue, out _));
        Assert.Equal(0, r.Position);
        Assert.True(r.TryReadByte(out _));
        Assert.False(r.TryReadByte(out _));
        Assert.False(r.TryPeekByte(out _));
    }

    [Fact]
    public void Running_over_the_end_is_a_programming_error()
    {
        Assert.Throws<InvalidOperationException>(() => new WireWriter(new byte[3]).WriteUInt32(1));
        Assert.Throws<InvalidOperationException>(() => new WireWriter(new byte[3]).WriteBytes(new byte[4]));
        Assert.Throws<InvalidOperationException>(() => new WireWriter(new byte[3]).Reserve(-1));
        Assert.Throws<InvalidOperationException>(() => new WireReader(new byte[3]).Skip(4));
    }
}
