using System.Security.Cryptography;
using Punchline.Lab.Driver;
using Punchline.Lab.Fixtures;
using Punchline.Lab.Scenes;

namespace Punchline.Lab.Programs;

/// <summary>Real programs on both sides of a tunnel through two NATs: the same checks for every kind of socket.</summary>
public abstract class TunnelledPrograms
{
    private protected static readonly NatLabOptions TwoNats = new() { ANat = "eim-apdf", BNat = "linux" };

    /// <summary>Which sockets the program uses.</summary>
    private protected abstract bool Portable { get; }

    private protected Task<TunnelScene> StartAsync(params IReadOnlyList<string> services) =>
        TunnelScene.StartAsync(new TunnelOptions { Lab = TwoNats, Services = services, Portable = Portable });

    private protected async Task ApacheAsync(int requests, int connections)
    {
        await using var scene = await StartAsync($"web=tcp:{ApacheServer.Port}");
        await using var apache = await ApacheServer.StartAsync(scene.Lab, "a");
        var client = await scene.JoinDirectAsync();
        var url = $"http://{await client.AddressAsync("web")}{ApacheServer.Page}";

        var bench = await HttpClients.ApacheBenchAsync(scene.Lab, "b", url, requests, connections);
        Assert.Equal((requests, 0, 0, requests * 100_000L), (bench.Complete, bench.Failed, bench.NotOk, bench.BodyBytes));
        // ab compares only lengths.
        Assert.Equal(
            new HttpCheckResult(requests, 0, 0), await HttpClients.CheckAsync(scene.Lab, "b", url, apache.Sha256, requests, connections));
    }

    private protected async Task MinecraftAsync()
    {
        await using var scene = await StartAsync($"minecraft=tcp:{Minecraft.Port}");
        await using var server = await Minecraft.StartServerAsync(scene.Lab, "a");
        var port = (await (await scene.JoinDirectAsync()).AddressAsync("minecraft")).Port;
        await using var alice = await Minecraft.JoinAsync(scene.Lab, "b", port, "alice");
        await using var bob = await Minecraft.JoinAsync(scene.Lab, "b", port, "bob");
        await server.EventAsync("joined", joined => joined.GetProperty("name").GetString() == "bob");

        await Minecraft.SayAsync(alice, "hello bob");
        await bob.EventAsync("chat", chat => chat.GetProperty("message").GetString() == "alice: hello bob");
        await Minecraft.SayAsync(bob, "hello alice");
        await alice.EventAsync("chat", chat => chat.GetProperty("message").GetString() == "bob: hello alice");

        await bob.DisposeAsync();
        await server.EventAsync("left", left => left.GetProperty("name").GetString() == "bob");
    }

    private protected async Task CopyAsync(int bytes)
    {
        await using var scene = await StartAsync($"ssh=tcp:{SshServer.Port}");
        await using var server = await SshServer.StartAsync(scene.Lab, "a");
        var client = await scene.JoinDirectAsync();
        var source = server.Folder.WriteRandom("source", bytes, seed: 3);
        var target = server.Folder["target"];
        await server.CopyAsync(scene.Lab, "b", (await client.AddressAsync("ssh")).Port, source, target);
        Assert.Equal(await SumAsync(source), await SumAsync(target));
    }

    private protected async Task NamesAsync(int queries)
    {
        await using var scene = await StartAsync($"dns=udp:{DnsServer.Port}");
        await using var server = await DnsServer.StartAsync(scene.Lab, "a");
        var client = await scene.JoinDirectAsync();
        Assert.Equal(
            new DnsPerfResult(queries, queries, 0),
            await DnsPerfResult.RunAsync(scene.Lab, "b", (await client.AddressAsync("dns")).Port, queries, clients: 16));
    }

    private protected async Task BothProtocolsAsync()
    {
        await using var scene = await StartAsync("first=tcp:7777", "second=udp:7777");
        await using var echo = EchoServer.Start(scene.Lab, "a");
        var client = await scene.JoinDirectAsync("b", "--map", "second=127.0.0.1:61000");
        var (tcp, udp) = (await client.AddressAsync("first"), await client.AddressAsync("second"));
        Assert.Equal(61_000, udp.Port);
        await Task.WhenAll(
            EchoServer.CheckTcpAsync(scene.Lab, "b", tcp, bytes: 10_000_000),
            EchoServer.CheckUdpAsync(scene.Lab, "b", udp, datagrams: 200, bytes: 1000));
    }

    private static async Task<string> SumAsync(string path)
    {
        await using var file = File.OpenRead(path);
        return Convert.ToHexString(await SHA256.HashDataAsync(file));
    }
}
