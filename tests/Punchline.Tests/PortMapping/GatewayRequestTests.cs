using Punchline.PortMapping;
using Punchline.PortMapping.NatPmp;
using Punchline.Quic;
using Punchline.Tests.Udp;
using Xunit;

namespace Punchline.Tests.PortMapping;

/// <summary>One request to the router in virtual time: loss, lateness, duplicates, and others who answer.</summary>
public sealed class GatewayRequestTests
{
    private static readonly UdpAddress Router = UdpTestPlatforms.Address("192.168.1.1", NatPmpMessage.Port);
    private static readonly byte[] Answer = Convert.FromHexString("0080000000003039c6145102");

    private readonly GatewayRequest<NatPmpAddress> _request = new(Router, NatPmpMessage.AddressRequest(), NatPmpMessage.TryReadAddress);
    private readonly byte[] _buffer = new byte[64];

    [Fact]
    public void It_is_sent_again_with_growing_waits_and_given_up_at_last()
    {
        foreach (int time in (int[])[0, 250, 750, 1750])
        {
            Assert.Equal(At(time), _request.NextTimeout);
            Assert.False(time > 0 && _request.TryTransmit(At(time - 1), _buffer, out _));
            Assert.True(_request.TryTransmit(At(time), _buffer, out int length));
            Assert.Equal(2, length);
            Assert.False(_request.TryTransmit(At(time), _buffer, out _));
        }
        Assert.Equal(At(3750), _request.NextTimeout);
        Assert.False(_request.TryTransmit(At(3750), _buffer, out _));
        Assert.True(_request.IsDone);
        Assert.False(_request.IsAnswered);
        // Late: nobody waits for it any more.
        Assert.False(_request.TryReceive(At(3751), Router, Answer));
        Assert.Throws<InvalidOperationException>(() => _request.Answer);
    }

    [Fact]
    public void The_first_answer_counts_whichever_transmission_it_is_to()
    {
        _request.TryTransmit(At(0), _buffer, out _);
        _request.TryTransmit(At(250), _buffer, out _);
        Assert.True(_request.TryReceive(At(260), Router, Answer));
        Assert.True(_request.IsAnswered);
        Assert.Equal(At(260), _request.AnsweredAt);
        Assert.Equal(12345u, _request.Answer.Epoch);
        // The answer to the other transmission.
        Assert.False(_request.TryReceive(At(261), Router, Convert.FromHexString("0080000000000001c6145102")));
        Assert.Equal(12345u, _request.Answer.Epoch);
        Assert.False(_request.TryTransmit(At(10_000), _buffer, out _));
    }

    [Fact]
    public void Nobody_but_the_router_is_heard()
    {
        Assert.False(_request.TryReceive(At(0), Router, Answer));
        _request.TryTransmit(At(0), _buffer, out _);
        Assert.False(_request.TryReceive(At(1), Router.WithPort(5350), Answer));
        Assert.False(_request.TryReceive(At(1), UdpTestPlatforms.Address("192.168.1.7", NatPmpMessage.Port), Answer));
        Assert.False(_request.TryReceive(At(1), Router, [0, 1, 2]));
        Assert.False(_request.IsDone);
        Assert.Equal(At(250), _request.NextTimeout);
    }

    [Theory]
    // PCP (RFC 6887 section 8.5), as seconds later and as the server's seconds then.
    [InlineData(0, 1000, false, false)]
    [InlineData(600, 1600, false, false)]
    [InlineData(600, 1563, false, false)]
    [InlineData(600, 1560, true, false)]
    [InlineData(600, 1642, false, false)]
    [InlineData(600, 1644, true, false)]
    [InlineData(0, 999, false, false)]
    [InlineData(0, 998, true, false)]
    [InlineData(600, 0, true, true)]
    // NAT-PMP (RFC 6886 section 3.6): a clock that runs slow by an eighth is none that began anew.
    [InlineData(600, 1523, true, false)]
    [InlineData(600, 1522, true, true)]
    public void A_router_that_was_restarted_is_known_by_its_epoch(int seconds, uint epoch, bool pcp, bool natPmp)
    {
        var (one, other) = (new GatewayEpoch(), new GatewayEpoch());
        Assert.False(one.HasRestartedPcp(1000, At(5000)));
        Assert.False(other.HasRestartedNatPmp(1000, At(5000)));
        Assert.Equal(pcp, one.HasRestartedPcp(epoch, At(5000 + (seconds * 1000))));
        Assert.Equal(natPmp, other.HasRestartedNatPmp(epoch, At(5000 + (seconds * 1000))));
    }

    private static Instant At(int milliseconds) => Instant.Zero + TimeSpan.FromMilliseconds(milliseconds);
}
