using Punchline.Quic.Wire;
using Xunit;

namespace Punchline.Quic.Tests.Wire;

public class FrameTypesTests
{
    /// <summary>
    /// RFC 9000 table 3: first type, last type, where (I Initial, H Handshake, 0 0-RTT, 1 1-RTT), and marks
    /// (N does not ask for an acknowledgement, P probes). RFC 9221 and docs/wire/punch.md add the last lines.
    /// </summary>
    [Theory]
    [InlineData(0x00, 0x00, "IH01", "NP")]
    [InlineData(0x01, 0x01, "IH01", "")]
    [InlineData(0x02, 0x03, "IH1", "N")]
    [InlineData(0x04, 0x05, "01", "")]
    [InlineData(0x06, 0x06, "IH1", "")]
    [InlineData(0x07, 0x07, "1", "")]
    [InlineData(0x08, 0x0f, "01", "")]
    [InlineData(0x10, 0x17, "01", "")]
    [InlineData(0x18, 0x18, "01", "P")]
    [InlineData(0x19, 0x19, "01", "")]
    [InlineData(0x1a, 0x1a, "01", "P")]
    [InlineData(0x1b, 0x1b, "1", "P")]
    [InlineData(0x1c, 0x1c, "IH01", "N")]
    [InlineData(0x1d, 0x1d, "01", "N")]
    [InlineData(0x1e, 0x1e, "1", "")]
    [InlineData(0x30, 0x31, "01", "")]
    [InlineData(0x31504300, 0x31504303, "1", "")]
    public void Types_are_as_in_the_table(ulong first, ulong last, string where, string marks)
    {
        for (ulong type = first; type <= last; type++)
        {
            Assert.True(FrameTypes.IsKnown(type));
            Assert.Equal(where.Contains('I'), FrameTypes.IsAllowedAt(type, EncryptionLevel.Initial));
            Assert.Equal(where.Contains('H'), FrameTypes.IsAllowedAt(type, EncryptionLevel.Handshake));
            Assert.Equal(where.Contains('0'), FrameTypes.IsAllowedAt(type, EncryptionLevel.ZeroRtt));
            Assert.Equal(where.Contains('1'), FrameTypes.IsAllowedAt(type, EncryptionLevel.Application));
            Assert.Equal(!marks.Contains('N'), FrameTypes.IsAckEliciting(type));
            Assert.Equal(marks.Contains('P'), FrameTypes.IsProbing(type));
        }
    }

    [Theory]
    [InlineData(0x1f)]
    [InlineData(0x2f)]
    [InlineData(0x32)]
    [InlineData(0x315042ff)]
    [InlineData(0x31504304)]
    public void Unknown_types_are_allowed_nowhere(ulong type)
    {
        Assert.False(FrameTypes.IsKnown(type));
        foreach (EncryptionLevel level in Enum.GetValues<EncryptionLevel>())
            Assert.False(FrameTypes.IsAllowedAt(type, level));
    }

    [Theory]
    [InlineData("01", 0x01, true)]
    [InlineData("4001", 0x01, false)]
    [InlineData("80000001", 0x01, false)]
    [InlineData("c000000000000001", 0x01, false)]
    [InlineData("b1504302", 0x31504302, true)]
    [InlineData("c000000031504302", 0x31504302, false)]
    public void A_type_says_whether_it_is_as_short_as_it_can_be(string hex, ulong expected, bool expectedMinimal)
    {
        var r = new WireReader(Hex.Bytes(hex));

        Assert.True(FrameTypes.TryReadType(ref r, out ulong type, out bool minimal));

        Assert.Equal(expected, type);
        Assert.Equal(expectedMinimal, minimal);
    }

    [Fact]
    public void A_type_cut_short_is_none()
    {
        var r = new WireReader(Hex.Bytes("b15043"));

        Assert.False(FrameTypes.TryReadType(ref r, out _, out bool minimal));
        Assert.False(minimal);
    }
}
