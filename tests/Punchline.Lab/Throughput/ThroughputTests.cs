using Punchline.Lab.Driver;
using Punchline.Lab.Fixtures;
using Punchline.Lab.Scenes;

namespace Punchline.Lab.Throughput;

/// <summary>How much one TCP connection carries through the tunnel and two NATs, on a machine that does nothing else.</summary>
[Trait("Length", "Medium")]
[Collection(Alone.Name)]
public sealed class ThroughputTests
{
    /// <summary>Bits a second, on two cores that also run the NATs, iperf3 and the tests.</summary>
    private const double Demand = 300e6;

    /// <summary>The best of so many counts: what else the machine does can only slow it down.</summary>
    private const int Runs = 3;

    [LabTheory(Programs = "iperf3")]
    [InlineData(true)]
    [InlineData(false)]
    public async Task It_carries_300_megabits_a_second(bool download)
    {
        // A connection that comes and goes in the middle of a measurement ends it, as iperf3's server takes one at a time: the host must find it there at once.
        Iperf3Server? server = null;
        await using var scene = await TunnelScene.StartAsync(
            new TunnelOptions { Services = [$"iperf=tcp:{Iperf3Server.Port}"], Verbose = false },
            async lab => server = await Iperf3Server.StartAsync(lab, "a"));
        await using var serverEnd = server!;
        var port = (await (await scene.JoinDirectAsync()).AddressAsync("iperf")).Port;
        List<double> rates = [];
        for (var run = 0; run < Runs; run++)
            rates.Add(await Iperf3Server.MeasureAsync(scene.Lab, "b", port, seconds: 5, fromServer: download));

        var report = $"{(download ? "download" : "upload")}: {string.Join(", ", rates.Select(rate => $"{rate / 1e6:0}"))} Mbit/s";
        Measured.Write(download ? "throughput-download.txt" : "throughput-upload.txt", report);
        Assert.True(rates.Max() >= Demand, report);
    }
}
