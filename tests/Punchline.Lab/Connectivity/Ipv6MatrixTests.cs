using System.Collections.Concurrent;
using System.Globalization;
using Punchline.Lab.Driver;
using Punchline.Lab.Fixtures;
using Punchline.Lab.Scenes;

namespace Punchline.Lab.Connectivity;

/// <summary>Where both IPv4 NATs are random, IPv6 alone can be direct: where both sides have it, and no firewall drops all UDP.</summary>
public sealed class Ipv6MatrixTests
{
    /// <summary>At once, on two cores.</summary>
    private const int AtOnce = 2;

    private const string HardNat = "apdm-apdf";

    private static readonly string[] Kinds = ["off", "blocked", "fw", "open"];

    [LabFact]
    [Trait("Length", "Long")]
    public async Task Every_pair_that_can_is_direct_over_IPv6_and_the_others_are_relayed()
    {
        ConcurrentDictionary<(string A, string B), string> found = new();
        await Parallel.ForEachAsync(
            Kinds.SelectMany(a => Kinds.Select(b => (A: a, B: b))), new ParallelOptions { MaxDegreeOfParallelism = AtOnce },
            async (pair, _) => found[pair] = await TryAsync(pair.A, pair.B));

        var table = $"| IPv6 of a (host) \\ of b (client) | {string.Join(" | ", Kinds)} |\n|---|{string.Concat(Kinds.Select(_ => "---|"))}\n"
            + string.Concat(Kinds.Select(a => $"| {a} | {string.Join(" | ", Kinds.Select(b => found[(a, b)]))} |\n"));
        Measured.Write("ipv6-matrix.md", table);
    }

    private const string Relayed = "relayed";

    private static bool HasIpv6(string kind) => kind is "fw" or "open";

    private static async Task<string> TryAsync(string a, string b)
    {
        await using var scene = await TunnelScene.StartAsync(new TunnelOptions { Lab = new NatLabOptions { ANat = HardNat, BNat = HardNat, AIpv6 = a, BIpv6 = b } });
        await using var echo = EchoServer.Start(scene.Lab, "a");
        var client = scene.Join();
        string cell;
        if (HasIpv6(a) && HasIpv6(b))
        {
            cell = (await client.DirectToAsync("[2001:db8:a0::2]:")).TotalSeconds.ToString("0.0", CultureInfo.InvariantCulture);
        }
        else
        {
            // It is said after some seconds, in which a direct path would have been found.
            await client.Process.EventAsync("relayed", 0);
            cell = Relayed;
        }
        await EchoServer.CheckTcpAsync(scene.Lab, "b", await client.AddressAsync("echo"), bytes: 100_000);
        return cell;
    }
}
