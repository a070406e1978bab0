using System.Security.Cryptography;
using Punchline.Lab.Driver;

namespace Punchline.Lab.Fixtures;

/// <summary>Each real program without a tunnel: what fails here is the program or its set-up, not the tunnel.</summary>
[Trait("Length", "Medium")]
public sealed class FixturesTests
{
    [LabFact(Programs = "apache2 ab node")]
    public async Task Apache_answers_every_request()
    {
        await using var lab = await NatLab.UpAsync();
        await using var apache = await ApacheServer.StartAsync(lab, "a");
        var url = $"http://127.0.0.1:{ApacheServer.Port}{ApacheServer.Page}";

        var bench = await HttpClients.ApacheBenchAsync(lab, "a", url, requests: 1000, connections: 50);
        Assert.Equal((1000, 0, 0, 100_000_000L), (bench.Complete, bench.Failed, bench.NotOk, bench.BodyBytes));
        Assert.True(bench.RequestsPerSecond > 0);

        Assert.Equal(new HttpCheckResult(200, 0, 0), await HttpClients.CheckAsync(lab, "a", url, apache.Sha256, 200, 50));
        var other = Convert.ToHexStringLower(SHA256.HashData([]));
        Assert.Equal(new HttpCheckResult(0, 10, 0), await HttpClients.CheckAsync(lab, "a", url, other, 10, 2));
        Assert.Equal(10, (await HttpClients.CheckAsync(lab, "a", "http://127.0.0.1:1/", other, 10, 2)).Failed);
    }

    [LabFact(Programs = "sshd ssh scp ssh-keygen")]
    public async Task A_file_copied_by_scp_is_the_same()
    {
        await using var lab = await NatLab.UpAsync();
        await using var server = await SshServer.StartAsync(lab, "a");
        var source = server.Folder.WriteRandom("source", 10_000_000, seed: 2);
        var target = server.Folder["target"];
        await server.CopyAsync(lab, "a", SshServer.Port, source, target);
        Assert.Equal(Sum(source), Sum(target));
    }

    [LabFact(Programs = "dnsmasq dnsperf")]
    public async Task No_DNS_query_is_lost()
    {
        await using var lab = await NatLab.UpAsync();
        await using var server = await DnsServer.StartAsync(lab, "a");
        Assert.Equal(new DnsPerfResult(2000, 2000, 0), await DnsPerfResult.RunAsync(lab, "a", DnsServer.Port, queries: 2000, clients: 8));
    }

    [LabFact(Programs = "iperf3")]
    public async Task Iperf3_measures_both_directions()
    {
        await using var lab = await NatLab.UpAsync();
        await using var server = await Iperf3Server.StartAsync(lab, "a");
        Assert.True(await Iperf3Server.MeasureAsync(lab, "a", Iperf3Server.Port, seconds: 1) > 1e6);
        Assert.True(await Iperf3Server.MeasureAsync(lab, "a", Iperf3Server.Port, seconds: 1, fromServer: true, streams: 2) > 1e6);
    }

    [LabFact(Programs = "node")]
    public async Task Minecraft_players_log_in_and_chat()
    {
        await using var lab = await NatLab.UpAsync();
        await using var server = await Minecraft.StartServerAsync(lab, "a");
        await using var alice = await Minecraft.JoinAsync(lab, "a", Minecraft.Port, "alice");
        await using var bob = await Minecraft.JoinAsync(lab, "a", Minecraft.Port, "bob");
        await server.EventAsync("joined", joined => joined.GetProperty("name").GetString() == "bob");

        await Minecraft.SayAsync(alice, "hello bob");
        await bob.EventAsync("chat", chat => chat.GetProperty("message").GetString() == "alice: hello bob");
        await Minecraft.SayAsync(bob, "hello alice");
        await alice.EventAsync("chat", chat => chat.GetProperty("message").GetString() == "bob: hello alice");

        await bob.DisposeAsync();
        await server.EventAsync("left", left => left.GetProperty("name").GetString() == "bob");
    }

    [LabFact]
    public async Task A_program_that_does_not_start_says_why()
    {
        await using var lab = await NatLab.UpAsync();
        await using var child = lab.Start("a", ["sh", "-c", "echo the reason >&2; exit 3"]);
        var error = await Assert.ThrowsAsync<LabException>(() => child.EventAsync("ready"));
        Assert.Contains("the reason", error.Message, StringComparison.Ordinal);
        Assert.Equal(3, (await child.ExitAsync()).ExitCode);
    }

    private static string Sum(string path) => Convert.ToHexString(SHA256.HashData(File.ReadAllBytes(path)));
}
