using System.Collections.Concurrent;
using System.Globalization;
using System.Net.Sockets;
using Punchline.Lab.Driver;
using Punchline.Lab.Fixtures;
using Punchline.Lab.Scenes;

namespace Punchline.Lab.Connectivity;

/// <summary>Every pair of NATs that can be direct in principle, and how long each takes.</summary>
public sealed class NatMatrixTests
{
    /// <summary>Of 121.</summary>
    private const int PossiblePairs = 106;

    /// <summary>At once, on two cores.</summary>
    private const int AtOnce = 2;

    private static readonly string[] Types =
        ["fw", "eim-eif", "eim-adf", "eim-apdf", "linux", "linux+nofw", "adm-apdf", "seq-apdf", "apdm-eif", "apdm-adf", "apdm-apdf"];

    /// <summary>Of these pairs each type is once at the host and once at the client.</summary>
    private static readonly (string A, string B)[] EachOnBothSides =
    [
        ("fw", "apdm-eif"), ("eim-eif", "adm-apdf"), ("eim-adf", "apdm-apdf"), ("eim-apdf", "linux"), ("linux", "seq-apdf"), ("linux+nofw", "fw"),
        ("adm-apdf", "eim-eif"), ("seq-apdf", "eim-apdf"), ("apdm-eif", "apdm-adf"), ("apdm-adf", "eim-adf"), ("apdm-apdf", "linux+nofw"),
    ];

    [LabFact]
    [Trait("Length", "Medium")]
    public Task Every_type_is_direct_on_each_side() => AreDirectAsync(EachOnBothSides, "nat-types.md");

    // The birthday method misses in 2 of 100 attempts and tries again after 35 s; the others meet at the first or second attempt.
    [LabFact]
    [Trait("Length", "Long")]
    public Task Every_possible_pair_is_direct() =>
        AreDirectAsync([.. Types.SelectMany(a => Types.Select(b => (A: a, B: b))).Where(pair => IsPossible(pair.A, pair.B))], "nat-matrix.md");

    [Fact]
    public void The_short_form_has_each_type_once_on_each_side()
    {
        Assert.Equal(Types.Order(StringComparer.Ordinal), EachOnBothSides.Select(static pair => pair.A).Order(StringComparer.Ordinal));
        Assert.Equal(Types.Order(StringComparer.Ordinal), EachOnBothSides.Select(static pair => pair.B).Order(StringComparer.Ordinal));
    }

    [Theory]
    [InlineData("fw", "apdm-apdf", true)]
    [InlineData("apdm-apdf", "eim-eif", true)]
    [InlineData("linux", "eim-apdf", true)]
    [InlineData("fw", "fw", true)]
    [InlineData("eim-adf", "apdm-apdf", true)]
    [InlineData("adm-apdf", "eim-apdf", true)]
    [InlineData("seq-apdf", "seq-apdf", true)]
    [InlineData("seq-apdf", "apdm-apdf", false)]
    [InlineData("apdm-adf", "apdm-adf", false)]
    public void The_table_of_what_is_possible_is_right(string a, string b, bool possible) => Assert.Equal(possible, IsPossible(a, b));

    [Fact]
    public void As_many_pairs_are_possible_as_the_laboratory_says() =>
        Assert.Equal(PossiblePairs, Types.Sum(a => Types.Count(b => IsPossible(a, b))));

    /// <summary>By the table in natlab/README.md: all but those where the ports of both sides are another for each peer, and not both can be foretold.</summary>
    private static bool IsPossible(string a, string b)
    {
        return IsOpen(a) || IsOpen(b) || IsIndependent(a) || IsIndependent(b) || (IsSequential(a) && IsSequential(b));

        static bool IsOpen(string type) => type.EndsWith("-eif", StringComparison.Ordinal);
        static bool IsIndependent(string type) => type is "fw" or "linux" or "linux+nofw" || type.StartsWith("eim-", StringComparison.Ordinal);
        static bool IsSequential(string type) => type.StartsWith("seq-", StringComparison.Ordinal);
    }

    private static async Task AreDirectAsync((string A, string B)[] pairs, string file)
    {
        ConcurrentDictionary<(string A, string B), string> found = new();
        await Parallel.ForEachAsync(
            pairs, new ParallelOptions { MaxDegreeOfParallelism = AtOnce }, async (pair, _) => found[pair] = await TryAsync(pair.A, pair.B));

        var table = $"| a (host) \\ b (client) | {string.Join(" | ", Types)} |\n|---|{string.Concat(Types.Select(_ => "---|"))}\n"
            + string.Concat(Types.Select(a => $"| {a} | {string.Join(" | ", Types.Select(b => found.GetValueOrDefault((a, b), "")))} |\n"));
        Measured.Write(file, table);
        Assert.True(found.Values.All(cell => cell != "-"), table);
    }

    private static async Task<string> TryAsync(string a, string b)
    {
        try
        {
            await using var scene = await TunnelScene.StartAsync(new TunnelOptions { Lab = new NatLabOptions { ANat = a, BNat = b }, ServerArguments = HardNatTests.TwoAddresses });
            await using var echo = EchoServer.Start(scene.Lab, "a");
            var client = scene.Join();
            var (_, elapsed) = await client.DirectAsync();
            await EchoServer.CheckTcpAsync(scene.Lab, "b", await client.AddressAsync("echo"), bytes: 100_000);
            return elapsed.TotalSeconds.ToString("0.0", CultureInfo.InvariantCulture);
        }
        catch (Exception e) when (e is LabException or SocketException)
        {
            TestContext.Current.TestOutputHelper?.WriteLine($"{a}, {b}: {e.Message}");
            return "-";
        }
    }
}
