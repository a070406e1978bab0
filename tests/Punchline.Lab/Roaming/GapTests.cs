using System.Globalization;
using System.Net;
using Punchline.Lab.Driver;
using Punchline.Lab.Fixtures;
using Punchline.Lab.Scenes;

namespace Punchline.Lab.Roaming;

/// <summary>
/// A transfer and a ping of 20 Hz through the tunnel, and in their middle something breaks: the TCP connection survives, and where another
/// way exists the ping is away for two seconds at most.
/// </summary>
[Collection(Scenes.Alone.Name)]
public sealed class GapTests
{
    private static readonly TimeSpan LongestGap = TimeSpan.FromSeconds(2);
    private static readonly TimeSpan Before = TimeSpan.FromSeconds(10);
    private static readonly TimeSpan After = TimeSpan.FromSeconds(40);
    private static readonly TimeSpan Blackout = TimeSpan.FromSeconds(10);
    private static readonly TimeSpan Suspended = TimeSpan.FromSeconds(30);

    /// <summary>In the short suite: past the first seconds, and long enough for what comes after.</summary>
    private static readonly TimeSpan ShortBefore = TimeSpan.FromSeconds(3);
    private static readonly TimeSpan ShortAfter = TimeSpan.FromSeconds(8);

    [LabFact]
    [Trait("Length", "Medium")]
    public Task The_direct_path_is_dark_for_ten_seconds() => SurvivesAsync("direct path dark", DarkAsync, ShortBefore, ShortAfter);

    [LabTheory]
    [Trait("Length", "Long")]
    [InlineData("direct path dark")]
    [InlineData("client's NAT forgets")]
    [InlineData("host's NAT forgets")]
    [InlineData("client renumbered")]
    [InlineData("host renumbered")]
    [InlineData("client's uplink changes")]
    [InlineData("host's uplink changes")]
    [InlineData("server restarted")]
    [InlineData("client suspended")]
    public Task Whatever_breaks(string what) => SurvivesAsync(what, Fault(what), Before, After);

    private static Func<TunnelScene, TunnelClient, Task> Fault(string what) => what switch
    {
        "direct path dark" => DarkAsync,
        "client's NAT forgets" => static (scene, _) => scene.Lab.RebindAsync("b"),
        "host's NAT forgets" => static (scene, _) => scene.Lab.RebindAsync("a"),
        "client renumbered" => static (scene, _) => scene.Lab.RenumberAsync("b", IPAddress.Parse("192.168.2.77")),
        "host renumbered" => static (scene, _) => scene.Lab.RenumberAsync("a", IPAddress.Parse("192.168.1.77")),
        "client's uplink changes" => static (scene, _) => scene.Lab.RoamAsync("b"),
        "host's uplink changes" => static (scene, _) => scene.Lab.RoamAsync("a"),
        "server restarted" => static async (scene, _) =>
        {
            scene.Server.Kill();
            await scene.Server.ExitAsync();
            await scene.StartServerAsync();
        },
        "client suspended" => static async (_, client) =>
        {
            await client.Process.SignalAsync("STOP");
            await Task.Delay(Suspended, TestContext.Current.CancellationToken);
            await client.Process.SignalAsync("CONT");
        },
        _ => throw new ArgumentOutOfRangeException(nameof(what), what, null),
    };

    private static async Task DarkAsync(TunnelScene scene, TunnelClient client)
    {
        await scene.Lab.CutAsync("peers");
        await Task.Delay(Blackout, TestContext.Current.CancellationToken);
        await scene.Lab.HealAsync("peers");
    }

    private static async Task SurvivesAsync(string what, Func<TunnelScene, TunnelClient, Task> fault, TimeSpan before, TimeSpan after)
    {
        await using var scene = await TunnelScene.StartAsync(new TunnelOptions());
        await using var pattern = PatternServer.Start(scene.Lab, "a");
        await using var echo = EchoServer.Start(scene.Lab, "a");
        var client = await scene.JoinDirectAsync();
        await using var transfer = await PatternReader.StartAsync(scene.Lab, "b", await client.AddressAsync("pattern"));
        await using var ping = Ping.Start(scene.Lab, "b", await client.AddressAsync("datagrams"));
        await Task.Delay(before, TestContext.Current.CancellationToken);
        Assert.NotEqual(0, ping.Answers);
        var from = TimeProvider.System.GetTimestamp();
        await fault(scene, client);
        // A suspended program answers nothing, whatever it is: counted from its end.
        if (what == "client suspended")
            from = TimeProvider.System.GetTimestamp();
        await Task.Delay(after, TestContext.Current.CancellationToken);
        var gap = ping.LongestGap(from);
        Measured.Write($"gap, {what}.txt", string.Create(CultureInfo.InvariantCulture, $"{what}: no answer for {gap.TotalSeconds:0.00} s at the longest"));
        Assert.True(transfer.IsReading, $"{what}: the transfer was cut off");
        await transfer.MoreAsync(1_000_000);
        Assert.True(gap <= LongestGap, $"{what}: no answer for {gap}");
    }
}
