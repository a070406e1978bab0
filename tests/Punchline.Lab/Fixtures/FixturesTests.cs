using System.Net;
using System.Net.Sockets;
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
    public async Task The_echo_gives_back_what_it_gets()
    {
        await using var lab = await NatLab.UpAsync();
        await using var echo = EchoServer.Start(lab, "a");
        var address = new IPEndPoint(IPAddress.Loopback, EchoServer.Port);
        await EchoServer.CheckTcpAsync(lab, "a", address, bytes: 1_000_000);
        await EchoServer.CheckUdpAsync(lab, "a", address, datagrams: 10, bytes: 1000);
        Assert.Equal(1, echo.Connections);
        await Assert.ThrowsAsync<SocketException>(() => EchoServer.CheckTcpAsync(lab, "b", address, bytes: 1));
    }

    [LabFact]
    public async Task Both_ends_of_a_transfer_notice_the_others()
    {
        await using var lab = await NatLab.UpAsync();
        var address = new IPEndPoint(IPAddress.Loopback, PatternServer.Port);
        await using var server = PatternServer.Start(lab, "a");
        await using (var reader = await PatternReader.StartAsync(lab, "a", address))
        {
            await reader.MoreAsync(100_000);
            Assert.True(reader.IsReading);
        }

        await server.EndedAsync(100_000);
        await using var last = await PatternReader.StartAsync(lab, "a", address);
        await last.MoreAsync(100_000);
        await server.DisposeAsync();
        await last.EndAsync();
        await Assert.ThrowsAsync<LabException>(() => last.MoreAsync(1));
    }

    [LabFact(Programs = "tcpdump")]
    public async Task A_capture_holds_what_passed()
    {
        await using var lab = await NatLab.UpAsync();
        var target = new IPEndPoint(NatLab.Server, 9000);
        await using var capture = await PacketCapture.StartAsync(lab, "server");
        using var receiver = LabSocket.Udp(lab, "server", target);
        using var sender = LabSocket.Udp(lab, "b");
        byte[] question = [1, 2, 3];
        await sender.SendToAsync(question, target);
        var got = await receiver.ReceiveFromAsync(new byte[10], SocketFlags.None, target);
        await receiver.SendToAsync(new byte[1200], got.RemoteEndPoint);
        await sender.ReceiveAsync(new byte[1500]);

        var packets = (await capture.StopAsync()).Where(packet => packet.Kind == PacketKind.Udp).ToList();
        Assert.Equal(2, packets.Count);
        Assert.Equal((got.RemoteEndPoint, target), (packets[0].Source, packets[0].Target));
        Assert.Equal(question, packets[0].Payload);
        Assert.Equal((target, 1200), (packets[1].Source, packets[1].Payload.Length));
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
