using System.Net;
using System.Text.Json;
using Punchline.Lab.Driver;
using Punchline.Lab.Fixtures;
using Punchline.Lab.Scenes;

namespace Punchline.Lab.Roaming;

/// <summary>
/// One side's network changes in the middle of a transfer: another address of the machine, another public address, a NAT that has
/// forgotten everything. The connection survives: the transfer goes on where it stood, over a direct path, and nobody left.
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

    [LabFact]
    public Task The_hosts_public_address_changes() => SurvivesAsync("host roamed", lab => lab.RoamAsync("a"));

    [LabFact]
    public Task The_clients_NAT_forgets() => SurvivesAsync("client's NAT rebound", lab => lab.RebindAsync("b"));

    [LabFact]
    public Task The_hosts_NAT_forgets() => SurvivesAsync("host's NAT rebound", lab => lab.RebindAsync("a"));

    private static async Task SurvivesAsync(string what, Func<NatLab, Task> change)
    {
        await using var scene = await TunnelScene.StartAsync(new TunnelOptions());
        await using var pattern = PatternServer.Start(scene.Lab, "a");
        var client = await scene.JoinDirectAsync();
        await using var transfer = await PatternReader.StartAsync(scene.Lab, "b", await client.AddressAsync("pattern"));
        await transfer.MoreAsync(Enough);

        var (clientMark, hostMark) = (client.Process.Mark, scene.Host.Mark);
        await change(scene.Lab);
        var outage = await LongestPauseAsync(transfer);
        Measured.Write($"network-change {what}.txt", $"{what}: the longest pause of a transfer was {outage.TotalSeconds:0.0} s");

        Assert.True(outage < LongestOutage, $"{what}: the transfer stood still for {outage}");
        Assert.False(client.Process.HasExited || scene.Host.HasExited);
        Assert.DoesNotContain(client.Process.Output.Lines.Skip(clientMark), IsDeparture);
        Assert.DoesNotContain(scene.Host.Output.Lines.Skip(hostMark), IsDeparture);

        // Whoever comes now finds the host as before.
        await using var second = await PatternReader.StartAsync(scene.Lab, "b", await client.AddressAsync("pattern"));
        await second.MoreAsync(Enough);
        var other = await scene.JoinDirectAsync();
        await using var third = await PatternReader.StartAsync(scene.Lab, "b", await other.AddressAsync("pattern"));
        await third.MoreAsync(Enough);
    }

    private static bool IsDeparture(string line)
    {
        using var document = JsonDocument.Parse(line);
        return document.RootElement.GetProperty("event").GetString() == "peer-left";
    }

    /// <summary>The longest time without a byte, until far more has come than was on its way.</summary>
    private static async Task<TimeSpan> LongestPauseAsync(PatternReader transfer)
    {
        var (longest, bytes, since) = (TimeSpan.Zero, transfer.Bytes, TimeProvider.System.GetTimestamp());
        var goal = bytes + InFlight;
        while (bytes < goal)
        {
            var pause = TimeProvider.System.GetElapsedTime(since);
            longest = pause > longest ? pause : longest;
            if (pause > ChildProcess.StepLimit || !transfer.IsReading)
                throw new LabException($"the transfer stands still at byte {bytes} for {pause}{(transfer.IsReading ? "" : ": " + await transfer.EndAsync())}");
            await Task.Delay(TimeSpan.FromMilliseconds(20), TestContext.Current.CancellationToken);
            if (transfer.Bytes > bytes)
                (bytes, since) = (transfer.Bytes, TimeProvider.System.GetTimestamp());
        }

        return longest;
    }
}
