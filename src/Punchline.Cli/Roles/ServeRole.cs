using System.Net;
using Punchline.Server;

namespace Punchline.Cli.Roles;

/// <summary>The server.</summary>
internal sealed class ServeRole : IRole
{
    private readonly PunchlineServer _server;
    private readonly ServerSettings _settings;
    private readonly IProgress<PunchlineEvent> _events;

    public ServeRole(ServerSettings settings, IProgress<PunchlineEvent> events)
    {
        _settings = settings;
        _events = events;
        _server = new PunchlineServer(new PunchlineServerOptions
        {
            Address = settings.Listen?.Address,
            Port = settings.Listen?.Port ?? Punchline.Invites.ServerAddress.DefaultPort,
            AlternateStunAt = settings.StunAlternative,
            Admin = settings.Admin,
            HostPassword = settings.HostPassword,
            LoggerFactory = new EventLoggerFactory(events, TimeProvider.System),
            ProgramVersion = CommandLine.Version,
        });
    }

    /// <summary>The port in use, once it runs.</summary>
    public int Port => _server.Port;

    public async Task StartAsync(CancellationToken stop)
    {
        try
        {
            await _server.StartAsync(stop);
        }
        catch (IOException e)
        {
            throw new PunchlineException(ProblemCode.PortUnavailable, e.Message, e);
        }

        _events.Report(new ServerReady(TimeProvider.System.GetUtcNow(), new IPEndPoint(_settings.Listen?.Address ?? IPAddress.IPv6Any, _server.Port)));
    }

    public async Task RunAsync(CancellationToken stop)
    {
        await StartAsync(stop);
        await Task.Delay(Timeout.Infinite, stop).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
    }

    public ValueTask DisposeAsync() => _server.DisposeAsync();
}
