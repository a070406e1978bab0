using System.Net;
using System.Net.Security;
using System.Net.Sockets;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.AspNetCore.Server.Kestrel.Https;
using Microsoft.AspNetCore.Server.Kestrel.Transport.Sockets;
using Microsoft.AspNetCore.WebSockets;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Punchline.Server.Control;
using Punchline.Server.Directory;
using Punchline.Server.Relay;
using Punchline.Udp;

namespace Punchline.Server;

/// <summary>
/// The server: control channels on TCP, STUN and forwarding on UDP, both at one port number, and perhaps an administrator's page.
/// Keeps nothing on disk and needs no rights. Start once, stop once.
/// </summary>
public sealed class PunchlineServer : IAsyncDisposable
{
    private readonly PunchlineServerOptions _options;
    private readonly ILogger _log;
    private readonly MonotonicClock _clock;
    private readonly RelayTable _relays;
    private readonly HostDirectory _directory;
    private readonly ServerMetrics _metrics = new();
    private readonly ControlService _control;
    private readonly RelayForwarder _forwarder;
    private readonly ChannelInbox _inbox = new();
    private readonly ConnectionGate _gate;
    private readonly TaskCompletionSource _completion = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private UdpLoop? _udp;
    private WebApplication? _web;
    private WebApplication? _admin;
    private ITimer? _sweep;
    private bool _stopped;

    /// <summary>A server that does not run yet.</summary>
    /// <param name="options">How it is to run.</param>
    public PunchlineServer(PunchlineServerOptions options)
    {
        ArgumentNullException.ThrowIfNull(options);
        _options = options;
        _log = options.LoggerFactory.CreateLogger("Punchline.Server");
        _clock = new MonotonicClock(options.Time);
        _relays = new RelayTable(options.Randomness);
        _directory = new HostDirectory(_relays, _clock, options);
        _control = new ControlService(options, _clock, _directory, _inbox, _metrics, () => !_completion.Task.IsFaulted, _log);
        _gate = new ConnectionGate(options, _clock);
        _forwarder = new RelayForwarder(_relays, options.Randomness);
        _metrics.Observe(() => (_directory.HostCount, _relays.PairCount, _control.ChannelCount), _forwarder.Counters, _inbox);
    }

    /// <summary>The port in use, TCP and UDP; 0 before the start.</summary>
    public int Port { get; private set; }

    /// <summary>The second STUN port, 0 without one.</summary>
    public int AlternatePort { get; private set; }

    /// <summary>The port of TLS in use, 0 without one.</summary>
    public int TlsPort { get; private set; }

    /// <summary>Where the administrator's page is; null without one.</summary>
    public IPEndPoint? AdminEndpoint { get; private set; }

    /// <summary>
    /// Completes when the server has stopped. Faults with an <see cref="IOException"/> when it can serve no longer, though it was not
    /// stopped: what remains to do is <see cref="StopAsync"/>.
    /// </summary>
    public Task Completion => _completion.Task;

    /// <summary>Binds all ports and begins to serve.</summary>
    /// <param name="cancellationToken">Gives the start up.</param>
    /// <exception cref="IOException">A port or address cannot be had; the message names it.</exception>
    public async Task StartAsync(CancellationToken cancellationToken = default)
    {
        if (Port != 0 || _stopped)
            throw new InvalidOperationException("A server starts once.");
        UdpPlatform platform = _options.UdpPlatform ?? UdpPlatform.FromEnvironment();
        UdpPorts ports = await BindAsync(platform, cancellationToken).ConfigureAwait(false);
        Port = ports.Port;
        AlternatePort = ports.AlternatePort;
        _udp = new UdpLoop(ports, platform.CreatePoller(), _forwarder, _inbox, _clock, _log);
        _ = WatchAsync(_udp.Completion);
        if (_options.Admin is { } admin)
        {
            _admin = BuildWeb(kestrel => kestrel.Listen(admin), _ => { }, HandleAdminAsync, dualMode: false);
            await StartWebAsync(_admin, $"the administrator's page at {admin}", cancellationToken).ConfigureAwait(false);
            AdminEndpoint = new IPEndPoint(admin.Address, PortOf(_admin, Uri.UriSchemeHttp));
        }
        _sweep = _options.Time.CreateTimer(static state => ((PunchlineServer)state!).Sweep(), this, ServerLimits.Sweep, ServerLimits.Sweep);
        ServerLog.Listening(_log, Port, AlternatePort);
        if (string.IsNullOrEmpty(_options.HostPassword) && _options.AllowedHosts is null)
            ServerLog.NoPassword(_log);
    }

