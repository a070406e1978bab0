using System.Net;
using Microsoft.Extensions.Hosting.Systemd;
using Punchline.Server;

namespace Punchline.Cli.Roles;

/// <summary>Server, host and client in one process, with nothing to set up and nothing left behind.</summary>
internal sealed class DemoRole(DemoSettings settings, IProgress<PunchlineEvent> events) : IRole
{
    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("punchline-demo-");

    public async Task RunAsync(CancellationToken stop)
    {
        using var ending = CancellationTokenSource.CreateLinkedTokenSource(stop);
        // For friends on this machine alone, so its warnings about strangers mean nothing here.
        var quiet = new Tap(value => events.Report(value is Notice notice ? new Detail(notice.Time, notice.Message) : value));
        await using var server = new ServeRole(
            new PunchlineServerOptions
            {
                Address = IPAddress.Loopback,
                Port = 0,
                LoggerFactory = new EventLoggerFactory(quiet, TimeProvider.System),
                ProgramVersion = CommandLine.Version,
            },
            quiet,
            new SystemdNotifier());
        await server.StartAsync(stop);
        var invite = new TaskCompletionSource<string>(TaskCreationOptions.RunContinuationsAsynchronously);
        var hosting = DemoHost.RunAsync(
            $"127.0.0.1:{server.Port}", Path.Combine(_folder.FullName, "host"), settings.Qlog, text => invite.TrySetResult(text), events, ending.Token);
        try
        {
            await DemoClient.BeforeTheEnd(invite.Task, hosting);
            var visiting = DemoClient.RunAsync(await invite.Task, Path.Combine(_folder.FullName, "client"), settings, events, ending.Token);
            await await Task.WhenAny(visiting, hosting);
        }
        catch (OperationCanceledException) when (stop.IsCancellationRequested)
        {
            // Stopped as asked.
        }
        finally
        {
            await ending.CancelAsync();
            await hosting.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }

    public ValueTask DisposeAsync()
    {
        _folder.Delete(recursive: true);
        return ValueTask.CompletedTask;
    }
}
