using Punchline.Stun;
using Xunit;

namespace Punchline.Tests.Stun;

/// <summary>Which protocol a datagram belongs to, by its first bytes.</summary>
public sealed class StunDemuxTests
{
    [Fact]
    public void Every_first_byte_has_its_place()
    {
        for (int first = 0; first < 256; first++)
        {
            byte[] datagram = (byte[])StunVectors.Request.Clone();
            datagram[0] = (byte)first;
            DatagramKind expected = first switch
            {
                <= 3 => DatagramKind.Stun,
                >= 0x20 and <= 0x2f => DatagramKind.Relay,
                >= 0x40 => DatagramKind.Quic,
                _ => DatagramKind.Unknown,
            };
            Assert.Equal(expected, StunDemux.Classify(datagram));
        }
    }

    [Fact]
    public void Without_its_cookie_or_its_header_it_is_not_STUN()
    {
        byte[] datagram = (byte[])StunVectors.Request.Clone();
        datagram[7] ^= 1;
        Assert.Equal(DatagramKind.Unknown, StunDemux.Classify(datagram));
        Assert.Equal(DatagramKind.Unknown, StunDemux.Classify(StunVectors.Request.AsSpan(0, 19)));
        Assert.Equal(DatagramKind.Unknown, StunDemux.Classify([]));
        Assert.Equal(DatagramKind.Relay, StunDemux.Classify([0x20]));
        Assert.Equal(DatagramKind.Quic, StunDemux.Classify([0x40]));
    }
}
