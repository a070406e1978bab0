using System.Globalization;
using Punchline.Lab.Driver;
using Punchline.Lab.Fixtures;
using Punchline.Lab.Scenes;

namespace Punchline.Lab.Connectivity;

/// <summary>Pairs of NATs that plain probing does not join, with the built program: each method once, and the birthday method often.</summary>
public sealed class HardNatTests
{
    /// <summary>So that a NAT with a mapping for each address is told from one with a mapping for all.</summary>
    internal static readonly IReadOnlyList<string> TwoAddresses = ["--advertise", $"{NatLab.Server}", "--advertise", $"{NatLab.ServerSecond}"];

    /// <summary>Flows that a router may hold at any time.</summary>
    private const int MostFlows = 1_400;

    [LabTheory]
    [Trait("Length", "Medium")]
    [InlineData("seq-apdf", "eim-apdf", "Exchange")]
    [InlineData("linux", "seq-apdf", "Exchange")]
    [InlineData("seq-apdf", "seq-apdf", "Exchange")]
    [InlineData("apdm-apdf", "eim-apdf", "HostOpens")]
    [InlineData("linux", "apdm-adf", "ClientOpens")]
    [InlineData("adm-apdf", "fw", "HostOpens")]
    [InlineData("linux+nofw", "apdm-apdf", "ClientOpens")]
    public async Task Hard_NATs_meet_by_the_method_for_them(string a, string b, string method)
    {
        await using var scene = await StartAsync(a, b);
        await using var echo = EchoServer.Start(scene.Lab, "a");
        var client = await scene.JoinDirectAsync();
        await EchoServer.CheckTcpAsync(scene.Lab, "b", await client.AddressAsync("echo"), bytes: 100_000);
        Assert.Contains(method, MethodsOf(client));
    }

    // Which packet is first at a router that takes unexpected ones is chance; one of these methods has to win whatever it is.
    [LabTheory]
    [Trait("Length", "Medium")]
    [InlineData("linux+nofw", "linux")]
    [InlineData("linux", "linux+nofw")]
    [InlineData("linux+nofw", "linux+nofw")]
    public async Task A_router_that_takes_unexpected_packets_is_met_in_both_roles(string a, string b)
    {
        await using var scene = await TunnelScene.StartAsync(new TunnelOptions
        {
            Lab = new NatLabOptions { ANat = a, BNat = b, Wires = true }, ServerArguments = TwoAddresses,
        });
        await scene.Lab.DelayAsync("a", 15);
        await scene.Lab.DelayAsync("b", 25);
        await scene.JoinDirectAsync();
    }

    [LabFact]
    [Trait("Length", "Medium")]
    public async Task A_server_of_one_address_does_for_a_port_that_is_another_for_each_peer()
    {
        await using var scene = await TunnelScene.StartAsync(new TunnelOptions { Lab = new NatLabOptions { ANat = "apdm-apdf", BNat = "eim-apdf" } });
        await scene.JoinDirectAsync();
    }

    [LabTheory]
    [Trait("Length", "Medium")]
    [InlineData(true)]
    [InlineData(false)]
    public async Task With_no_spray_on_either_side_no_port_is_guessed(bool atHost)
    {
        await using var scene = await TunnelScene.StartAsync(new TunnelOptions
        {
            Lab = new NatLabOptions { ANat = "apdm-apdf", BNat = "eim-apdf" },
            ServerArguments = TwoAddresses,
            HostArguments = atHost ? ["--no-spray"] : [],
        });
        var client = atHost ? scene.Join() : scene.Join("b", "--no-spray");
        // Said when some seconds have brought no direct path: an attempt would have begun by then.
        await client.Process.EventAsync("relayed");
        foreach (var router in new[] { "ra", "rb" })
            Assert.InRange(await scene.Lab.FlowsAsync(router), 1, 60);
    }

    [LabFact]
    [Trait("Length", "Long")]
    public async Task Of_forty_birthday_pairs_36_are_direct_within_12_seconds_and_no_router_holds_more_than_1400_flows()
    {
        (string A, string B)[] pairs = [("apdm-apdf", "eim-apdf"), ("linux", "apdm-apdf"), ("apdm-adf", "linux+nofw"), ("fw", "apdm-apdf")];
        const int Runs = 40;
        var times = new List<double>();
        var most = 0;
        var table = "| run | a (host) | b (client) | direct after s | most flows ra | most flows rb |\n|---|---|---|---|---|---|\n";
        for (var run = 0; run < Runs; run++)
        {
            var (a, b) = pairs[run % pairs.Length];
            await using var scene = await StartAsync(a, b);
            var client = scene.Join();
            var direct = client.DirectAsync();
            int[] flows = [0, 0];
            // Sampled until some time after the direct path stands: what is on its way then counts, too.
            while (!direct.IsCompleted)
                await CountAsync(scene, flows);
            await CountAsync(scene, flows);
            var seconds = (await direct).Elapsed.TotalSeconds;
            times.Add(seconds);
            most = Math.Max(most, flows.Max());
            table += string.Create(CultureInfo.InvariantCulture, $"| {run + 1} | {a} | {b} | {seconds:0.0} | {flows[0]} | {flows[1]} |\n");
        }
        times.Sort();
        table += string.Create(CultureInfo.InvariantCulture, $"\nmedian {times[Runs / 2]:0.0} s, {times.Count(s => s <= 12)} of {Runs} within 12 s, most flows {most}\n");
        Measured.Write("birthday.md", table);
        Assert.True(times.Count(seconds => seconds <= 12) >= 36, table);
        Assert.True(most <= MostFlows, table);
    }

    private static async Task CountAsync(TunnelScene scene, int[] most)
    {
        most[0] = Math.Max(most[0], await scene.Lab.FlowsAsync("ra"));
        most[1] = Math.Max(most[1], await scene.Lab.FlowsAsync("rb"));
        await Task.Delay(200, TestContext.Current.CancellationToken);
    }

    private static Task<TunnelScene> StartAsync(string a, string b) =>
        TunnelScene.StartAsync(new TunnelOptions { Lab = new NatLabOptions { ANat = a, BNat = b }, ServerArguments = TwoAddresses });

    private static string MethodsOf(TunnelClient client) =>
        string.Join('\n', client.Process.Output.Lines.Where(line => line.Contains("by method", StringComparison.Ordinal)));
}
