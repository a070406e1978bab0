using System.Globalization;
using System.Net;
using Punchline.Lab.Driver;
using Punchline.Lab.Fixtures;
using Punchline.Lab.Scenes;

namespace Punchline.Lab.Roaming;

/// <summary>
/// One side's network changes in the middle of a transfer: another address of the machine, another public address, a NAT that has
/// forgotten everything. Nobody restarts anything: the transfer goes on where it stood, over a direct path.
/// </summary>
[Trait("Length", "Medium")]
[Collection(Scenes.Alone.Name)]
public sealed class NetworkChangeTests
{
    /// <summary>Far enough into a transfer.</summary>
    private const int Enough = 1_000_000;

    /// <summary>Bytes on their way in buffers when the network changes: what comes beyond them has been sent since.</summary>
    private const int InFlight = 4_000_000;

    /// <summary>A game's own patience is longer; a path is trusted 6.5 s without a sign of life (DESIGN section 4).</summary>
    private static readonly TimeSpan LongestOutage = TimeSpan.FromSeconds(15);

    private static readonly IPAddress AnotherOfA = IPAddress.Parse("192.168.1.77");
    private static readonly IPAddress AnotherOfB = IPAddress.Parse("192.168.2.77");

    [LabFact]
    public Task The_clients_machine_gets_another_address() => SurvivesAsync("client renumbered", lab => lab.RenumberAsync("b", AnotherOfB));

    [LabFact]
    public Task The_hosts_machine_gets_another_address() => SurvivesAsync("host renumbered", lab => lab.RenumberAsync("a", AnotherOfA));

    [LabFact]
    public Task The_clients_public_address_changes() => SurvivesAsync("client roamed", lab => lab.RoamAsync("b"));

    /// <summary>The server hears of the host only when it registers anew, and ends its pairs: here a new connection may take the old one's place.</summary>
    [LabFact]
    public Task The_hosts_public_address_changes() => SurvivesAsync("host roamed", lab => lab.RoamAsync("a"), mayReconnect: true);

    [LabFact]
    public Task The_clients_NAT_forgets() => SurvivesAsync("client's NAT rebound", lab => lab.RebindAsync("b"));

    [LabFact]
    public Task The_hosts_NAT_forgets() => SurvivesAsync("host's NAT rebound", lab => lab.RebindAsync("a"));

    private static async Task SurvivesAsync(string what, Func<NatLab, Task> change, bool mayReconnect = false)
    {
        await using var scene = await TunnelScene.StartAsync(new TunnelOptions());
        await using var pattern = PatternServer.Start(scene.Lab, "a");
        var client = await scene.JoinDirectAsync();
        var place = await client.AddressAsync("pattern");
        await using var transfer = await PatternReader.StartAsync(scene.Lab, "b", place);
        await transfer.MoreAsync(Enough);

        var changed = TimeProvider.System.GetTimestamp();
        await change(scene.Lab);
        var survived = await GoesOnAsync(transfer, InFlight);
        if (!survived)
        {
            // Its end was told; whoever connects anew waits for the way, and is reset where that takes longer than 10 s.
            await using var again = await PatternReader.StartAsync(scene.Lab, "b", place);
            await again.MoreAsync(Enough);
        }

        var outage = TimeProvider.System.GetElapsedTime(changed);
        Measured.Write(
            $"network-change, {what}.txt",
            string.Create(CultureInfo.InvariantCulture, $"{what}: {(survived ? "the transfer went on" : "a new transfer came through")} after {outage.TotalSeconds:0.0} s"));
        Assert.True(survived || mayReconnect, $"{what}: the transfer was cut off");
        Assert.True(outage < LongestOutage, $"{what}: nothing came through for {outage}");
        Assert.False(client.Process.HasExited || scene.Host.HasExited);

        // Whoever comes now finds the host as before.
        var other = await scene.JoinDirectAsync();
        await using var last = await PatternReader.StartAsync(scene.Lab, "b", await other.AddressAsync("pattern"));
        await last.MoreAsync(Enough);
    }

    /// <summary>Waits until so many more bytes have come.</summary>
    /// <returns>False if the transfer ended before that.</returns>
    private static async Task<bool> GoesOnAsync(PatternReader transfer, long bytes)
    {
        var goal = transfer.Bytes + bytes;
        var since = TimeProvider.System.GetTimestamp();
        while (transfer.Bytes < goal)
        {
            if (!transfer.IsReading)
                return false;
            if (TimeProvider.System.GetElapsedTime(since) > ChildProcess.StepLimit)
                throw new LabException($"the transfer stands still at byte {transfer.Bytes}");
            await Task.Delay(TimeSpan.FromMilliseconds(20), TestContext.Current.CancellationToken);
        }

        return true;
    }
}
