using Punchline.Lab.Driver;
using Punchline.Lab.Fixtures;
using Punchline.Lab.Scenes;

namespace Punchline.Lab.Programs;

/// <summary>Real programs through the tunnel, on the sockets that this system does best.</summary>
[Trait("Length", "Medium")]
public sealed class ProgramTests : TunnelledPrograms
{
    private protected override bool Portable => false;

    [LabFact(Programs = "apache2 ab node")]
    public Task Apache_answers_every_request_unaltered() => ApacheAsync(requests: 1000, connections: 50);

    [LabFact(Programs = "node")]
    public Task Minecraft_players_log_in_and_chat() => MinecraftAsync();

    [LabFact(Programs = "sshd ssh scp ssh-keygen")]
    public Task A_large_file_copied_by_scp_is_the_same() => CopyAsync(bytes: 100_000_000);

    [LabFact(Programs = "dnsmasq dnsperf")]
    public Task No_DNS_query_over_UDP_is_lost() => NamesAsync(queries: 10_000);

    [LabFact]
    public Task One_invite_holds_TCP_and_UDP_services() => BothProtocolsAsync();

    [LabFact]
    public async Task Three_clients_share_one_host_and_one_may_go()
    {
        await using var scene = await StartAsync("echo=tcp:7777", "datagrams=udp:7777");
        await using var echo = EchoServer.Start(scene.Lab, "a");
        var clients = await Task.WhenAll(Enumerable.Range(0, 3).Select(_ => scene.JoinDirectAsync()));
        await Task.WhenAll(clients.Select(client => UseAsync(scene, client)));

        var mark = scene.Host.Mark;
        await clients[0].StopAsync();
        await scene.Host.EventAsync("peer-left", mark);
        await Task.WhenAll(clients[1..].Select(client => UseAsync(scene, client)));
    }

    private static async Task UseAsync(TunnelScene scene, TunnelClient client)
    {
        await EchoServer.CheckTcpAsync(scene.Lab, "b", await client.AddressAsync("echo"), bytes: 2_000_000);
        await EchoServer.CheckUdpAsync(scene.Lab, "b", await client.AddressAsync("datagrams"), datagrams: 50, bytes: 1000);
    }
}
