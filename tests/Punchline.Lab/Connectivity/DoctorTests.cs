using Punchline.Lab.Driver;
using Punchline.Lab.Scenes;

namespace Punchline.Lab.Connectivity;

/// <summary>The doctor behind NATs and firewalls of the kernel, which were checked by others' means (natlab/README.md).</summary>
public sealed class DoctorTests
{
    private const string Router = "miniupnpd";

    [LabTheory]
    [Trait("Length", "Long")]
    [InlineData("fw", "nat=no filtering=address-and-port-dependent own-firewall=unknown")]
    [InlineData("eim-eif", "nat=yes mapping=endpoint-independent filtering=port-independent own-firewall=open")]
    [InlineData("eim-adf", "mapping=endpoint-independent filtering=port-independent")]
    [InlineData("eim-apdf", "mapping=endpoint-independent filtering=address-and-port-dependent hairpinning=no own-firewall=unknown pcp=none nat-pmp=none upnp=none")]
    [InlineData("linux", "mapping=endpoint-independent port-allocation=preserving filtering=address-and-port-dependent")]
    [InlineData("adm-apdf", "mapping=address-dependent filtering=address-and-port-dependent hairpinning=unknown")]
    [InlineData("seq-apdf", "mapping=address-and-port-dependent port-allocation=sequential")]
    [InlineData("apdm-adf", "mapping=address-and-port-dependent port-allocation=random filtering=port-independent")]
    public Task Each_NAT_is_called_by_its_name(string nat, string findings) => FindsAsync(new NatLabOptions { BNat = nat }, findings);

    [LabFact]
    [Trait("Length", "Medium")]
    public Task A_random_NAT_without_port_mapping() => FindsAsync(
        new NatLabOptions { BNat = "apdm-apdf" },
        "udp-ipv4=works udp-ipv6=none mapping=address-and-port-dependent port-allocation=random filtering=address-and-port-dependent own-firewall=unknown upnp=none");

    // Such a firewall also drops the answers to the multicast search for UPnP.
    [LabFact(Programs = Router)]
    [Trait("Length", "Medium")]
    public Task A_port_that_the_router_opens_and_a_firewall_of_this_computer_closes() => FindsAsync(
        new NatLabOptions { BNat = "eim-apdf+upnp" }, "own-firewall=drops carrier-nat=no pcp=dropped-here nat-pmp=dropped-here upnp=none", "ct state new drop");

    [LabFact(Programs = Router)]
    [Trait("Length", "Long")]
    public Task A_port_that_the_router_opens() => FindsAsync(
        new NatLabOptions { BNat = "apdm-apdf+upnp" }, "own-firewall=open carrier-nat=no pcp=open nat-pmp=open upnp=open");

    [LabFact(Programs = Router)]
    [Trait("Length", "Long")]
    public Task A_carriers_NAT_before_the_routers() => FindsAsync(
        new NatLabOptions { BNat = "eim-apdf+upnp", BCarrierNat = "eim-apdf" }, "carrier-nat=yes");

    [LabFact]
    [Trait("Length", "Medium")]
    public Task UDP_that_the_network_blocks() => FindsAsync(new NatLabOptions { BNat = "udp-blocked" }, "server=reached udp-ipv4=blocked");

    [LabFact]
    [Trait("Length", "Long")]
    public Task UDP_that_this_computer_blocks() => FindsAsync(new NatLabOptions(), "server=reached udp-ipv4=blocked-here own-firewall=drops", "drop");

    [LabFact]
    [Trait("Length", "Long")]
    public Task IPv6_beside_a_hard_NAT() => FindsAsync(
        new NatLabOptions { BNat = "apdm-apdf", AIpv6 = "fw", BIpv6 = "fw" }, "udp-ipv4=works udp-ipv6=works");

    private static async Task FindsAsync(NatLabOptions options, string findings, string? firewall = null)
    {
        IReadOnlyList<string> addresses = options.BIpv6 == "off" ? HardNatTests.TwoAddresses : ["--advertise", $"{NatLab.Server}", "--advertise", $"{NatLab.ServerIpv6}"];
        await using var scene = await TunnelScene.StartAsync(new TunnelOptions { Lab = options, ServerArguments = addresses });
        if (firewall is not null)
        {
            await scene.Lab.RunAsync("b", ["nft", "add table inet own"]);
            await scene.Lab.RunAsync("b", ["nft", "add chain inet own input { type filter hook input priority 0; }"]);
            await scene.Lab.RunAsync("b", ["nft", $"add rule inet own input meta l4proto udp {firewall}"]);
        }

        var found = await scene.DoctorAsync();
        var all = string.Join(' ', found.Select(finding => $"{finding.Key}={finding.Value}"));
        foreach (var finding in findings.Split(' '))
            Assert.True($" {all} ".Contains($" {finding} ", StringComparison.Ordinal), $"{finding} is not in {all}");
    }
}
