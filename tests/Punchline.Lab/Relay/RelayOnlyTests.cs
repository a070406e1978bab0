using System.Net;
using System.Text;
using Punchline.Lab.Driver;
using Punchline.Lab.Fixtures;
using Punchline.Lab.Scenes;

namespace Punchline.Lab.Relay;

/// <summary>With <c>--relay-only</c> the other side never learns where this one is: by no packet, no message and no line.</summary>
[Trait("Length", "Medium")]
public sealed class RelayOnlyTests
{
    [LabTheory(Programs = "tcpdump")]
    [InlineData(true)]
    [InlineData(false)]
    public async Task Who_hides_is_seen_by_the_server_alone(bool hostHides)
    {
        await using var work = new Work();
        await using var scene = await TunnelScene.StartAsync(new TunnelOptions
        {
            // Without NATs each side's own addresses are those that the other could reach, and would see.
            Lab = new NatLabOptions { ANat = "none", BNat = "none" },
            HostArguments = hostHides ? ["--relay-only", "--qlog", work["host"]] : ["--qlog", work["host"]],
        });
        await using var echo = EchoServer.Start(scene.Lab, "a");
        var (hidden, other) = hostHides ? ("a", "b") : ("b", "a");
        var addresses = await AddressesOfAsync(scene.Lab, hidden);
        await using var line = await PacketCapture.StartAsync(scene.Lab, other, "ip or ip6");
        await using var own = await PacketCapture.StartAsync(scene.Lab, hidden, "ip or ip6");
        var client = scene.Join("b", [.. hostHides ? Array.Empty<string>() : ["--relay-only"], "--qlog", work["client"]]);
        await EchoServer.CheckTcpAsync(scene.Lab, "b", await client.AddressAsync("echo"), bytes: 300_000);
        // By then everything was tried that would be.
        Assert.Equal("relay-only", (await client.Process.EventAsync("relayed", 0)).GetProperty("cause").GetString());
        Assert.Equal("relay-only", (await scene.Host.EventAsync("relayed", 0)).GetProperty("cause").GetString());
        await client.StopAsync();

        // No packet between the two, either way, on either line.
        var theirs = await AddressesOfAsync(scene.Lab, other);
        var seen = await line.StopAsync();
        Assert.NotEmpty(seen);
        Assert.DoesNotContain(seen, packet => addresses.Contains(packet.Source.Address) || addresses.Contains(packet.Target.Address));
        Assert.DoesNotContain(await own.StopAsync(), packet => theirs.Contains(packet.Source.Address) || theirs.Contains(packet.Target.Address));

        // Nor is an address anywhere in what the other side printed, and it sees what is encrypted on the line: its qlog.
        var process = hostHides ? client.Process : scene.Host;
        var said = string.Join('\n', process.Output.Lines.Concat(process.Errors.Lines));
        var decrypted = work.TextOf(hostHides ? "client" : "host");
        Assert.Contains("packet_received", decrypted, StringComparison.Ordinal);
        foreach (var address in addresses)
        {
            Assert.DoesNotContain(address.ToString(), said, StringComparison.Ordinal);
            Assert.DoesNotContain(address.ToString(), decrypted, StringComparison.Ordinal);
        }
    }

    /// <summary>A side's addresses, loopback and link-local ones aside: the other side has those, too.</summary>
    private static async Task<HashSet<IPAddress>> AddressesOfAsync(NatLab lab, string where)
    {
        var text = await lab.RunAsync(where, ["ip", "-o", "addr", "show", "scope", "global"]);
        var addresses = text.Split((char[])[' ', '\n'], StringSplitOptions.RemoveEmptyEntries)
            .Where(word => word.Contains('/', StringComparison.Ordinal))
            .Select(word => IPAddress.TryParse(word.Split('/')[0], out var address) ? address : null)
            .OfType<IPAddress>().ToHashSet();
        Assert.NotEmpty(addresses);
        return addresses;
    }

    private sealed class Work : IAsyncDisposable
    {
        private readonly WorkFolder _folder = new();

        public string this[string name] => _folder[name];

        public string TextOf(string name)
        {
            var text = new StringBuilder();
            foreach (var file in Directory.EnumerateFiles(this[name], "*", SearchOption.AllDirectories))
                text.Append(File.ReadAllText(file));
            return text.ToString();
        }

        public ValueTask DisposeAsync()
        {
            _folder.Dispose();
            return ValueTask.CompletedTask;
        }
    }
}
