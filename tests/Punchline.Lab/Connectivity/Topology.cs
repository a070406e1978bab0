using Punchline.Lab.Driver;
using Punchline.Lab.Scenes;

namespace Punchline.Lab.Connectivity;

/// <summary>Two peers that are nearer to each other than the Internet, or seem to be: where the network ends up sending their data.</summary>
/// <param name="Name">The row of the table.</param>
/// <param name="Lab">The laboratory: the host is a, the client is b.</param>
/// <param name="Remote">How the remote address of the client's path begins in the end; null where nothing but the relay is left.</param>
internal sealed record Topology(string Name, NatLabOptions Lab, string? Remote)
{
    // What a is called from where (natlab/README.md): on its link, at its router's port, at the inner side of the carrier's NAT, over a VPN.
    private const string OnLink = "192.168.1.2:";
    private const string Outside = "198.18.81.2:";
    private const string Inner = "100.64.1.2:";
    private const string OverVpn = "10.8.0.1:";

    private const string Easy = "eim-apdf";
    private const string Hairpinning = "eim-apdf+hairpin";
    private const string Hard = "apdm-apdf";

    private static readonly NatLabOptions OneLan = new() { SameLan = true };
    private static readonly NatLabOptions Apart = new();

    /// <summary>All of them; the first is the ordinary punch, for comparison.</summary>
    public static readonly IReadOnlyList<Topology> All =
    [
        new("two homes", Apart, Outside),
        new("one LAN", OneLan, OnLink),
        new("one LAN, its router hairpins", OneLan with { ANat = Hairpinning }, OnLink),
        new("one LAN that isolates, its router hairpins", OneLan with { Isolated = true, ANat = Hairpinning }, Outside),
        new("one LAN that isolates", OneLan with { Isolated = true }, null),
        new("one carrier NAT that hairpins", new() { SharedCarrierNat = Hairpinning }, Outside),
        new("one carrier NAT", new() { SharedCarrierNat = Easy }, null),
        new("one carrier NAT, the host's router maps a port", new() { SharedCarrierNat = Easy }, Inner) { MapsInside = true },
        new("one carrier NAT that hairpins, the host's router maps a port", new() { SharedCarrierNat = Hairpinning }, Inner) { MapsInside = true },
        new("a carrier NAT before each", new() { ACarrierNat = Easy, BCarrierNat = Easy }, Outside),
        new("LANs with the same addresses", new() { Overlap = true }, Outside),
        new("LANs with the same addresses, the peer's is a machine of ours", new() { Overlap = true }, Outside) { Prepare = PutPeersAddressHereAsync },
        new("LANs with the same addresses, the peer's is one of ours", new() { Overlap = true }, Outside) { Prepare = TakePeersAddressAsync },
        new("the same virtual adapters on both sides", Apart, Outside) { Prepare = AddContainersAsync },
        new("a VPN between them, a little faster", Apart with { Wires = true }, Outside) { Prepare = AddFasterVpnAsync },
        new("a VPN between them, in one LAN", OneLan, OnLink) { Prepare = AddVpnAsync },
        new("a VPN between them, hard NATs", Apart with { ANat = Hard, BNat = Hard }, OverVpn) { Prepare = AddVpnAsync },
    ];

    /// <summary>What is added to the laboratory.</summary>
    public Func<NatLab, Task>? Prepare { get; private init; }

    /// <summary>The host's router, whose outer address is private, maps ports.</summary>
    public bool MapsInside { get; private init; }

    public static Topology Of(string name) => All.Single(one => one.Name == name);

    /// <summary>A machine in each LAN has the address that the peer has in the other one, and refuses what it gets.</summary>
    private static async Task PutPeersAddressHereAsync(NatLab lab)
    {
        await lab.RunAsync("ra", ["ip", "addr", "add", "192.168.1.3/32", "dev", "lan"]);
        await lab.RunAsync("rb", ["ip", "addr", "add", "192.168.1.2/32", "dev", "lan"]);
    }

    private static async Task TakePeersAddressAsync(NatLab lab)
    {
        await lab.RunAsync("a", ["ip", "addr", "add", "192.168.1.3/32", "dev", "eth0"]);
        await lab.RunAsync("b", ["ip", "addr", "add", "192.168.1.2/32", "dev", "eth0"]);
    }

    /// <summary>What many machines have: containers behind a bridge, a VPN with the usual addresses. They lead nowhere.</summary>
    private static async Task AddContainersAsync(NatLab lab)
    {
        foreach (var where in new[] { "a", "b" })
        {
            foreach (var (device, address) in new[] { ("docker0", "172.17.0.1/16"), ("br-4c1d", "172.18.0.1/16"), ("tun0", "10.8.0.2/24"), ("wg0", "10.0.0.2/8") })
            {
                // A device without a carrier does not count as up: it needs another end.
                await lab.RunAsync(where, ["ip", "link", "add", device, "type", "veth", "peer", "name", "far" + device[..2]]);
                await lab.RunAsync(where, ["ip", "link", "set", "far" + device[..2], "up"]);
                await lab.RunAsync(where, ["ip", "link", "set", device, "up"]);
                await lab.RunAsync(where, ["ip", "addr", "add", address, "dev", device]);
            }
        }
    }

    private static async Task AddFasterVpnAsync(NatLab lab)
    {
        await AddVpnAsync(lab);
        await lab.DelayAsync("a", 1);
    }

    /// <summary>A VPN that works: to the two it is a link of its own, whatever lies beneath.</summary>
    private static async Task AddVpnAsync(NatLab lab)
    {
        await lab.RunAsync("a", ["ip", "link", "add", "tun0", "type", "veth", "peer", "name", "tun0", "netns", lab.Namespace("b")]);
        foreach (var (where, address) in new[] { ("a", "10.8.0.1/24"), ("b", "10.8.0.2/24") })
        {
            await lab.RunAsync(where, ["ip", "link", "set", "tun0", "up"]);
            await lab.RunAsync(where, ["ip", "addr", "add", address, "dev", "tun0"]);
        }
    }
}
