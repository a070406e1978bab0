using Punchline.PortMapping.NatPmp;
using Punchline.Tests.Udp;
using Xunit;

namespace Punchline.Tests.PortMapping;

/// <summary>NAT-PMP's layouts (RFC 6886 sections 3.2 to 3.5).</summary>
public sealed class NatPmpMessageTests
{
    [Fact]
    public void Requests_are_as_in_the_RFC()
    {
        Assert.Equal("0000", Convert.ToHexStringLower(NatPmpMessage.AddressRequest()));
        Assert.Equal("000100009eca9ecb000004b0", Convert.ToHexStringLower(NatPmpMessage.MapRequest(40650, 40651, 1200)));
        Assert.Equal("000100009eca000000000000", Convert.ToHexStringLower(NatPmpMessage.MapRequest(40650, 0, 0)));
    }

    [Fact]
    public void Answers_are_read()
    {
        Assert.True(NatPmpMessage.TryReadAddress(Convert.FromHexString("0080000000003039c6145102"), out NatPmpAddress address));
        Assert.Equal(new NatPmpAddress(NatPmpResult.Success, 12345, UdpTestPlatforms.Address("198.20.81.2")), address);
        Assert.True(NatPmpMessage.TryReadMapping(Convert.FromHexString("00810000000030399eca9ecb00000e10"), out NatPmpMapping mapping));
        Assert.Equal(new NatPmpMapping(NatPmpResult.Success, 12345, 40650, 40651, 3600), mapping);
    }

    [Theory]
    [InlineData("008000030000303900000000", NatPmpResult.NetworkFailure)]
    [InlineData("0080000500003039", NatPmpResult.UnsupportedOpcode)]
    [InlineData("0080ffff00003039", (NatPmpResult)0xffff)]
    public void A_failure_is_read_even_when_it_is_cut_off_behind_the_epoch(string answer, object result)
    {
        Assert.True(NatPmpMessage.TryReadAddress(Convert.FromHexString(answer), out NatPmpAddress address));
        Assert.Equal(result, address.Result);
        Assert.Equal(12345u, address.Epoch);
        Assert.True(address.Address.IsNone);
    }

    [Theory]
    [InlineData("")]
    [InlineData("0080")]
    [InlineData("008000000000303901020304ff", true)] // longer is read
    [InlineData("0080000000003039010203")]
    [InlineData("0280000000003039c6145102")] // PCP
    [InlineData("0000000000003039c6145102")] // a request
    [InlineData("0081000000003039c6145102")] // another opcode
    public void What_is_no_answer_is_not_read(string answer, bool read = false) =>
        Assert.Equal(read, NatPmpMessage.TryReadAddress(Convert.FromHexString(answer), out _));

    [Fact]
    public void A_mapping_that_is_cut_off_is_none()
    {
        byte[] whole = Convert.FromHexString("00810000000030399eca9ecb00000e10");
        for (int length = 0; length < whole.Length; length++)
            Assert.False(NatPmpMessage.TryReadMapping(whole.AsSpan(0, length), out _));
    }
}
