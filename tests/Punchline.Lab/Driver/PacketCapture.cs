using Punchline.Lab.Fixtures;

namespace Punchline.Lab.Driver;

/// <summary>Everything that passes a place's device from now on, recorded by <c>tcpdump</c>.</summary>
internal sealed class PacketCapture : IAsyncDisposable
{
    private static readonly TimeSpan TimeToRead = TimeSpan.FromMilliseconds(500);

    private readonly WorkFolder _folder = new();
    private readonly ChildProcess _process;

    private PacketCapture(NatLab lab, string where, string filter, string device, int length) => _process = lab.Start(
        where, ["tcpdump", "-i", device, "-n", "-U", "--immediate-mode", "-Z", "root", "-B", "16384", "-s", $"{length}", "-w", File, filter]);

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
        // A signal ends tcpdump before it has read what waits for it in the kernel: it gets time to read it.
        await Task.Delay(TimeToRead);
        await _process.SignalAsync("INT");
        (await _process.ExitAsync()).Ok();
        return File;
    }

    public async ValueTask DisposeAsync()
    {
        await _process.DisposeAsync();
        _folder.Dispose();
    }
}
