using Punchline.Discovery;
using Punchline.Doctor;
using Punchline.Tests.Udp;
using Xunit;

namespace Punchline.Tests.Doctor;

/// <summary>Whom the doctor sends to when it looks for hairpinning, whatever a server says.</summary>
public sealed class HairpinTestTests
{
    [Theory]
    [InlineData("203.0.113.9", 40_001, true)]
    [InlineData("203.0.113.9", 53, false)] // a service of our NAT's
    [InlineData("203.0.113.10", 40_001, false)] // somebody else
    public void A_server_aims_it_at_our_own_NAT_alone(string address, ushort port, bool expected) =>
        Assert.Equal(expected, MayCall(address, port, mapped: "203.0.113.9"));

    [Theory]
    [InlineData("127.0.0.1")]
    [InlineData("224.0.0.1")]
    [InlineData("240.0.0.1")]
    public void It_calls_nobody_whom_a_connection_would_not_probe(string mapped) => Assert.False(MayCall(mapped, 40_001, mapped));

    private static bool MayCall(string address, ushort port, string mapped)
    {
        var network = new LocalNetwork([new(UdpTestPlatforms.Address("192.168.1.10", 0), 24, "eth0", InterfaceKind.Physical)], allowsLoopback: false);
        return HairpinTest.MayCall(UdpTestPlatforms.Address(address, port), UdpTestPlatforms.Address(mapped, 40_000), network);
    }
}
