using System.ComponentModel;
using System.Diagnostics;
using System.Globalization;
using System.Net;

namespace Punchline.Cli.Roles;

/// <summary>
/// The demonstration behind two NATs of the kernel: the laboratory's script makes network namespaces, and server, host and
/// client run in three of them, each in a process of its own.
/// <code>
///   host --- NAT ---+           +--- NAT --- client
///                   +--- net ---+
///                        |
///                      server
/// </code>
/// </summary>
internal sealed class NatDemoRole(DemoSettings settings, IProgress<PunchlineEvent> events) : IRole
{
    /// <summary>The server's address in the laboratory.</summary>
    public const string ServerAddress = "198.18.0.2:3478";

    private const string Script = "natlab";

    /// <summary>For a process to end once it was told to.</summary>
    private static readonly TimeSpan Farewell = TimeSpan.FromSeconds(10);

    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("punchline-demo-");
    private readonly List<Process> _processes = [];

    // Interface names have at most 15 characters: the process id in base 16 keeps several demonstrations apart.
    private readonly string _prefix = string.Create(CultureInfo.InvariantCulture, $"d{Environment.ProcessId:x}-");
    private bool _up;

    private string InviteFile => Path.Combine(_folder.FullName, "invite");

    public async Task RunAsync(CancellationToken stop)
    {
        if (!OperatingSystem.IsLinux() || !Environment.IsPrivilegedProcess)
            throw new UsageException("--nat makes network namespaces: it needs Linux and root, try 'sudo punchline demo --nat'");
        try
        {
            await UpAsync(stop);
            Start("server", "server");
            await HealthyAsync(stop);
            string[] qlog = settings.Qlog is { } folder ? ["--qlog", folder] : [];
            string[] keyLog = settings.KeyLog is { } file ? ["--keylog", file] : [];
            var host = Start("a", "host", qlog);
            await InvitedAsync(host, stop);
            events.Report(new Notice(
                TimeProvider.System.GetUtcNow(), $"The client runs in the network namespace {_prefix}b, behind a NAT of its own, as the host does in {_prefix}a."));
            var client = Start("b", "client", [.. qlog, .. keyLog, .. settings.Once ? ["--once"] : Array.Empty<string>(), .. settings.Listen is { } at ? ["--listen", $"{at}"] : Array.Empty<string>()]);
            await Task.WhenAny(client.WaitForExitAsync(stop), host.WaitForExitAsync(stop));
            stop.ThrowIfCancellationRequested();
            var (name, ended) = client.HasExited ? ("client", client) : ("host", host);
            if (ended.ExitCode != 0 || !settings.Once)
                throw new PunchlineException(ProblemCode.ConnectionLost, $"the demonstration's {name} ended with exit code {ended.ExitCode}");
        }
        catch (OperationCanceledException) when (stop.IsCancellationRequested)
        {
            // Stopped as asked.
        }
    }

    public async ValueTask DisposeAsync()
    {
        foreach (var process in Enumerable.Reverse(_processes))
        {
            process.StandardInput.Close();
            using var limit = new CancellationTokenSource(Farewell);
            try
            {
                await process.WaitForExitAsync(limit.Token);
            }
            catch (OperationCanceledException)
            {
                process.Kill(entireProcessTree: true);
            }

            process.Dispose();
        }

        if (_up)
            await ScriptAsync("down", CancellationToken.None);
        _folder.Delete(recursive: true);
    }

    private async Task UpAsync(CancellationToken stop)
    {
        await using (var source = typeof(NatDemoRole).Assembly.GetManifestResourceStream(Script)!)
        await using (var target = File.Create(Path.Combine(_folder.FullName, Script)))
            await source.CopyToAsync(target, stop);
        _up = true;
        await ScriptAsync("up", stop);
    }

    private async Task ScriptAsync(string command, CancellationToken stop)
    {
        using var process = Run("bash", [Path.Combine(_folder.FullName, Script), "-p", _prefix, command], capture: true);
        var said = process.StandardError.ReadToEndAsync(stop);
        await process.StandardOutput.ReadToEndAsync(stop);
        await process.WaitForExitAsync(stop);
        if (process.ExitCode != 0)
            throw new PunchlineException(ProblemCode.State, $"the laboratory can't be brought {command}: {(await said).Trim().ReplaceLineEndings(" ")}");
    }

    private Process Start(string where, string part, params string[] more)
    {
        var arguments = new List<string> { "netns", "exec", _prefix + where };
        arguments.AddRange(Self());
        arguments.AddRange(["demo", "--part", part, "--invite-file", InviteFile]);
        arguments.AddRange(settings.CommonOptions.Split(' ', StringSplitOptions.RemoveEmptyEntries));
        arguments.AddRange(more);
        // 'ip netns exec' becomes the program: its process id is the program's.
        var process = Run("ip", arguments, capture: false);
        _processes.Add(process);
        return process;
    }

    /// <summary>How this program was started: by its own file, or as an assembly by 'dotnet'.</summary>
    private static string[] Self()
    {
        var file = Environment.ProcessPath!;
        return Path.GetFileNameWithoutExtension(file) == "dotnet" ? [file, Environment.GetCommandLineArgs()[0]] : [file];
    }

    private static Process Run(string program, IEnumerable<string> arguments, bool capture)
    {
        var start = new ProcessStartInfo(program)
        {
            UseShellExecute = false,
            RedirectStandardInput = true,
            RedirectStandardOutput = capture,
            RedirectStandardError = capture,
        };
        foreach (var argument in arguments)
            start.ArgumentList.Add(argument);
        try
        {
            return Process.Start(start)!;
        }
        catch (Win32Exception e)
        {
            throw new PunchlineException(ProblemCode.State, $"'{program}' can't be started: {e.Message}", e);
        }
    }

    /// <summary>Waits until the server answers: no event crosses from one process to the other.</summary>
    private async Task HealthyAsync(CancellationToken stop)
    {
        await WaitAsync(_processes[0], "server", async () =>
        {
            using var look = Run("ip", ["netns", "exec", _prefix + "server", "bash", "-c", $"exec 3<>/dev/tcp/{IPAddress.Loopback}/3478"], capture: true);
            await look.WaitForExitAsync(stop);
            return look.ExitCode == 0;
        }, stop);
    }

    private Task InvitedAsync(Process host, CancellationToken stop) => WaitAsync(host, "host", () => Task.FromResult(File.Exists(InviteFile)), stop);

    private static async Task WaitAsync(Process process, string name, Func<Task<bool>> there, CancellationToken stop)
    {
        using var timer = new PeriodicTimer(TimeSpan.FromMilliseconds(50));
        while (!await there())
        {
            if (process.HasExited)
                throw new PunchlineException(ProblemCode.ConnectionLost, $"the demonstration's {name} ended with exit code {process.ExitCode}");
            await timer.WaitForNextTickAsync(stop);
        }
    }
}
