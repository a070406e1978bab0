using Punchline.Lab.Driver;
using Punchline.Lab.Fixtures;
using Punchline.Lab.Scenes;

namespace Punchline.Lab.Connectivity;

/// <summary>A host with IPv4 and IPv6 at a server with both, and a friend who has no IPv6: what IPv4's NATs need is done all the same.</summary>
[Trait("Length", "Medium")]
public sealed class DualStackTests
{
    /// <summary>As most name servers give them: IPv6 first.</summary>
    private static readonly IReadOnlyList<string> BothFamilies =
        ["--advertise", $"{NatLab.ServerIpv6}", "--advertise", $"{NatLab.Server}", "--advertise", $"{NatLab.ServerSecond}"];

    [LabTheory]
    [InlineData("fw", "off")]
    [InlineData("off", "fw")]
    public async Task A_hard_NAT_is_met_though_one_side_has_IPv6(string hostIpv6, string clientIpv6)
    {
        await using var scene = await StartAsync("apdm-apdf", hostIpv6, "eim-apdf", clientIpv6);
        await using var echo = EchoServer.Start(scene.Lab, "a");
        var client = scene.Join();
        var (path, _) = await client.DirectAsync();
        Assert.StartsWith("198.18.", path.GetProperty("remote").GetString(), StringComparison.Ordinal);
        await EchoServer.CheckTcpAsync(scene.Lab, "b", await client.AddressAsync("echo"), bytes: 100_000);
    }

    [LabFact(Programs = "miniupnpd")]
    public async Task The_router_is_asked_for_a_port_of_IPv4_by_a_host_that_has_IPv6()
    {
        await using var scene = await StartAsync("apdm-apdf+upnp", "fw", "apdm-apdf", "off");
        await scene.Host.EventAsync("detail", 0, static found =>
            found.GetProperty("message").GetString()!.Contains("is open: a server's answer came through it", StringComparison.Ordinal));
        var (path, _) = await scene.Join().DirectAsync();
        Assert.StartsWith("198.20.81.2:", path.GetProperty("remote").GetString(), StringComparison.Ordinal);
    }

    [LabFact]
    public async Task Two_sides_with_IPv6_meet_there_where_IPv4_cannot()
    {
        await using var scene = await StartAsync("apdm-apdf", "fw", "apdm-apdf", "fw");
        var (path, _) = await scene.Join().DirectAsync();
        Assert.StartsWith("[2001:db8:", path.GetProperty("remote").GetString(), StringComparison.Ordinal);
    }

    private static Task<TunnelScene> StartAsync(string host, string hostIpv6, string client, string clientIpv6) => TunnelScene.StartAsync(new TunnelOptions
    {
        ServerArguments = BothFamilies,
        Lab = new NatLabOptions { ANat = host, AIpv6 = hostIpv6, BNat = client, BIpv6 = clientIpv6 },
    });
}
