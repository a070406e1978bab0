using Punchline.Lab.Driver;
using Punchline.Lab.Fixtures;
using Punchline.Lab.Scenes;

namespace Punchline.Lab.Connectivity;

/// <summary>Through NATs and firewalls to a direct path: how soon it stands, and what the server has to do afterwards.</summary>
[Trait("Length", "Medium")]
[Collection(Alone.Name)]
public sealed class DirectPathTests
{
    /// <summary>From the start of <c>join</c>, the start of its process included.</summary>
    private static readonly TimeSpan DirectWithin = TimeSpan.FromSeconds(2);

    /// <summary>So many clients that were never there before; the median counts, for the machine may be busy once.</summary>
    private const int Attempts = 3;

    /// <summary>While the median is too long, there are more, up to so many: what else the machine does ends at some time.</summary>
    private const int MostAttempts = 9;

    /// <summary>What the server may forward for a pair whose path is direct.</summary>
    private const double ForwardedBytesPerMinute = 2000;

    private static readonly TimeSpan Watched = TimeSpan.FromSeconds(30);

    /// <summary>The networks that this version promises, by name.</summary>
    private static readonly Dictionary<string, NatLabOptions> Networks = new()
    {
        ["port-restricted NATs"] = new() { ANat = "eim-apdf", BNat = "eim-apdf" },
        ["Linux NATs"] = new() { ANat = "linux", BNat = "linux" },
        ["a host without NAT"] = new() { ANat = "none", BNat = "eim-apdf" },
        ["a client without NAT"] = new() { ANat = "eim-apdf", BNat = "none" },
        ["IPv6 firewalls without IPv4"] = new() { AIpv6 = "only", BIpv6 = "only" },
        ["one LAN"] = new() { SameLan = true },
    };

    public static TheoryData<string> NetworkNames => [.. Networks.Keys];

    [LabTheory]
    [MemberData(nameof(NetworkNames))]
    public async Task The_direct_path_stands_within_two_seconds(string network)
    {
        await using var scene = await TunnelScene.StartAsync(new TunnelOptions { Lab = Networks[network] });
        await using var echo = EchoServer.Start(scene.Lab, "a");
        List<TimeSpan> times = [];
        while (times.Count < Attempts || (Median() > DirectWithin && times.Count < MostAttempts))
        {
            var client = scene.Join();
            times.Add((await client.DirectAsync()).Elapsed);
            await EchoServer.CheckTcpAsync(scene.Lab, "b", await client.AddressAsync("echo"), bytes: 100_000);
            await EchoServer.CheckUdpAsync(scene.Lab, "b", await client.AddressAsync("datagrams"), datagrams: 20, bytes: 1000);
            await client.StopAsync();
        }

        TestContext.Current.TestOutputHelper?.WriteLine($"{network}: {string.Join(", ", times.Select(time => $"{time.TotalSeconds:0.00} s"))}");
        Assert.InRange(Median(), TimeSpan.Zero, DirectWithin);

        TimeSpan Median() => times.Order().ElementAt(times.Count / 2);
    }

    [LabFact]
    public async Task Afterwards_the_server_forwards_next_to_nothing()
    {
        // All networks at once: it is bytes that count here, and half a minute is long.
        await Task.WhenAll(Networks.Select(network => WatchAsync(network.Key, network.Value)));
    }

    [LabFact]
    public async Task On_one_LAN_nothing_leaves_it()
    {
        const int bytes = 5_000_000;
        await using var scene = await TunnelScene.StartAsync(new TunnelOptions { Lab = Networks["one LAN"] });
        await using var echo = EchoServer.Start(scene.Lab, "a");
        var client = await scene.JoinDirectAsync();
        var (path, _) = await client.DirectAsync();
        Assert.StartsWith("192.168.1.2:", path.GetProperty("remote").GetString(), StringComparison.Ordinal);

        var before = await scene.Lab.CountersAsync("ra", "wan0");
        var lan = await scene.Lab.CountersAsync("b");
        await EchoServer.CheckTcpAsync(scene.Lab, "b", await client.AddressAsync("echo"), bytes);
        var left = await scene.Lab.CountersAsync("ra", "wan0") - before;
        var stayed = await scene.Lab.CountersAsync("b") - lan;

        Assert.InRange(stayed.SentBytes, bytes, 2 * bytes);
        // Signs of life to the server may fall into these moments.
        Assert.InRange(left.SentBytes + left.ReceivedBytes, 0, bytes / 100);
    }

    private static async Task WatchAsync(string network, NatLabOptions options)
    {
        await using var scene = await TunnelScene.StartAsync(new TunnelOptions { Lab = options });
        await using var echo = EchoServer.Start(scene.Lab, "a");
        var client = await scene.JoinDirectAsync();
        await EchoServer.CheckTcpAsync(scene.Lab, "b", await client.AddressAsync("echo"), bytes: 100_000);

        var (before, start) = (await scene.ForwardedBytesAsync(), TimeProvider.System.GetTimestamp());
        Assert.True(before > 0, $"{network}: the handshake went through the server, and was not counted");
        await Task.Delay(Watched, TestContext.Current.CancellationToken);
        await EchoServer.CheckTcpAsync(scene.Lab, "b", await client.AddressAsync("echo"), bytes: 100_000);
        var (forwarded, minutes) = (await scene.ForwardedBytesAsync() - before, TimeProvider.System.GetElapsedTime(start).TotalMinutes);

        TestContext.Current.TestOutputHelper?.WriteLine($"{network}: {forwarded} bytes in {minutes * 60:0} s");
        Assert.True(
            forwarded / minutes <= ForwardedBytesPerMinute,
            $"{network}: the server forwarded {forwarded} bytes in {minutes * 60:0} s");
    }
}
