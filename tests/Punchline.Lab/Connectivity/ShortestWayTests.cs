using System.Globalization;
using System.Text.Json;
using Punchline.Lab.Driver;
using Punchline.Lab.Fixtures;
using Punchline.Lab.Scenes;

namespace Punchline.Lab.Connectivity;

/// <summary>Peers on one LAN, behind one carrier's NAT, with the same addresses, with VPNs: they find the shortest way, and no wrong one holds them up.</summary>
public sealed class ShortestWayTests
{
    /// <summary>Of each topology; the median is told.</summary>
    private const int Runs = 5;

    [LabTheory]
    [Trait("Length", "Medium")]
    [InlineData("one LAN that isolates, its router hairpins")]
    [InlineData("one carrier NAT that hairpins")]
    [InlineData("one carrier NAT that hairpins, the host's router maps a port")]
    [InlineData("a carrier NAT before each")]
    [InlineData("LANs with the same addresses, the peer's is a machine of ours")]
    [InlineData("the same virtual adapters on both sides")]
    [InlineData("a VPN between them, a little faster")]
    public async Task The_nearest_way_is_found(string name) => await MeetAsync(Topology.Of(name), runs: 1);

    [LabFact]
    [Trait("Length", "Long")]
    public async Task Every_topology_is_met_by_its_shortest_way()
    {
        var table = "| the two are in | direct to | first direct path (s) | the nearest one (s) | of these, first of all |\n|---|---|---|---|---|\n";
        foreach (var topology in Topology.All)
        {
            var found = await MeetAsync(topology, Runs);
            table += topology.Remote is null ? $"| {topology.Name} | – | | | |\n" : string.Create(CultureInfo.InvariantCulture,
                $"| {topology.Name} | {topology.Remote.TrimEnd(':')} | {Median(found.Select(one => one.First)):0.00} | {Median(found.Select(one => one.Nearest)):0.00} | {found.Count(one => one.First == one.Nearest)} of {Runs} |\n");
        }
        Measured.Write("shortest-way.md", table);
    }

    /// <summary>Joins so many times, each client one that was never there before; each ends on the way that it should.</summary>
    private static async Task<IReadOnlyList<(double First, double Nearest)>> MeetAsync(Topology topology, int runs)
    {
        await using var scene = await TunnelScene.StartAsync(new TunnelOptions { Lab = topology.Lab, Prepare = topology.Prepare });
        await using var echo = EchoServer.Start(scene.Lab, "a");
        await using var mapper = topology.MapsInside ? await MapInsideAsync(scene) : null;
        List<(double, double)> times = [];
        for (var run = 0; run < runs; run++)
        {
            var client = scene.Join();
            if (topology.Remote is not { } remote)
            {
                var relayed = await client.Process.EventAsync("relayed", 0);
                Assert.Equal("shared-nat", relayed.GetProperty("cause").GetString());
                await EchoServer.CheckTcpAsync(scene.Lab, "b", await client.AddressAsync("echo"), bytes: 100_000);
                return times;
            }
            var (first, toFirst) = await client.DirectAsync();
            var toNearest = await client.DirectToAsync(remote);
            times.Add((toFirst.TotalSeconds, RemoteOf(first).StartsWith(remote, StringComparison.Ordinal) ? toFirst.TotalSeconds : toNearest.TotalSeconds));
            // That a path which is in use stays in use is the table of PathChooserTests: a machine without time for it may leave any.
            await EchoServer.CheckTcpAsync(scene.Lab, "b", await client.AddressAsync("echo"), bytes: 1_000_000);
            await client.StopAsync();
        }
        return times;
    }

    private static async Task<InnerMapper> MapInsideAsync(TunnelScene scene)
    {
        // The host asks again when it starts again.
        var mapper = await InnerMapper.StartAsync(scene.Lab);
        await scene.Host.SignalAsync("TERM");
        (await scene.Host.ExitAsync()).Ok();
        await scene.StartHostAsync();
        await scene.Host.EventAsync("notice", 0, found => found.GetProperty("message").GetString()!.Contains("It helps only towards friends behind that same NAT", StringComparison.Ordinal));
        return mapper;
    }

    private static string RemoteOf(JsonElement path) => path.GetProperty("remote").GetString()!;

    private static double Median(IEnumerable<double> values) => values.Order().ElementAt(Runs / 2);
}
