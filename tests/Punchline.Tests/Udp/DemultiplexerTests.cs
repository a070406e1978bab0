using Punchline.Tests.Stun;
using Punchline.Udp;
using Xunit;

namespace Punchline.Tests.Udp;

/// <summary>Which protocol a datagram belongs to, by its first bytes.</summary>
public sealed class DemultiplexerTests
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
                >= 0x40 and <= 0x7f or >= 0xc0 => DatagramKind.Quic,
                _ => DatagramKind.Unknown,
            };
            Assert.Equal(expected, Demultiplexer.Classify(datagram));
        }
    }

    [Fact]
    public void Without_its_cookie_or_its_header_it_is_not_STUN()
    {
        byte[] datagram = (byte[])StunVectors.Request.Clone();
        datagram[7] ^= 1;
        Assert.Equal(DatagramKind.Unknown, Demultiplexer.Classify(datagram));
        Assert.Equal(DatagramKind.Unknown, Demultiplexer.Classify(StunVectors.Request.AsSpan(0, 19)));
        Assert.Equal(DatagramKind.Unknown, Demultiplexer.Classify([]));
        Assert.Equal(DatagramKind.Relay, Demultiplexer.Classify([0x20]));
        Assert.Equal(DatagramKind.Quic, Demultiplexer.Classify([0x40]));
        Assert.Equal(DatagramKind.Unknown, Demultiplexer.Classify([0x80]));
    }
}