    /// <summary>
    /// Tells the peers, serves those that are there until they have gone elsewhere, for some seconds at most, then closes all ports.
    /// Standing direct connections do not notice.
    /// </summary>
    /// <param name="cancellationToken">Ends at once what is still open.</param>
    public Task StopAsync(CancellationToken cancellationToken = default) => EndAsync(cancellationToken, cancellationToken);

    /// <summary>Tells the peers and closes all ports at once.</summary>
    public async ValueTask DisposeAsync() => await EndAsync(new CancellationToken(canceled: true), CancellationToken.None).ConfigureAwait(false);

    private async Task EndAsync(CancellationToken endGrace, CancellationToken endConnections)
    {
        if (_stopped)
            return;
        _stopped = true;
        ServerLog.Stopping(_log);
        if (_sweep is not null)
            await _sweep.DisposeAsync().ConfigureAwait(false);
        await _control.StopAsync(endGrace).ConfigureAwait(false);
        foreach (WebApplication? web in new[] { _web, _admin })
        {
            if (web is null)
                continue;
            await web.StopAsync(endConnections).ConfigureAwait(false);
            await web.DisposeAsync().ConfigureAwait(false);
        }
        _udp?.Dispose();
        _completion.TrySetResult();
    }

    private void Sweep()
    {
        _control.Sweep();
        _gate.Sweep();
    }

    private async Task WatchAsync(Task udp)
    {
        await udp.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        if (udp.Exception is { InnerException: { } cause })
            _completion.TrySetException(new IOException($"UDP has failed, without which the server is of no use: {cause.Message}", cause));
    }

    // UDP first, then TCP at the same number; where any port will do, a number that only one of them can have is left.
    private async Task<UdpPorts> BindAsync(UdpPlatform platform, CancellationToken cancellationToken)
    {
        for (int attempt = 1; ; attempt++)
        {
            bool last = _options.Port != 0 || attempt == ServerLimits.PortAttempts;
            UdpPorts ports;
            try
            {
                ports = UdpPorts.Bind(platform, _options.Address, _options.Port, _options.AlternateStun, _options.AlternateStunAt);
            }
            catch (SocketException e)
            {
                if (!last)
                    continue;
                string which = _options.AlternateStun ? $"{_options.Port} or {_options.AlternateStunAt?.Port ?? _options.Port + 1}" : $"{_options.Port}";
                throw new IOException($"UDP port {which} cannot be used: {e.Message}. Choose another with --listen.", e);
            }
            try
            {
                // Peers may come as soon as Kestrel listens.
                _control.UdpPorts = (ports.Port, ports.AlternatePort);
                _web = BuildWeb(kestrel => Listen(kestrel, ports.Port), web => web.UseWebSockets(new WebSocketOptions { KeepAliveInterval = TimeSpan.Zero }), _control.HandleAsync, dualMode: _options.Address is null);
                await StartWebAsync(_web, _options.Certificate is null ? $"TCP port {ports.Port}" : $"TCP port {ports.Port} or {_options.TlsPort}", cancellationToken).ConfigureAwait(false);
                TlsPort = _options.Certificate is null ? 0 : PortOf(_web, Uri.UriSchemeHttps);
                return ports;
            }
            catch (Exception e)
            {
                ports.Dispose();
                if (_web is not null)
                    await _web.DisposeAsync().ConfigureAwait(false);
                _web = null;
                if (last || e is not IOException)
                    throw;
            }
        }
    }

    private void Listen(KestrelServerOptions kestrel, int port)
    {
        Listen(kestrel, port, static _ => { });
        if (_options.Certificate is { } certificate)
            Listen(kestrel, _options.TlsPort, listen => UseTls(listen, certificate));
    }

    private void Listen(KestrelServerOptions kestrel, int port, Action<ListenOptions> more)
    {
        if (_options.Address is null)
            kestrel.ListenAnyIP(port, Configure);
        else
            kestrel.Listen(_options.Address, port, Configure);

        void Configure(ListenOptions listen)
        {
            listen.Protocols = HttpProtocols.Http1;
            listen.Use(_gate.Use);
            more(listen);
        }
    }

