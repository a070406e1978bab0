using System.Net.Sockets;
using Punchline.Lab.Driver;
using Punchline.Lab.Fixtures;
using Punchline.Lab.Scenes;

namespace Punchline.Lab.Restart;

/// <summary>
/// One of the three is killed in the middle of a transfer, without a word, and started again: the others say so, local
/// connections end by a reset and never as if they were complete, and service resumes without a restart of the rest.
/// </summary>
[Trait("Length", "Medium")]
public sealed class RestartTests
{
    /// <summary>Far enough into a transfer.</summary>
    private const int Enough = 1_000_000;

    [LabFact]
    public async Task A_killed_client_comes_back()
    {
        await using var scene = await TunnelScene.StartAsync(new TunnelOptions());
        await using var pattern = PatternServer.Start(scene.Lab, "a");
        var client = await scene.JoinDirectAsync();
        await using var first = await PatternReader.StartAsync(scene.Lab, "b", await client.AddressAsync("pattern"));
        await first.MoreAsync(Enough);

        var mark = scene.Host.Mark;
        client.Process.Kill();
        await client.Process.ExitAsync();
        await first.EndAsync();

        // At once, with the same key: it must not wait until the host has noticed.
        client.StartAgain();
        await client.DirectAsync();
        await using var second = await PatternReader.StartAsync(scene.Lab, "b", await client.AddressAsync("pattern"));
        await second.MoreAsync(Enough);

        await scene.Host.EventAsync("peer-left", mark);
        await pattern.EndedAsync(Enough);
        await second.MoreAsync(Enough);
        Assert.False(scene.Host.HasExited || scene.Server.HasExited);
    }

    [LabFact]
    public async Task A_killed_host_comes_back()
    {
        await using var scene = await TunnelScene.StartAsync(new TunnelOptions());
        await using var pattern = PatternServer.Start(scene.Lab, "a");
        var client = await scene.JoinDirectAsync();
        var invite = scene.Invite;
        await using var first = await PatternReader.StartAsync(scene.Lab, "b", await client.AddressAsync("pattern"));
        await first.MoreAsync(Enough);

        var mark = client.Process.Mark;
        scene.Host.Kill();
        await scene.Host.ExitAsync();
        await scene.StartHostAsync();
        Assert.Equal(invite, scene.Invite);

        // Cut short is not complete: the reader must be told.
        Assert.Equal(SocketError.ConnectionReset, await first.EndAsync());
        await client.Process.EventAsync("peer-left", mark);
        await client.DirectAsync(mark);
        await using var second = await PatternReader.StartAsync(scene.Lab, "b", await client.AddressAsync("pattern"));
        await second.MoreAsync(Enough);
        Assert.False(client.Process.HasExited || scene.Server.HasExited);
    }

    [LabFact]
    public async Task A_killed_server_disturbs_no_direct_connection_and_comes_back()
    {
        await using var scene = await TunnelScene.StartAsync(new TunnelOptions());
        await using var pattern = PatternServer.Start(scene.Lab, "a");
        var client = await scene.JoinDirectAsync();
        await using var transfer = await PatternReader.StartAsync(scene.Lab, "b", await client.AddressAsync("pattern"));
        await transfer.MoreAsync(Enough);

        var (hostMark, clientMark) = (scene.Host.Mark, client.Process.Mark);
        scene.Server.Kill();
        await scene.Server.ExitAsync();
        await scene.Host.EventAsync("error", hostMark, error => error.GetProperty("code").GetString() == "server-unreachable");
        // Some ten seconds without a server: more than any path is trusted without a sign of life.
        await transfer.MoreAsync(20 * Enough);

        hostMark = scene.Host.Mark;
        await scene.StartServerAsync();
        await scene.Host.EventAsync("ready", hostMark);
        var other = await scene.JoinDirectAsync();
        await using var second = await PatternReader.StartAsync(scene.Lab, "b", await other.AddressAsync("pattern"));
        await second.MoreAsync(Enough);

        await transfer.MoreAsync(Enough);
        Assert.False(client.Process.HasExited || scene.Host.HasExited);
        Assert.DoesNotContain(
            client.Process.Output.Lines.Skip(clientMark), line => line.Contains("\"peer-left\"", StringComparison.Ordinal));
    }
}
