using Punchline.PortMapping;
using Punchline.Quic;
using Punchline.Tests.Udp;
using Xunit;

namespace Punchline.Tests.PortMapping;

/// <summary>Which mapped addresses are believed.</summary>
public sealed class MappingVerdictTests
{
    [Theory]
    [InlineData("198.51.100.7:40000", "198.51.100.7:1234", MappingVerdict.Believed)]
    [InlineData("198.51.100.7:40000", "", MappingVerdict.Believed)]
    [InlineData("198.51.100.7:40000", "198.51.100.8:40000", MappingVerdict.Elsewhere)]
    [InlineData("10.1.2.3:40000", "198.51.100.8:1234", MappingVerdict.Private)]
    [InlineData("192.168.5.1:40000", "", MappingVerdict.Private)]
    [InlineData("100.127.255.254:40000", "198.51.100.8:1234", MappingVerdict.Private)]
    [InlineData("100.128.0.1:40000", "198.51.100.8:1234", MappingVerdict.Elsewhere)]
    [InlineData("100.64.1.2:40000", "198.51.100.8:1234", MappingVerdict.Private)]
    [InlineData("169.254.1.2:40000", "", MappingVerdict.Impossible)]
    [InlineData("10.1.2.3:40000", "10.1.2.3:1234", MappingVerdict.Believed)] // the server is in that network
    [InlineData("0.0.0.0:40000", "", MappingVerdict.Impossible)]
    [InlineData("127.0.0.1:40000", "", MappingVerdict.Impossible)]
    [InlineData("224.0.0.1:40000", "", MappingVerdict.Impossible)]
    [InlineData("255.255.255.255:40000", "", MappingVerdict.Impossible)]
    [InlineData("198.51.100.7:1023", "198.51.100.7:1234", MappingVerdict.Impossible)]
    [InlineData("198.51.100.7:1024", "198.51.100.7:1234", MappingVerdict.Believed)]
    public void Servers_decide_and_not_the_router(string external, string reflexive, object verdict) =>
        Assert.Equal(verdict, MappingVerdicts.Of(Parse(external), Parse(reflexive)));

    private static UdpAddress Parse(string text) => text.Split(':') is [var host, var port]
        ? UdpTestPlatforms.Address(host, int.Parse(port, System.Globalization.CultureInfo.InvariantCulture))
        : default;
}
