using Punchline.Quic.Paths;
using Xunit;

namespace Punchline.Quic.Tests.Paths;

/// <summary>Where a peer cannot send us (RFC 9000 section 21.5; docs/wire/punch.md).</summary>
public sealed class CandidateRulesTests
{
    private static readonly UdpAddress Own = UdpAddress.FromBytes([198, 51, 100, 7], 0, 5000);

    [Theory]
    [InlineData("203.0.113.9", 4433, true, "any address")]
    [InlineData("203.0.113.9", 53, false, "a port of services")]
    [InlineData("203.0.113.9", 1023, false, "the last of these")]
    [InlineData("203.0.113.9", 1024, true, "the first beyond")]
    [InlineData("127.0.0.1", 4433, false, "loopback")]
    [InlineData("::1", 4433, false, "loopback")]
    [InlineData("224.0.0.1", 4433, false, "multicast")]
    [InlineData("ff02::1", 4433, false, "multicast")]
    [InlineData("255.255.255.255", 4433, false, "broadcast")]
    [InlineData("0.0.0.0", 4433, false, "unspecified")]
    [InlineData("::", 4433, false, "unspecified")]
    [InlineData("fe80::1", 4433, false, "link-local, of no link of ours")]
    [InlineData("198.51.100.7", 5000, false, "our own")]
    [InlineData("10.0.0.1", 4433, true, "private: counted, not forbidden")]
    public void Only_what_could_be_a_peer_is_probed(string address, int port, bool probed, string why) =>
        Assert.True(probed == (CandidateRules.Judge(Parse(address, port), new Network(allowsLoopback: false)) == CandidateVerdict.Probe), why);

    [Fact]
    public void Loopback_is_for_those_whose_server_is_on_loopback() =>
        Assert.Equal(CandidateVerdict.Probe, CandidateRules.Judge(Parse("127.0.0.1", 4433), new Network(allowsLoopback: true)));

    private static UdpAddress Parse(string address, int port) =>
        UdpAddress.FromBytes(System.Net.IPAddress.Parse(address).GetAddressBytes(), 0, (ushort)port);

    private sealed class Network(bool allowsLoopback) : ILocalNetwork
    {
        public bool AllowsLoopback => allowsLoopback;

        public bool IsOnLink(UdpAddress address) => false;

        public bool IsOwn(UdpAddress address) => address == Own;
    }
}
