using System.Net;
using Punchline.Quic;

namespace Punchline.Cli.Roles;

/// <summary>An event receiver from a function.</summary>
internal sealed class Tap(Action<PunchlineEvent> action) : IProgress<PunchlineEvent>
{
    public void Report(PunchlineEvent value) => action(value);
}

/// <summary>The demonstration's host: the small web site, shared.</summary>
internal static class DemoHost
{
    /// <summary>Shares until it is cancelled.</summary>
    /// <param name="server">The server, as a host names it.</param>
    /// <param name="state">The host's folder.</param>
    /// <param name="qlog">The folder of qlog files, or null.</param>
    /// <param name="invited">Told the invite.</param>
    /// <param name="events">Told what a friend's side would not see anyway.</param>
    /// <param name="stop">Ends it.</param>
    public static async Task RunAsync(string server, string state, string? qlog, Action<string> invited, IProgress<PunchlineEvent> events, CancellationToken stop)
    {
        await using var site = await DemoSite.StartAsync(stop);
        var host = new PunchlineHost(
            new HostOptions
            {
                Services = [new ServiceSpec("web", ServiceProtocol.Tcp, "127.0.0.1", site.Port)],
                Server = server,
                StateDirectory = state,
                QlogDirectory = qlog,
                LoggerFactory = new EventLoggerFactory(events, TimeProvider.System),
            },
            new Tap(value =>
            {
                // The client's side is what the demonstration shows.
                events.Report(value is InviteCreated or HostReady or Problem ? value : new Detail(value.Time, $"host: {value}"));
                if (value is InviteCreated created)
                    invited(created.Invite);
            }));
        await host.RunAsync(stop);
    }
}

/// <summary>The demonstration's client: joins, visits the site through the tunnel, and perhaps stays for a browser.</summary>
internal static class DemoClient
{
    public static async Task RunAsync(
        string invite, string state, DemoSettings settings, IProgress<PunchlineEvent> events, CancellationToken stop)
    {
        using var ending = CancellationTokenSource.CreateLinkedTokenSource(stop);
        var listening = new TaskCompletionSource<IPEndPoint>(TaskCreationOptions.RunContinuationsAsynchronously);
        var direct = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        var client = new PunchlineClient(
            new ClientOptions
            {
                Invite = invite,
                StateDirectory = state,
                Listen = settings.Listen,
                QlogDirectory = settings.Qlog,
                KeyLogFile = settings.KeyLog,
                LoggerFactory = new EventLoggerFactory(events, TimeProvider.System),
            },
            new Tap(value =>
            {
                events.Report(value);
                if (value is Listening at)
                    listening.TrySetResult(at.Address);
                else if (value is PathChanged { Kind: PathKind.Direct })
                    direct.TrySetResult();
            }));
        var joining = client.RunAsync(ending.Token);
        try
        {
            await BeforeTheEnd(direct.Task, joining);
            var address = await listening.Task;
            await DemoVisit.RunAsync(address, events, TimeProvider.System, stop);
            if (!settings.Once)
            {
                events.Report(new Notice(TimeProvider.System.GetUtcNow(), $"Open http://{address}/ in a browser; Ctrl-C ends."));
                await joining;
            }
        }
        catch (OperationCanceledException) when (stop.IsCancellationRequested)
        {
            // Stopped as asked.
        }
        finally
        {
            await ending.CancelAsync();
            await joining.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }

    /// <summary>Waits for what a running role brings about; if that ends first, its error is why it does not come.</summary>
    public static async Task BeforeTheEnd(Task wanted, Task running)
    {
        await await Task.WhenAny(wanted, running);
        if (!wanted.IsCompleted)
            throw new OperationCanceledException("it was stopped first");
    }
}
