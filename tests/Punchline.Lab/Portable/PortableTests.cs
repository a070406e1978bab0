using Punchline.Lab.Driver;
using Punchline.Lab.Fixtures;
using Punchline.Lab.Programs;
using Punchline.Lab.Scenes;

namespace Punchline.Lab.Portable;

/// <summary>The tunnel once more on sockets without fast paths: what Windows and macOS have (<c>PUNCHLINE_PORTABLE=1</c>).</summary>
[Trait("Length", "Medium")]
public sealed class PortableTests : TunnelledPrograms
{
    private protected override bool Portable => true;

    [LabTheory]
    [InlineData("eim-apdf", "eim-apdf", "off")]
    [InlineData("linux", "linux", "off")]
    [InlineData("none", "eim-apdf", "off")]
    [InlineData("eim-apdf", "none", "off")]
    [InlineData("eim-apdf", "eim-apdf", "only")]
    public async Task The_path_is_direct(string a, string b, string ipv6)
    {
        var lab = new NatLabOptions { ANat = a, BNat = b, AIpv6 = ipv6, BIpv6 = ipv6 };
        await CheckAsync(new TunnelOptions { Lab = lab, Portable = true });
    }

    [LabFact]
    public Task The_path_is_direct_on_one_LAN() =>
        CheckAsync(new TunnelOptions { Lab = new NatLabOptions { SameLan = true }, Portable = true });

    [LabFact(Programs = "apache2 ab node")]
    public Task Apache_answers_every_request_unaltered() => ApacheAsync(requests: 200, connections: 50);

    [LabFact(Programs = "node")]
    public Task Minecraft_players_log_in_and_chat() => MinecraftAsync();

    [LabFact(Programs = "sshd ssh scp ssh-keygen")]
    public Task A_file_copied_by_scp_is_the_same() => CopyAsync(bytes: 20_000_000);

    [LabFact(Programs = "dnsmasq dnsperf")]
    public Task No_DNS_query_over_UDP_is_lost() => NamesAsync(queries: 2_000);

    [LabFact]
    public Task One_invite_holds_TCP_and_UDP_services() => BothProtocolsAsync();

    private static async Task CheckAsync(TunnelOptions options)
    {
        await using var scene = await TunnelScene.StartAsync(options);
        await using var echo = EchoServer.Start(scene.Lab, "a");
        var client = await scene.JoinDirectAsync();
        await EchoServer.CheckTcpAsync(scene.Lab, "b", await client.AddressAsync("echo"), bytes: 1_000_000);
        await EchoServer.CheckUdpAsync(scene.Lab, "b", await client.AddressAsync("datagrams"), datagrams: 50, bytes: 1000);
    }
}
