using System.Globalization;
using System.Text.RegularExpressions;
using Punchline.Lab.Fixtures;

namespace Punchline.Lab.Driver;

/// <summary>Everything that passes a place's device from now on, recorded by <c>tcpdump</c>.</summary>
internal sealed partial class PacketCapture : IAsyncDisposable
{
    private const string Loopback = "lo";

    /// <summary>How long tcpdump is left to read before it is asked again whether it has all.</summary>
    private static readonly TimeSpan AskAgainAfter = TimeSpan.FromMilliseconds(50);

    private readonly string _device;
    private readonly WorkFolder _folder = new();
    private readonly ChildProcess _process;

    private PacketCapture(NatLab lab, string where, string filter, string device, int length)
    {
        _device = device;
        _process = lab.Start(
            where, ["tcpdump", "-i", device, "-n", "-U", "--immediate-mode", "-Z", "root", "-B", "16384", "-s", $"{length}", "-w", File, filter]);
    }

    private string File => _folder["packets.pcap"];

    /// <summary>Begins to record.</summary>
    /// <param name="lab">The laboratory.</param>
    /// <param name="where">The place.</param>
    /// <param name="filter">Which packets, in pcap-filter(7)'s words; empty for all.</param>
    /// <param name="device">The device.</param>
    /// <param name="length">
    /// The largest packet, in bytes. The kernel keeps a slot of that size for each packet that waits: a burst of small ones fits
    /// whole only where the slots are small.
    /// </param>
    public static async Task<PacketCapture> StartAsync(NatLab lab, string where, string filter = "", string device = "eth0", int length = 262_144)
    {
        var capture = new PacketCapture(lab, where, filter, device, length);
        try
        {
            await capture._process.ErrorLineAsync(line => line.Contains("listening on", StringComparison.Ordinal), "its start");
            return capture;
        }
        catch (LabException)
        {
            await capture.DisposeAsync();
            throw;
        }
    }

    /// <summary>Ends the recording.</summary>
    public async Task<IReadOnlyList<CapturedPacket>> StopAsync() =>
        CapturedPacket.ReadFile(await System.IO.File.ReadAllBytesAsync(await EndAsync()));

    /// <summary>Ends the recording; tcpdump then writes what it still holds.</summary>
    /// <returns>The file, which goes with this object.</returns>
    public async Task<string> EndAsync()
    {
        // INT ends tcpdump before it has read what waits for it in the kernel.
        while (!await HasReadAllAsync())
            await Task.Delay(AskAgainAfter);
        await _process.SignalAsync("INT");
        (await _process.ExitAsync()).Ok();
        return File;
    }

    private async Task<bool> HasReadAllAsync()
    {
        int told = _process.Errors.Lines.Count;
        await _process.SignalAsync("USR1");
        string line = await _process.ErrorLineAsync(line => Figures().IsMatch(line), "its figures", behind: told);
        var figures = Figures().Match(line).Groups;
        // The kernel counts a packet on loopback as it leaves and as it arrives; libpcap hands on the second only.
        int seen = Figure("received") / (_device == Loopback ? 2 : 1);
        return Figure("captured") + Figure("dropped") >= seen;

        int Figure(string name) => int.Parse(figures[name].Value, CultureInfo.InvariantCulture);
    }

    [GeneratedRegex(@"(?<captured>\d+) packets? captured, (?<received>\d+) packets? received by filter, (?<dropped>\d+) packets? dropped by kernel", RegexOptions.ExplicitCapture, matchTimeoutMilliseconds: 1000)]
    private static partial Regex Figures();

    public async ValueTask DisposeAsync()
    {
        await _process.DisposeAsync();
        _folder.Dispose();
    }
}
