using Punchline.Lab.Driver;
using Punchline.Lab.Fixtures;
using Punchline.Lab.Scenes;

namespace Punchline.Lab.Connectivity;

/// <summary>Behind a router that maps ports, by Debian's miniupnpd: two NATs that no punch passes become direct.</summary>
[Trait("Length", "Medium")]
public sealed class PortMappingTests
{
    private const string Router = "miniupnpd";

    [LabTheory(Programs = Router)]
    [InlineData("upnp", "PCP")]
    [InlineData("pcp", "PCP")]
    [InlineData("natpmp", "NAT-PMP")]
    [InlineData("igd", "UPnP")]
    public async Task Each_protocol_makes_a_symmetric_pair_direct_and_is_given_back(string modifier, string protocol)
    {
        await using var scene = await StartAsync("apdm-apdf+" + modifier);
        await using var echo = EchoServer.Start(scene.Lab, "a");
        await DetailAsync(scene.Host, $"{protocol} at 192.168.1.1 maps 198.20.81.2:");
        await DetailAsync(scene.Host, "is open: a server's answer came through it");
        Assert.Equal(1, await MappedAsync(scene.Lab));

        var client = scene.Join();
        var (path, _) = await client.DirectAsync();
        Assert.StartsWith("198.20.81.2:", path.GetProperty("remote").GetString(), StringComparison.Ordinal);
        await EchoServer.CheckTcpAsync(scene.Lab, "b", await client.AddressAsync("echo"), bytes: 1_000_000);

        await scene.Host.SignalAsync("TERM");
        (await scene.Host.ExitAsync()).Ok();
        Assert.Equal(0, await MappedAsync(scene.Lab));
    }

    [LabFact(Programs = Router)]
    public async Task A_client_has_its_port_mapped_as_well()
    {
        await using var scene = await StartAsync("apdm-apdf", "apdm-apdf+upnp");
        await using var echo = EchoServer.Start(scene.Lab, "a");
        var client = await scene.JoinDirectAsync();
        await EchoServer.CheckTcpAsync(scene.Lab, "b", await client.AddressAsync("echo"), bytes: 100_000);
        await client.StopAsync();
        Assert.Equal(0, await MappedAsync(scene.Lab, "rb"));
    }

    [LabFact(Programs = Router)]
    public async Task A_mapping_is_renewed_and_that_of_a_killed_host_ends_by_itself()
    {
        await using var scene = await StartAsync("apdm-apdf+pcp+lease10");
        await DetailAsync(scene.Host, "maps 198.20.81.2:");
        Assert.Equal(1, await MappedAsync(scene.Lab));
        // More than two lifetimes later it still stands.
        await Task.Delay(TimeSpan.FromSeconds(25), TestContext.Current.CancellationToken);
        Assert.Equal(1, await MappedAsync(scene.Lab));

        await scene.Host.SignalAsync("KILL");
        await scene.Host.ExitAsync();
        Assert.Equal(1, await MappedAsync(scene.Lab));
        while (await MappedAsync(scene.Lab) != 0)
            await Task.Delay(TimeSpan.FromSeconds(1), TestContext.Current.CancellationToken);
    }

    [LabFact(Programs = Router)]
    public async Task A_second_NAT_beyond_the_router_is_noticed_and_nothing_stays_mapped()
    {
        await using var scene = await TunnelScene.StartAsync(new TunnelOptions
        {
            Verbose = true,
            Lab = new NatLabOptions { ANat = "eim-apdf+upnp", ACarrierNat = "eim-apdf", BNat = "eim-apdf" },
        });
        await scene.Host.EventAsync("notice", 0, found => Message(found).Contains("there is another NAT beyond the router", StringComparison.Ordinal));
        foreach (var protocol in (string[])["PCP", "NAT-PMP", "UPnP"])
            await DetailAsync(scene.Host, $"{protocol} at 192.168.1.1 maps 198.20.81.9:");
        await using var echo = EchoServer.Start(scene.Lab, "a");
        var client = await scene.JoinDirectAsync();
        await EchoServer.CheckTcpAsync(scene.Lab, "b", await client.AddressAsync("echo"), bytes: 100_000);
        Assert.Equal(0, await MappedAsync(scene.Lab));
    }

    [LabFact(Programs = Router)]
    public async Task A_mapped_port_that_is_not_open_is_noticed()
    {
        await using var scene = await StartAsync("apdm-apdf+natpmp");
        await scene.Host.SignalAsync("TERM");
        (await scene.Host.ExitAsync()).Ok();
        // The router says yes, and something before it lets nothing through that was not asked for.
        await scene.Lab.RunAsync("ra", ["nft", "add table inet shut; add chain inet shut in { type filter hook prerouting priority -150; };"
            + " add rule inet shut in iifname \"wan*\" meta l4proto udp ct state new drop"]);
        await scene.StartHostAsync();
        await scene.Host.EventAsync("notice", 0, found => Message(found).Contains("nothing comes through", StringComparison.Ordinal));
        await DetailAsync(scene.Host, "is gone: it is not true");
    }

    [LabFact(Programs = Router)]
    public async Task Told_not_to_it_asks_no_router()
    {
        await using var scene = await TunnelScene.StartAsync(new TunnelOptions
        {
            HostArguments = ["--no-port-mapping"],
            Lab = new NatLabOptions { ANat = "eim-apdf+upnp", BNat = "eim-apdf" },
        });
        await using var echo = EchoServer.Start(scene.Lab, "a");
        var client = await scene.JoinDirectAsync();
        await EchoServer.CheckTcpAsync(scene.Lab, "b", await client.AddressAsync("echo"), bytes: 100_000);
        Assert.Equal(0, await MappedAsync(scene.Lab));
    }

    private static Task<TunnelScene> StartAsync(string a, string b = "apdm-apdf") =>
        TunnelScene.StartAsync(new TunnelOptions { Verbose = true, Lab = new NatLabOptions { ANat = a, BNat = b } });

    private static Task<System.Text.Json.JsonElement> DetailAsync(ChildProcess process, string text) =>
        process.EventAsync("detail", 0, found => Message(found).Contains(text, StringComparison.Ordinal));

    private static string Message(System.Text.Json.JsonElement found) => found.GetProperty("message").GetString()!;

    /// <summary>UDP ports that miniupnpd has mapped.</summary>
    private static async Task<int> MappedAsync(NatLab lab, string router = "ra") =>
        (await lab.RunAsync(router, ["nft", "list", "chain", "inet", "upnp", "upnp-map"])).Split("dnat").Length - 1;
}
