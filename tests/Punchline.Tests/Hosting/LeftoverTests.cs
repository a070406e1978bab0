using Xunit;

namespace Punchline.Tests.Hosting;

/// <summary>Tests that count what the whole process has: nothing else runs beside them.</summary>
[CollectionDefinition(nameof(WholeProcess), DisableParallelization = true)]
[System.Diagnostics.CodeAnalysis.SuppressMessage("Design", "CA1052", Justification = "xunit wants a class that can be made")]
public sealed class WholeProcess;

/// <summary>Who embeds the library starts and ends hosts, clients and servers as often as they like.</summary>
[Collection(nameof(WholeProcess))]
public sealed class LeftoverTests
{
    private const int Rounds = 20;

    private const int Connections = 1000;

    /// <summary>Connections after which everything has been used that ever will be.</summary>
    private const int WarmUp = 100;

    /// <summary>Who come by turns: each may begin two handshakes in a second.</summary>
    private const int Friends = 4;

    /// <summary>Of managed memory beyond what there was when all was warm: less than 100 bytes for each connection.</summary>
    private const double MemoryFactor = 1.05;

    [Fact]
    [Trait("Length", "Long")]
    public async Task A_thousand_connections_in_a_row_leave_nothing_behind()
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "counts what /proc shows");
        await using Rig rig = await Rig.StartAsync();
        using var echo = new TcpEcho();
        RunningRole host = rig.Host(echo.Spec("echo"));
        string invite = await Rig.InviteOf(host);
        (int threads, int descriptors, long memory) = (0, 0, 0);
        for (int i = 0; i < Connections; i++)
        {
            await VisitAsync(rig, invite, $"friend{i % Friends}");
            rig.ForgetEnded();
            host.Events.Clear();
            if (i == WarmUp)
            {
                descriptors = (await SettleAsync(int.MaxValue, int.MaxValue)).Length;
                (threads, memory) = (Threads().Length, GC.GetTotalMemory(forceFullCollection: true));
            }
        }
        string[] after = await SettleAsync(threads, descriptors);
        long now = GC.GetTotalMemory(forceFullCollection: true);
        TestContext.Current.TestOutputHelper?.WriteLine($"{memory:N0} bytes after {WarmUp}, {now:N0} after {Connections}");
        Assert.True(Threads().Length <= threads, $"{threads} threads before, now {string.Join(", ", Threads())}");
        Assert.True(after.Length <= descriptors, $"{descriptors} descriptors before, now {string.Join(", ", after)}");
        Assert.InRange(now, 0, memory * MemoryFactor);
    }

    [Fact]
    [Trait("Length", "Medium")]
    public async Task Twenty_rounds_leave_no_thread_and_no_descriptor_behind()
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "counts what /proc shows");
        // The first rounds make what the runtime keeps: its pools, its socket engine, its watcher of the network.
        await RoundAsync();
        await RoundAsync();
        string[] before = await SettleAsync(int.MaxValue, int.MaxValue);
        (int threads, int descriptors) = (Threads().Length, before.Length);
        for (int i = 0; i < Rounds; i++)
            await RoundAsync();
        string[] after = await SettleAsync(threads, descriptors);
        Assert.True(Threads().Length <= threads, $"{threads} threads before, now {string.Join(", ", Threads())}");
        Assert.True(after.Length <= descriptors, $"{descriptors} descriptors before, now {string.Join(", ", after)}; before {string.Join(", ", before)}");
    }

    private static async Task RoundAsync()
    {
        await using Rig rig = await Rig.StartAsync();
        using var echo = new TcpEcho();
        RunningRole host = rig.Host(echo.Spec("echo"));
        await VisitAsync(rig, await Rig.InviteOf(host), "client");
        await host.StopAsync();
    }

    private static async Task VisitAsync(Rig rig, string invite, string name)
    {
        RunningRole client = rig.Client(invite, name);
        await client.DirectAsync();
        await Visitor.EchoAsync(await Rig.PortOf(client, "echo"), 10_000);
        await client.StopAsync();
    }

    // What is ended may take a moment to go: sockets that the other side closes, a thread on its way out. It is waited for, but not for ever.
    private static async Task<string[]> SettleAsync(int threads, int descriptors)
    {
        long start = TimeProvider.System.GetTimestamp();
        (int Threads, int Descriptors) last = default;
        int still = 0;
        while (TimeProvider.System.GetElapsedTime(start) < EventRecorder.Limit)
        {
            (int Threads, int Descriptors) now = (Threads().Length, Descriptors().Length);
            if (now.Threads <= threads && now.Descriptors <= descriptors && (threads < int.MaxValue || ++still > 20))
                break;
            still = now == last ? still : 0;
            last = now;
            await Task.Delay(50);
        }
        return Descriptors();
    }

    // The runtime's own (".NET TP Worker" and so on) come and go as it likes, and belong to nobody.
    private static string[] Threads() =>
        [.. Directory.EnumerateDirectories("/proc/self/task").Select(NameOf).Where(name => name.Length > 0 && !name.StartsWith(".NET", StringComparison.Ordinal))];

    private static string NameOf(string thread)
    {
        try
        {
            return File.ReadAllText(Path.Combine(thread, "comm")).Trim();
        }
        catch (IOException)
        {
            // It has just ended.
            return "";
        }
    }

    // The listing has a descriptor of its own, as have files that are read meanwhile: sockets, pipes and the like are what could be left.
    private static string[] Descriptors() =>
        [.. Directory.EnumerateFileSystemEntries("/proc/self/fd").Select(TargetOf).Where(target => target.Contains(':', StringComparison.Ordinal)).Order(StringComparer.Ordinal)];

    private static string TargetOf(string descriptor)
    {
        try
        {
            return new FileInfo(descriptor).LinkTarget ?? "";
        }
        catch (IOException)
        {
            return "";
        }
    }
}
