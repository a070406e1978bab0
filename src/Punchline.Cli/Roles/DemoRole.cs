using System.Net;
using Microsoft.Extensions.Hosting.Systemd;
using Punchline.Quic;
using Punchline.Server;

namespace Punchline.Cli.Roles;

/// <summary>Server, host and client in one process, with nothing to set up and nothing left behind.</summary>
internal sealed class DemoRole(DemoSettings settings, IProgress<PunchlineEvent> events) : IRole
{
    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("punchline-demo-");
    private readonly TimeProvider _time = TimeProvider.System;

    public async Task RunAsync(CancellationToken stop)
    {
        using var ending = CancellationTokenSource.CreateLinkedTokenSource(stop);
        await using var site = await DemoSite.StartAsync(stop);
        await using var server = new ServeRole(
            new PunchlineServerOptions
            {
                Address = IPAddress.Loopback,
                Port = 0,
                LoggerFactory = new EventLoggerFactory(events, _time),
                ProgramVersion = CommandLine.Version,
            },
            events,
            new SystemdNotifier());
        await server.StartAsync(stop);

        var invite = new TaskCompletionSource<string>(TaskCreationOptions.RunContinuationsAsynchronously);
        var host = new PunchlineHost(
            new HostOptions
            {
                Services = [new ServiceSpec("web", ServiceProtocol.Tcp, "127.0.0.1", site.Port)],
                Server = $"127.0.0.1:{server.Port}",
                StateDirectory = Path.Combine(_folder.FullName, "host"),
                LoggerFactory = new EventLoggerFactory(events, _time),
            },
            new Tap(value =>
            {
                if (value is InviteCreated created)
                    invite.TrySetResult(created.Invite);
                // The client's side is what the demonstration shows.
                events.Report(value is InviteCreated or HostReady ? value : new Detail(value.Time, $"host: {value}"));
            }));
        var hosting = host.RunAsync(ending.Token);
        var listening = new TaskCompletionSource<IPEndPoint>(TaskCreationOptions.RunContinuationsAsynchronously);
        var direct = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        var joining = Task.CompletedTask;
        try
        {
            await First(invite.Task, hosting);
            var client = new PunchlineClient(
                new ClientOptions
                {
                    Invite = await invite.Task,
                    StateDirectory = Path.Combine(_folder.FullName, "client"),
                    Listen = settings.Listen,
                    LoggerFactory = new EventLoggerFactory(events, _time),
                },
                new Tap(value =>
                {
                    if (value is Listening at)
                        listening.TrySetResult(at.Address);
                    else if (value is PathChanged { Kind: PathKind.Direct })
                        direct.TrySetResult();
                    events.Report(value);
                }));
            joining = client.RunAsync(ending.Token);
            await First(direct.Task, hosting, joining);
            await DemoVisit.RunAsync(await listening.Task, events, _time, stop);
            if (!settings.Once)
            {
                events.Report(new Notice(_time.GetUtcNow(), $"Open http://{await listening.Task}/ in a browser; Ctrl-C ends."));
                await First(Task.Delay(Timeout.Infinite, stop), hosting, joining);
            }
        }
        catch (OperationCanceledException) when (stop.IsCancellationRequested)
        {
            // Stopped as asked.
        }
        finally
        {
            await ending.CancelAsync();
            await Task.WhenAll(hosting, joining).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }

    public ValueTask DisposeAsync()
    {
        _folder.Delete(recursive: true);
        return ValueTask.CompletedTask;
    }

    /// <summary>Waits for something that those who run bring about; if one of them ends, that is why it does not come.</summary>
    private static async Task First(Task wanted, params Task[] running)
    {
        var done = await Task.WhenAny([wanted, .. running]);
        await done;
        if (done != wanted)
            await wanted.WaitAsync(TimeSpan.Zero);
    }

    private sealed class Tap(Action<PunchlineEvent> action) : IProgress<PunchlineEvent>
    {
        public void Report(PunchlineEvent value) => action(value);
    }
}
