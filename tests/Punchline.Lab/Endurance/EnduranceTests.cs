using System.Globalization;
using Punchline.Lab.Driver;
using Punchline.Lab.Fixtures;
using Punchline.Lab.Scenes;
using Punchline.Testing;

namespace Punchline.Lab.Endurance;

/// <summary>A host that stays while friends come and go, transfers run, and the server is killed: nothing is lost and nothing piles up.</summary>
public sealed class EnduranceTests
{
    /// <summary>Rounds after which everything has been used that ever will be: what is held then may not grow for ever.</summary>
    private const int WarmUp = 6;

    /// <summary>Rounds from one end of the server to the next.</summary>
    private const int KillEvery = 5;

    /// <summary>Of resident memory beyond what the warm host had: pools and the collector's slack, no leak of many rounds.</summary>
    private const double MemoryFactor = 1.5;

    /// <summary>Descriptors beyond what the warm host had: a connection that is just ending.</summary>
    private const int SpareDescriptors = 8;

    /// <summary>The idle time of a UDP flow, twice.</summary>
    private static readonly TimeSpan FlowsEndWithin = TimeSpan.FromMinutes(2);

    [LabFact]
    [Trait("Length", "Soak")]
    public async Task A_host_serves_friends_that_come_and_go()
    {
        var time = new SoakTime();
        await using var scene = await TunnelScene.StartAsync(new TunnelOptions { Verbose = false });
        await using var echo = EchoServer.Start(scene.Lab, "a");
        var standing = await scene.JoinDirectAsync();
        var (warm, rounds) = (default(Holding), 0);
        while (time.IsLeft || rounds <= WarmUp)
        {
            var visitor = await scene.JoinDirectAsync();
            await Task.WhenAll(VisitAsync(standing), VisitAsync(visitor));
            await visitor.StopAsync();
            if (++rounds % KillEvery == 0)
            {
                scene.Server.Kill();
                await scene.Server.ExitAsync();
                var mark = scene.Host.Mark;
                await scene.StartServerAsync();
                await scene.Host.EventAsync("ready", mark);
            }
            if (rounds == WarmUp)
                warm = Holding.Of(scene.Host.Id);
        }

        // Each visit of the standing friend leaves a UDP flow at the host, which ends when it has been idle long enough.
        var idle = new SoakTime(FlowsEndWithin);
        var now = Holding.Of(scene.Host.Id);
        while (now.Descriptors > warm.Descriptors + SpareDescriptors && idle.IsLeft)
        {
            await Task.Delay(TimeSpan.FromSeconds(1), TestContext.Current.CancellationToken);
            now = Holding.Of(scene.Host.Id);
        }

        Measured.Write("endurance.txt", string.Create(CultureInfo.InvariantCulture,
            $"{rounds} rounds; the host after {WarmUp}: {warm.Kilobytes} kB, {warm.Descriptors} descriptors; at the end: {now.Kilobytes} kB, {now.Descriptors} descriptors"));
        Assert.False(scene.Host.HasExited || standing.Process.HasExited);
        Assert.InRange(now.Kilobytes, 0, warm.Kilobytes * MemoryFactor);
        Assert.InRange(now.Descriptors, 0, warm.Descriptors + SpareDescriptors);

        async Task VisitAsync(TunnelClient client)
        {
            await EchoServer.CheckTcpAsync(scene.Lab, "b", await client.AddressAsync("echo"), bytes: 5_000_000);
            await EchoServer.CheckUdpAsync(scene.Lab, "b", await client.AddressAsync("datagrams"), datagrams: 50, bytes: 1000);
        }
    }

    /// <summary>What a process holds.</summary>
    private readonly record struct Holding(double Kilobytes, int Descriptors)
    {
        public static Holding Of(int process)
        {
            var resident = File.ReadLines($"/proc/{process}/status").Single(line => line.StartsWith("VmRSS:", StringComparison.Ordinal));
            return new Holding(
                double.Parse(resident.Split(' ', StringSplitOptions.RemoveEmptyEntries)[1], CultureInfo.InvariantCulture),
                Directory.GetFiles($"/proc/{process}/fd").Length);
        }
    }
}
