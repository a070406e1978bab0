using Microsoft.Extensions.Hosting.Systemd;
using Punchline.Cli.Settings;
using Punchline.Server;

namespace Punchline.Cli.Roles;

/// <summary>One of the processes of <c>demo --nat</c>, in its place of the laboratory. It ends when its standard input does, and so never outlives the demonstration.</summary>
internal sealed class DemoPartRole(DemoSettings settings, IProgress<PunchlineEvent> events) : IRole
{
    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("punchline-demo-");

    public async Task RunAsync(CancellationToken stop)
    {
        using var ending = CancellationTokenSource.CreateLinkedTokenSource(stop);
        _ = EndWithInputAsync(ending);
        var file = settings.InviteFile ?? throw new UsageException("--part needs --invite-file");
        switch (settings.Part)
        {
            case "server":
                var options = new PunchlineServerOptions
                {
                    LoggerFactory = new EventLoggerFactory(events, TimeProvider.System),
                    ProgramVersion = CommandLine.Version,
                };
                await using (var server = new ServeRole(options, events, new SystemdNotifier()))
                    await server.RunAsync(ending.Token);
                break;
            case "host":
                await DemoHost.RunAsync(NatDemoRole.ServerAddress, _folder.FullName, settings.Qlog, invite => UserFiles.Write(file, invite), events, ending.Token);
                break;
            case "client":
                await DemoClient.RunAsync(UserFiles.Read(file), _folder.FullName, settings, events, ending.Token);
                break;
            default:
                throw new UsageException($"--part: '{settings.Part}' is neither server, host nor client");
        }
    }

    public ValueTask DisposeAsync()
    {
        _folder.Delete(recursive: true);
        return ValueTask.CompletedTask;
    }

    private static async Task EndWithInputAsync(CancellationTokenSource ending)
    {
        var buffer = new byte[16];
        await using var input = Console.OpenStandardInput();
        // A read of a pipe can't be cancelled: the process ends with it pending, or by it.
        while (await Task.Run(() => input.Read(buffer)) > 0)
        {
        }

        try
        {
            await ending.CancelAsync();
        }
        catch (ObjectDisposedException)
        {
            // It has ended already.
        }
    }
}
