using System.Diagnostics;
using System.Globalization;
using System.Net;

namespace Punchline.Lab.Driver;

/// <summary>
/// One laboratory: two hosts behind NATs of the kernel, two servers, and faults while it runs (<c>natlab/natlab</c>).
/// <code>
///   a --- ra --(ca)--+              +--(cb)-- rb --- b
///                    +---- inet ----+
///                      |        |
///                   server   server2
/// </code>
/// Several stand side by side: each has a prefix of its own that names its owner's process, and one whose owner is
/// gone is taken down by the next test process that comes.
/// </summary>
internal sealed class NatLab : IAsyncDisposable
{
    public static readonly IPAddress Server = IPAddress.Parse("198.18.0.2");
    public static readonly IPAddress ServerSecond = IPAddress.Parse("198.18.0.3");
    public static readonly IPAddress Server2 = IPAddress.Parse("198.18.1.2");
    public static readonly IPAddress ServerIpv6 = IPAddress.Parse("2001:db8:5::2");

    private static readonly string Script = Path.Combine(Repository.Lab, "natlab", "natlab");
    private static readonly Lazy<Task> Swept = new(() => LabPrefix.SweepAsync(prefix => ScriptAsync(prefix, "down")));

    private readonly string _prefix;
    private readonly List<ChildProcess> _processes = [];
    private int _disposed;

    private NatLab(string prefix)
    {
        _prefix = prefix;
        AtExit.Add(TakeDown);
    }

    /// <summary>Builds a laboratory.</summary>
    public static async Task<NatLab> UpAsync(NatLabOptions? options = null)
    {
        await Swept.Value;
        var lab = new NatLab(LabPrefix.Next());
        try
        {
            (await ScriptAsync(lab._prefix, ["up", .. (options ?? new NatLabOptions()).ToArguments()])).Ok();
        }
        catch (LabException)
        {
            await lab.DisposeAsync();
            throw;
        }

        return lab;
    }

    /// <summary>The name of a place's network namespace: a, b, server, server2, inet, ra, rb, ca, cb, cs.</summary>
    public string Namespace(string where) => _prefix + where;

    /// <summary>Starts a program in a place. It ends with the laboratory at the latest.</summary>
    public ChildProcess Start(
        string where, IReadOnlyList<string> command, string? folder = null, IReadOnlyDictionary<string, string?>? environment = null)
    {
        var program = Programs.Find(command[0]) ?? command[0];
        // 'ip netns exec' becomes the program: its process id is the program's.
        var child = ChildProcess.Start(
            ["ip", "netns", "exec", Namespace(where), program, .. command.Skip(1)], folder, environment);
        lock (_processes)
            _processes.Add(child);
        return child;
    }

    /// <summary>Runs a program in a place to its end, which must be 0.</summary>
    public async Task<string> RunAsync(string where, IReadOnlyList<string> command, TimeSpan? limit = null)
    {
        await using var child = Start(where, command);
        child.Input.Close();
        return (await child.ExitAsync(limit)).Ok().Output;
    }

    /// <summary>A silent blackout of a target in both directions: a, b, a-lan, b-lan, server, server2, peers.</summary>
    public Task CutAsync(string target) => ControlAsync("cut", target);

    /// <summary>Random loss, in percent, in both directions.</summary>
    public Task LossAsync(string target, double percent) => ControlAsync("loss", target, Text(percent));

    /// <summary>A rate in tc's words (<c>10mbit</c>), in both directions.</summary>
    public Task RateAsync(string target, string rate) => ControlAsync("rate", target, rate);

    /// <summary>Delay of a side's WAN link, each direction. Needs <see cref="NatLabOptions.Wires"/>.</summary>
    /// <param name="side">a or b.</param>
    /// <param name="milliseconds">The delay.</param>
    /// <param name="jitter">Milliseconds at most in addition; reorders.</param>
    /// <param name="duplicated">Percent.</param>
    public Task DelayAsync(string side, double milliseconds, double jitter = 0, double duplicated = 0) =>
        ControlAsync("delay", side, Text(milliseconds), Text(jitter), Text(duplicated));

    /// <summary>Undoes cut, loss, rate and delay, of one target or of all.</summary>
    public Task HealAsync(string? target = null) => target is null ? ControlAsync("heal") : ControlAsync("heal", target);

    /// <summary>A side's NATs forget every mapping.</summary>
    public Task RebindAsync(string side) => ControlAsync("rebind", side);

    /// <summary>A side switches to its other public address; the old one goes dark.</summary>
    public Task RoamAsync(string side) => ControlAsync("roam", side);

    /// <summary>A side's host gets another address in its LAN: Wi-Fi to another network.</summary>
    public Task RenumberAsync(string side, IPAddress address) => ControlAsync("renumber", side, address.ToString());

    /// <summary>A side's UDP mappings and flows, as text.</summary>
    public Task<string> MapsAsync(string side) => ControlAsync("maps", side);

    /// <summary>How many flows a router's connection tracking holds.</summary>
    public async Task<int> FlowsAsync(string router) =>
        int.Parse(await RunAsync(router, ["cat", "/proc/sys/net/netfilter/nf_conntrack_count"]), CultureInfo.InvariantCulture);

    /// <summary>The addresses of a place's devices, and for a and b the public ones of its NAT.</summary>
    public Task<string> AddressesAsync(string where) => ControlAsync("addr", where);

    /// <summary>Asks coturn's RFC 5780 client what both NATs do; it must be what was ordered.</summary>
    public Task<string> CheckAsync() => ControlAsync("check");

    /// <summary>What has passed a device of a place since the laboratory came up.</summary>
    public async Task<InterfaceCounters> CountersAsync(string where, string device = "eth0")
    {
        var folder = $"/sys/class/net/{device}/statistics/";
        var text = await RunAsync(where, ["cat", folder + "rx_bytes", folder + "tx_bytes", folder + "rx_packets", folder + "tx_packets"]);
        var values = text.Split('\n').Select(line => long.Parse(line, CultureInfo.InvariantCulture)).ToArray();
        return new InterfaceCounters(values[0], values[1], values[2], values[3]);
    }

    public async ValueTask DisposeAsync()
    {
        if (Interlocked.Exchange(ref _disposed, 1) != 0)
            return;
        AtExit.Remove(TakeDown);
        ChildProcess[] processes;
        lock (_processes)
            processes = [.. _processes];
        foreach (var process in processes)
            await process.DisposeAsync();
        (await ScriptAsync(_prefix, "down")).Ok();
    }

    private static string Text(double value) => value.ToString(CultureInfo.InvariantCulture);

    private static Task<ProcessResult> ScriptAsync(string prefix, params IReadOnlyList<string> arguments) =>
        ChildProcess.RunAsync([Script, "-p", prefix, .. arguments]);

    private async Task<string> ControlAsync(params string[] arguments) => (await ScriptAsync(_prefix, [.. arguments])).Ok().Output;

    // The test process is ending in the middle of a test: Ctrl-C, or a time limit.
    private void TakeDown()
    {
        using var down = Process.Start(Script, ["-p", _prefix, "down"]);
        down.WaitForExit();
    }
}
