using System.Globalization;
using System.Net;
using System.Net.Sockets;
using Punchline.Lab.Driver;
using Punchline.Lab.Scenes;

namespace Punchline.Lab.CommandLine;

/// <summary>
/// Where <c>join</c> listens when the usual port is taken. In a network namespace, so that nothing else on this machine has one of the ports.
/// </summary>
[Trait("Length", "Medium")]
public sealed class LocalPortTests
{
    private const int First = 52_000;
    private const int Last = 52_009;

    /// <summary>port-unavailable (docs/cli.md).</summary>
    private const int PortUnavailable = 9;

    private static readonly TunnelOptions OneService = new() { Services = ["echo=tcp:7777"] };

    [LabFact]
    public async Task The_usual_port_moves_on_to_52009_and_says_so_but_no_further()
    {
        await using var scene = await TunnelScene.StartAsync(OneService);
        List<Socket> taken = [];
        try
        {
            Take(scene, taken, First, 52_001);
            await ExpectAtAsync(scene, "second", 52_002);
            Take(scene, taken, 52_002, Last - 1);
            await ExpectAtAsync(scene, "last", Last);
            Take(scene, taken, Last, Last);

            await using var refused = Join(scene, "none");
            var result = await refused.ExitAsync();
            Assert.Equal(PortUnavailable, result.ExitCode);
            Assert.Contains("52000 to 52009", result.Output, StringComparison.Ordinal);
            Assert.Contains("\"port-unavailable\"", result.Output, StringComparison.Ordinal);
        }
        finally
        {
            foreach (var socket in taken)
                socket.Dispose();
        }
    }

    [LabFact]
    public async Task An_address_that_was_asked_for_is_had_or_is_an_error()
    {
        await using var scene = await TunnelScene.StartAsync(OneService);
        List<Socket> taken = [];
        Take(scene, taken, First, First);
        using (taken[0])
        {
            foreach (var address in new[] { $"127.0.0.1:{First}", "203.0.113.9:52000" })
            {
                await using var refused = Join(scene, "asked", "--listen", address);
                var result = await refused.ExitAsync();
                Assert.Equal(PortUnavailable, result.ExitCode);
                Assert.Contains(address, result.Output, StringComparison.Ordinal);
                Assert.DoesNotContain("\"listening\"", result.Output, StringComparison.Ordinal);
            }
        }
    }

    private static async Task ExpectAtAsync(TunnelScene scene, string state, int port)
    {
        await using var client = Join(scene, state);
        var notice = await client.EventAsync("notice", 0);
        var message = notice.GetProperty("message").GetString();
        Assert.Contains("127.0.0.1:52000 can't be had", message, StringComparison.Ordinal);
        var address = string.Create(CultureInfo.InvariantCulture, $"127.0.0.1:{port}");
        Assert.Contains(address, message, StringComparison.Ordinal);
        var listening = await client.EventAsync("listening", 0, found => found.GetProperty("service").GetString() == "echo");
        Assert.Equal(address, listening.GetProperty("address").GetString());
    }

    private static ChildProcess Join(TunnelScene scene, string state, params IReadOnlyList<string> arguments) =>
        scene.Start($"join {state}", "b", "join", [scene.Invite, "--state", state, .. arguments]);

    private static void Take(TunnelScene scene, List<Socket> taken, int from, int to)
    {
        for (var port = from; port <= to; port++)
            taken.Add(LabSocket.Listen(scene.Lab, "b", new IPEndPoint(IPAddress.Loopback, port)));
    }
}
