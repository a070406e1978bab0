using System.Net;
using System.Net.Sockets;
using Microsoft.Extensions.Hosting.Systemd;
using Punchline.Server;

namespace Punchline.Cli.Roles;

/// <summary>The server. A service manager that waits for it is told when it serves and when it goes (sd_notify(3)).</summary>
internal sealed class ServeRole(PunchlineServerOptions options, IProgress<PunchlineEvent> events, ISystemdNotifier systemd) : IRole
{
    private readonly PunchlineServer _server = new(options);

    /// <summary>The port in use, once it runs.</summary>
    public int Port => _server.Port;

    /// <summary>Binds all ports and begins to serve.</summary>
    /// <exception cref="PunchlineException">A port or an address cannot be had.</exception>
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

        events.Report(new ServerReady(options.Time.GetUtcNow(), new IPEndPoint(options.Address ?? IPAddress.IPv6Any, _server.Port)));
    }

    /// <summary>Serves until it is stopped.</summary>
    /// <exception cref="PunchlineException">It cannot begin, or can serve no longer: a service manager starts it again.</exception>
    public async Task RunAsync(CancellationToken stop)
    {
        await StartAsync(stop);
        Notify(ServiceState.Ready);
        try
        {
            await _server.Completion.WaitAsync(stop);
        }
        catch (OperationCanceledException) when (stop.IsCancellationRequested)
        {
            // Stopped by its user: the ordinary end.
        }
        catch (IOException e)
        {
            throw new PunchlineException(ProblemCode.Internal, e.Message, e);
        }
        finally
        {
            Notify(ServiceState.Stopping);
        }
        // Those that are relayed move first; who does not want to wait for it says so by a second signal.
        await _server.StopAsync(CancellationToken.None);
    }

    public ValueTask DisposeAsync() => _server.DisposeAsync();

    private void Notify(ServiceState state)
    {
        try
        {
            systemd.Notify(state);
        }
        catch (SocketException e)
        {
            // NOTIFY_SOCKET may be another program's, inherited: no reason not to serve.
            events.Report(new Notice(options.Time.GetUtcNow(), $"systemd cannot be told: {e.Message}"));
        }
    }
}
