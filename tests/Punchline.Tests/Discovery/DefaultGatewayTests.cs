using Punchline.Discovery;
using Punchline.Quic;
using Punchline.Tests.Udp;
using Xunit;

namespace Punchline.Tests.Discovery;

/// <summary>The router on the way out, as Linux writes it down.</summary>
public sealed class DefaultGatewayTests
{
    private const string Head = "Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT";
    private const string Lan = "eth0\t0001A8C0\t00000000\t0001\t0\t0\t100\t00FFFFFF\t0\t0\t0";
    private const string Wired = "eth0\t00000000\t0101A8C0\t0003\t0\t0\t100\t00000000\t0\t0\t0";
    private const string Wireless = "wlan0\t00000000\t0102A8C0\t0003\t0\t0\t600\t00000000\t0\t0\t0";
    private const string Tunnel = "tun0\t00000000\t00000000\t0001\t0\t0\t50\t00000000\t0\t0\t0";

    [Theory]
    [InlineData("192.168.1.1", Head, Lan, Wired)]
    [InlineData("192.168.1.1", Head, Wired, Wireless)]
    [InlineData("192.168.1.1", Wireless, Wired)]
    [InlineData("192.168.2.1", Wireless)]
    [InlineData(null, Head, Lan)]
    [InlineData(null, Wired, Tunnel)] // what goes through the tunnel meets no router of ours
    [InlineData(null, "eth0\t00000000", "", "\t\t\t\t\t\t\t\t", "x\t00000000\tZZ\t0003\t0\t0\t0\t00000000")]
    public void The_default_route_with_the_smallest_metric_counts(string? gateway, params string[] lines) =>
        Assert.Equal(gateway is null ? default : UdpTestPlatforms.Address(gateway), DefaultGateway.FromLinuxRoutes(lines));

    [Fact]
    public void This_machine_has_one_or_none()
    {
        UdpAddress found = DefaultGateway.Find();
        Assert.True(found.IsNone || (found.IsIPv4 && !found.IsUnspecified));
    }
}