    private void UseTls(ListenOptions listen, ServerCertificate certificate) => listen.UseHttps(new TlsHandshakeCallbackOptions
    {
        HandshakeTimeout = ServerLimits.TlsHandshake,
        OnConnection = _ => ValueTask.FromResult(new SslServerAuthenticationOptions
        {
            ServerCertificateContext = certificate.Current(_clock.Now, _log),
            ApplicationProtocols = [SslApplicationProtocol.Http11],
        }),
    });

    // An address names one family, for TCP as for UDP; left to itself, Kestrel takes IPv4 at [::] as well.
    private static Socket BindOneFamily(EndPoint address)
    {
        if (address is not IPEndPoint { AddressFamily: AddressFamily.InterNetworkV6 } ip)
            return SocketTransportOptions.CreateDefaultBoundListenSocket(address);
        var socket = new Socket(AddressFamily.InterNetworkV6, SocketType.Stream, ProtocolType.Tcp);
        try
        {
            socket.DualMode = false;
            socket.Bind(ip);
            return socket;
        }
        catch
        {
            socket.Dispose();
            throw;
        }
    }

    private static async Task StartWebAsync(WebApplication web, string what, CancellationToken cancellationToken)
    {
        try
        {
            await web.StartAsync(cancellationToken).ConfigureAwait(false);
        }
        catch (Exception e) when (e is IOException or SocketException or AddressInUseException)
        {
            throw new IOException($"{what} cannot be used: {e.GetBaseException().Message}. Choose another.", e);
        }
    }

    private WebApplication BuildWeb(Action<KestrelServerOptions> listen, Action<WebApplication> configure, RequestDelegate handler, bool dualMode)
    {
        WebApplicationBuilder builder = WebApplication.CreateEmptyBuilder(new WebApplicationOptions());
        builder.Services.AddSingleton(_options.LoggerFactory);
        builder.WebHost.UseKestrelCore().ConfigureKestrel(kestrel =>
        {
            kestrel.AddServerHeader = false;
            kestrel.Limits.MaxConcurrentConnections = _options.MaxChannels + ServerLimits.PendingConnections;
            kestrel.Limits.MaxConcurrentUpgradedConnections = _options.MaxChannels + ServerLimits.PendingConnections;
            kestrel.Limits.MaxRequestBodySize = 0;
            kestrel.Limits.MaxRequestHeadersTotalSize = 8192;
            kestrel.Limits.MaxRequestLineSize = 1024;
            kestrel.Limits.RequestHeadersTimeout = TimeSpan.FromSeconds(5);
            kestrel.Limits.KeepAliveTimeout = TimeSpan.FromSeconds(10);
            listen(kestrel);
        });
        if (!dualMode)
            builder.WebHost.UseSockets(sockets => sockets.CreateBoundListenSocket = BindOneFamily);
        // Ctrl-C is the program's to hear, not ours.
        builder.Services.AddSingleton<Microsoft.Extensions.Hosting.IHostLifetime, NoLifetime>();
        WebApplication web = builder.Build();
        configure(web);
        web.Run(handler);
        return web;
    }

    private async Task HandleAdminAsync(HttpContext context)
    {
        switch (context.Request.Path.Value)
        {
            case "/metrics":
                context.Response.ContentType = "text/plain; version=0.0.4; charset=utf-8";
                await _metrics.WriteAsync(context.Response.Body, context.RequestAborted).ConfigureAwait(false);
                break;
            case "/healthz":
                await _control.HealthAsync(context).ConfigureAwait(false);
                break;
            default:
                context.Response.StatusCode = StatusCodes.Status404NotFound;
                break;
        }
    }

    private static int PortOf(WebApplication web, string scheme) => web.Services.GetRequiredService<IServer>().Features.Get<IServerAddressesFeature>()!
        .Addresses.Select(a => new Uri(a)).First(a => a.Scheme == scheme).Port;

    /// <summary>A web host that neither reads the console nor waits for signals.</summary>
    private sealed class NoLifetime : Microsoft.Extensions.Hosting.IHostLifetime
    {
        public Task WaitForStartAsync(CancellationToken cancellationToken) => Task.CompletedTask;

        public Task StopAsync(CancellationToken cancellationToken) => Task.CompletedTask;
    }
}
