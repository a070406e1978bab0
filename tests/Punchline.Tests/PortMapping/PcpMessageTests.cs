using Punchline.PortMapping.Pcp;
using Punchline.Quic;
using Punchline.Tests.Udp;
using Xunit;

namespace Punchline.Tests.PortMapping;

/// <summary>PCP's layouts (RFC 6887 sections 7.1, 7.2, 11.1), and the samples of a real server.</summary>
public sealed class PcpMessageTests
{
    private const ushort Port = 40650;

    private const string Header = "02010000000004b0" + "00000000000000000000ffffc0a80102";
    private const string Map = "f4864d51105ee71a21e4857f110000009eca9eca";

    /// <summary>What miniupnpd 2.3.1 answered to that.</summary>
    private const string Answer = "02810000000004b000009067000000000000000000000000" + Map + "00000000000000000000ffffc6145102";

    private static readonly UdpAddress Client = UdpTestPlatforms.Address("192.168.1.2");
    private static readonly PcpNonce Nonce = new(0xf4864d51105ee71a, 0x21e4857f);

    [Fact]
    public void Requests_are_as_in_the_RFC()
    {
        Assert.Equal(
            "020000000000000000000000000000000000ffffc0a80102", Convert.ToHexStringLower(PcpMessage.AnnounceRequest(Client)));
        Assert.Equal(
            Header + Map + "00000000000000000000ffff00000000",
            Convert.ToHexStringLower(PcpMessage.MapRequest(Client, Nonce, Port, UdpTestPlatforms.Address("0.0.0.0", Port), 1200)));
        Assert.Equal(
            "0201000000000000" + "00000000000000000000ffffc0a80102" + Map + "00000000000000000000ffffc6145102",
            Convert.ToHexStringLower(PcpMessage.MapRequest(Client, Nonce, Port, UdpTestPlatforms.Address("198.20.81.2", Port), 0)));
    }

    [Fact]
    public void A_mapping_is_read()
    {
        Assert.True(PcpMessage.TryReadMap(Convert.FromHexString(Answer), Nonce, Port, out PcpAnswer answer));
        Assert.Equal(new PcpAnswer(PcpResult.Success, 1200, 36967, UdpTestPlatforms.Address("198.20.81.2", Port)), answer);
    }

    [Fact]
    public void Options_behind_it_do_not_matter()
    {
        Assert.True(PcpMessage.TryReadMap(Convert.FromHexString(Answer + "8000000461626364"), Nonce, Port, out PcpAnswer answer));
        Assert.Equal(PcpResult.Success, answer.Result);
    }

    [Fact]
    public void Another_nonce_port_protocol_or_opcode_is_no_answer()
    {
        byte[] answer = Convert.FromHexString(Answer);
        Assert.False(PcpMessage.TryReadMap(answer, Nonce with { Low = 0 }, Port, out _));
        Assert.False(PcpMessage.TryReadMap(answer, Nonce, Port + 1, out _));
        foreach (int at in (int[])[0, 1, 24, 35, 36, 40])
        {
            answer[at] ^= 0x04;
            Assert.False(PcpMessage.TryReadMap(answer, Nonce, Port, out _), $"byte {at}");
            answer[at] ^= 0x04;
        }
    }

    [Fact]
    public void What_is_cut_off_or_too_long_is_no_answer()
    {
        byte[] answer = Convert.FromHexString(Answer);
        for (int length = 0; length < answer.Length; length++)
            Assert.False(PcpMessage.TryReadMap(answer.AsSpan(0, length), Nonce, Port, out _));
        Assert.False(PcpMessage.TryReadMap([.. answer, 0], Nonce, Port, out _));
        Assert.False(PcpMessage.TryReadMap([.. answer, .. new byte[1044]], Nonce, Port, out _));
    }

    [Fact]
    public void A_refusal_may_be_the_header_alone()
    {
        byte[] refusal = Convert.FromHexString("028100020000003c00009067000000000000000000000000");
        Assert.True(PcpMessage.TryReadMap(refusal, Nonce, Port, out PcpAnswer answer));
        Assert.Equal(new PcpAnswer(PcpResult.NotAuthorized, 60, 36967, default), answer);
        Assert.False(PcpMessage.TryReadAnnounce(refusal, out _));
    }

    [Theory]
    [InlineData("0080000100000000")]
    [InlineData("00810001000000000000000000000000")]
    public void A_server_of_NAT_PMP_alone_does_not_know_the_version(string told)
    {
        Assert.True(PcpMessage.TryReadMap(Convert.FromHexString(told), Nonce, Port, out PcpAnswer answer));
        Assert.Equal(PcpResult.UnsupportedVersion, answer.Result);
        Assert.True(PcpMessage.TryReadAnnounce(Convert.FromHexString(told), out answer));
        Assert.Equal(PcpResult.UnsupportedVersion, answer.Result);
    }
}
