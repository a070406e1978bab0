using System.Text.Json;
using Punchline.Lab.Driver;
using Punchline.Lab.Scenes;

namespace Punchline.Lab.Connectivity;

/// <summary><c>punchline doctor INVITE</c>, with the built program: what it finds is what the laboratory has put there.</summary>
public sealed class PairDoctorTests
{
    [LabFact]
    [Trait("Length", "Medium")]
    public async Task An_easy_pair_is_direct_and_every_pair_of_addresses_is_explained()
    {
        var pair = await ExamineAsync("eim-apdf", "eim-apdf");
        Assert.Equal("direct", Text(pair, "kind"));
        Assert.StartsWith("198.18.81.2:", Text(pair, "remote"), StringComparison.Ordinal);
        var used = Assert.Single(Pairs(pair), found => Text(found, "outcome") == "in-use");
        Assert.Equal(Text(pair, "remote"), Text(used, "remote"));
        Assert.StartsWith("192.168.2.2:", Text(used, "local"), StringComparison.Ordinal);
        Assert.All((string[])["sent", "received", "answered"], name => Assert.True(used.GetProperty(name).GetInt32() > 0, name));
        Assert.True(used.GetProperty("sentAfterMs").GetDouble() < used.GetProperty("answeredAfterMs").GetDouble());
        var inside = Assert.Single(Pairs(pair), found => Text(found, "remote").StartsWith("192.168.1.2:", StringComparison.Ordinal));
        Assert.Equal(("host", "silent", 0), (Text(inside, "kind"), Text(inside, "outcome"), inside.GetProperty("received").GetInt32()));
        foreach (var side in (string[])["ours", "theirs"])
        {
            Assert.Equal("endpoint-independent", Text(pair.GetProperty(side), "mapping"));
            Assert.Equal("address-and-port-dependent", Text(pair.GetProperty(side), "filtering"));
            Assert.Contains(Candidates(pair, side), found => Text(found, "kind") == "server-reflexive");
        }
    }

    [LabFact]
    [Trait("Length", "Medium")]
    public async Task Two_hard_NATs_stay_relayed_and_it_says_why()
    {
        var pair = await ExamineAsync("apdm-apdf", "apdm-apdf");
        Assert.Equal(("relay", "hard-nats"), (Text(pair, "kind"), Text(pair, "cause")));
        Assert.NotEmpty(Text(pair, "advice"));
        Assert.NotEmpty(Pairs(pair));
        Assert.All(Pairs(pair), found => Assert.Equal((0, "silent"), (found.GetProperty("received").GetInt32(), Text(found, "outcome"))));
        Assert.Empty(pair.GetProperty("methods").EnumerateArray());
        Assert.Equal(("address-and-port-dependent", "random"), (Text(pair.GetProperty("theirs"), "mapping"), Text(pair.GetProperty("theirs"), "allocation")));
    }

    [LabFact]
    [Trait("Length", "Medium")]
    public async Task A_network_without_UDP_is_named()
    {
        var pair = await ExamineAsync("eim-apdf", "udp-blocked");
        Assert.Equal(("relay", "no-udp"), (Text(pair, "kind"), Text(pair, "cause")));
        Assert.StartsWith("this network", Text(pair, "because"), StringComparison.Ordinal);
        Assert.All(Pairs(pair), found => Assert.Equal(0, found.GetProperty("received").GetInt32()));
    }

    [LabFact]
    [Trait("Length", "Long")]
    public async Task The_birthday_method_is_told_with_its_flows()
    {
        var pair = await ExamineAsync("apdm-apdf", "eim-apdf");
        var method = pair.GetProperty("methods").EnumerateArray().Last();
        Assert.Equal("birthday-host-opens", Text(method, "method"));
        Assert.InRange(method.GetProperty("probes").GetInt32(), 1, 1024);
        Assert.Equal(method.GetProperty("probes").GetInt32(), method.GetProperty("ports").GetInt32());
        Assert.Equal(Text(method, "outcome") == "met" ? "direct" : "relay", Text(pair, "kind"));
    }

    [LabFact]
    [Trait("Length", "Long")]
    public async Task What_comes_in_and_is_not_answered_is_one_way()
    {
        await using var scene = await StartAsync("eim-apdf", "eim-eif");
        // Nothing leaves the client's network for the host's; what the host sends comes in, for that NAT lets in everybody.
        await scene.Lab.RunAsync("rb", ["nft", "add table inet shut; add chain inet shut out { type filter hook forward priority -10; }; add rule inet shut out ip daddr 198.18.81.2 drop"]);
        var pair = await ExamineAsync(scene);
        Assert.Equal("relay", Text(pair, "kind"));
        Assert.Contains(Pairs(pair), found => Text(found, "outcome") == "one-way" && found.GetProperty("received").GetInt32() > 0 && found.GetProperty("answered").GetInt32() == 0);
    }

    private static Task<TunnelScene> StartAsync(string a, string b) =>
        TunnelScene.StartAsync(new TunnelOptions { Lab = new NatLabOptions { ANat = a, BNat = b }, ServerArguments = HardNatTests.TwoAddresses });

    private static async Task<JsonElement> ExamineAsync(string a, string b)
    {
        await using var scene = await StartAsync(a, b);
        return await ExamineAsync(scene);
    }

    private static async Task<JsonElement> ExamineAsync(TunnelScene scene)
    {
        var doctor = scene.Doctor();
        var pair = await doctor.EventAsync("pair", 0);
        (await doctor.ExitAsync()).Ok();
        return pair;
    }

    private static JsonElement[] Pairs(JsonElement pair) => [.. pair.GetProperty("pairs").EnumerateArray()];

    private static JsonElement[] Candidates(JsonElement pair, string side) => [.. pair.GetProperty(side).GetProperty("candidates").EnumerateArray()];

    private static string Text(JsonElement element, string name) => element.GetProperty(name).GetString()!;
}
