using Punchline.Lab.Driver;
using Punchline.Lab.Fixtures;
using Punchline.Lab.Scenes;

namespace Punchline.Lab.Relay;

/// <summary>Where no direct path can stand the server carries the data, over UDP or over the control channel; and why is said.</summary>
[Trait("Length", "Medium")]
[Collection(Alone.Name)]
public sealed class RelayTests
{
    [LabFact]
    public async Task Two_random_NATs_stay_relayed_and_every_byte_arrives()
    {
        await using var scene = await StartAsync("apdm-apdf", "apdm-apdf");
        await using var echo = EchoServer.Start(scene.Lab, "a");
        var client = scene.Join();
        await EchoServer.CheckUdpAsync(scene.Lab, "b", await client.AddressAsync("datagrams"), datagrams: 20, bytes: 1000);
        await EchoServer.CheckTcpAsync(scene.Lab, "b", await client.AddressAsync("echo"), bytes: 10_000_000); // and back
        var relayed = await client.Process.EventAsync("relayed", 0);
        Assert.Equal("hard-nats", relayed.GetProperty("cause").GetString());
        Assert.DoesNotContain("\"kind\":\"direct\"", string.Join('\n', client.Process.Output.Lines), StringComparison.Ordinal);
    }

    [LabTheory]
    [InlineData("udp-blocked", "eim-apdf")]
    [InlineData("eim-apdf", "udp-blocked")]
    [InlineData("udp-blocked", "udp-blocked")]
    public async Task Where_UDP_is_blocked_the_control_channel_carries_the_data(string a, string b)
    {
        await using var scene = await StartAsync(a, b);
        await using var echo = EchoServer.Start(scene.Lab, "a");
        var client = scene.Join();
        var time = await client.ConnectedAsync();
        TestContext.Current.TestOutputHelper?.WriteLine($"{a}, {b}: connected after {time.TotalSeconds:0.00} s");
        // First what may be lost: after a transfer the server's rate is used up for a moment.
        await EchoServer.CheckUdpAsync(scene.Lab, "b", await client.AddressAsync("datagrams"), datagrams: 20, bytes: 1000);
        await EchoServer.CheckTcpAsync(scene.Lab, "b", await client.AddressAsync("echo"), bytes: 2_000_000);
        Assert.Equal("no-udp", (await client.Process.EventAsync("relayed", 0)).GetProperty("cause").GetString());
    }

    [LabFact]
    public async Task A_transfer_that_begins_relayed_ends_directly_and_whole()
    {
        await using var scene = await StartAsync("eim-apdf", "eim-apdf");
        await using var echo = EchoServer.Start(scene.Lab, "a");
        // The peers cannot reach each other yet; the server can be reached.
        await scene.Lab.CutAsync("peers");
        var client = scene.Join();
        var address = await client.AddressAsync("echo");
        var transfer = EchoServer.CheckTcpAsync(scene.Lab, "b", address, bytes: 100_000_000);
        await client.ConnectedAsync();
        while (await scene.ForwardedBytesAsync() < 1_000_000)
            await Task.Delay(TimeSpan.FromMilliseconds(100), TestContext.Current.CancellationToken);
        await scene.Lab.HealAsync("peers");
        await client.DirectAsync();
        Assert.False(transfer.IsCompleted, "it ended before the move");
        await transfer;
    }

    private static Task<TunnelScene> StartAsync(string a, string b) =>
        TunnelScene.StartAsync(new TunnelOptions { Lab = new NatLabOptions { ANat = a, BNat = b } });
}
