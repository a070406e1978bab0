using System.Globalization;
using Punchline.Lab.Driver;
using Punchline.Lab.Fixtures;
using Punchline.Lab.Scenes;

namespace Punchline.Lab.Connectivity;

/// <summary>How long a friend waits, from the start of the process that people download, on a machine that does nothing else. `./test --full` publishes it first; with a filter that is left to who gives it.</summary>
[Trait("Length", "Long")]
[Collection(Alone.Name)]
public sealed class JoinTimeTests
{
    private const int Runs = 10;

    /// <summary>Milliseconds that a packet takes from a side to the server.</summary>
    private const int HostDelay = 15;
    private const int ClientDelay = 25;

    /// <summary>Client to host by way of the server, and back.</summary>
    private static readonly TimeSpan RoundTrip = TimeSpan.FromMilliseconds(2 * (HostDelay + ClientDelay));

    [LabFact]
    public async Task The_first_byte_comes_within_300_ms_and_the_direct_path_within_350_ms_and_four_round_trips()
    {
        var (first, direct) = await MeasureAsync("eim-apdf", "eim-apdf", waitForDirect: true);
        Report("join-times.txt", "first byte", first, TimeSpan.FromMilliseconds(300));
        Report("join-times-direct.txt", "direct", direct, TimeSpan.FromMilliseconds(350));
    }

    [LabTheory]
    [InlineData("eim-apdf", "udp-blocked")]
    [InlineData("udp-blocked", "eim-apdf")]
    [InlineData("udp-blocked", "udp-blocked")]
    public async Task Without_UDP_the_first_byte_comes_within_a_second_and_four_round_trips(string host, string client)
    {
        var (first, _) = await MeasureAsync(host, client, waitForDirect: false);
        Report($"join-times, {host} with {client}.txt", $"first byte, {host} with {client}", first, TimeSpan.FromSeconds(1));
    }

    private static async Task<(List<TimeSpan> First, List<TimeSpan> Direct)> MeasureAsync(string host, string client, bool waitForDirect)
    {
        var (first, direct) = (new List<TimeSpan>(), new List<TimeSpan>());
        for (var run = 0; run < Runs; run++)
        {
            await using var scene = await TunnelScene.StartAsync(new TunnelOptions
            {
                Lab = new NatLabOptions { ANat = host, BNat = client, Wires = true }, Services = ["echo=tcp:7777"], Published = true, Verbose = false,
            });
            await using var echo = EchoServer.Start(scene.Lab, "a");
            await scene.Lab.DelayAsync("a", HostDelay);
            await scene.Lab.DelayAsync("b", ClientDelay);
            // The host has been there for a while, as hosts have.
            await Task.Delay(TimeSpan.FromSeconds(2), TestContext.Current.CancellationToken);
            var joining = scene.Join();
            first.Add(await joining.FirstByteAsync());
            if (waitForDirect)
                direct.Add((await joining.DirectAsync()).Elapsed);
        }

        return (first, direct);
    }

    private static void Report(string file, string what, List<TimeSpan> times, TimeSpan limit)
    {
        times.Sort();
        var median = (times[(Runs - 1) / 2] + times[Runs / 2]) / 2;
        var bound = limit + (4 * RoundTrip);
        var text = string.Create(
            CultureInfo.InvariantCulture,
            $"{what}: median {median.TotalMilliseconds:0} ms of {Runs} ({times[0].TotalMilliseconds:0} to {times[^1].TotalMilliseconds:0}), bound {bound.TotalMilliseconds:0} ms, round trip {RoundTrip.TotalMilliseconds:0} ms");
        Measured.Write(file, text);
        Assert.True(median <= bound, text);
    }
}
