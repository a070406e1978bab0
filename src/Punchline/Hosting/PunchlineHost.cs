using System.Runtime.CompilerServices;
using Microsoft.Extensions.Logging;
using Punchline.Diagnostics;
using Punchline.Hosting;
using Punchline.Invites;
using Punchline.Quic;
using Punchline.Udp;

namespace Punchline;

/// <summary>
/// A host: shares services of this machine with those who hold its invite. Runs once, until it is cancelled. It uses no console,
/// keeps no static state and ends no process; what happens is told by events.
/// </summary>
public sealed class PunchlineHost
{
    private const string PortFile = "udp-port";

    private readonly HostOptions _options;
    private readonly IProgress<PunchlineEvent> _receiver;
    private InviteStore? _store;
    private ServerAddress? _server;
    private HostIdentity? _identity;
    private EventSink? _events;
    private int _started;

    /// <summary>A host that does not run yet.</summary>
    /// <param name="options">What it shares.</param>
    /// <param name="events">Who is told what happens; see <see cref="PunchlineEvent"/>.</param>
    public PunchlineHost(HostOptions options, IProgress<PunchlineEvent> events)
    {
        ArgumentNullException.ThrowIfNull(options);
        ArgumentNullException.ThrowIfNull(events);
        _options = options;
        _receiver = events;
    }

    /// <summary>Shares the services until the token is cancelled; then says goodbye to the friends and returns.</summary>
    /// <param name="stop">Ends it, in order.</param>
    /// <exception cref="PunchlineException">It can't go on; the code and message say why.</exception>
    public async Task RunAsync(CancellationToken stop)
    {
        if (Interlocked.Exchange(ref _started, 1) != 0)
            throw new InvalidOperationException("A host runs once.");
        var events = new EventSink(_receiver, _options.TimeProvider);
        Volatile.Write(ref _events, events);
        try
        {
            await Running.UntilStoppedAsync(ct => RunAsync(events, ct), events.Completion, stop).ConfigureAwait(false);
        }
        catch (StateFileException e)
        {
            throw new PunchlineException(ProblemCode.State, e.Message, e);
        }
        finally
        {
            await events.CompleteAsync().ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
        // What the receiver threw is its owner's to know.
        await events.Completion.ConfigureAwait(false);
    }

    /// <summary>
    /// Replaces the invite while the host runs: those given before end at once, and with them the connections of everyone who
    /// came by them. <see cref="InviteCreated"/> tells the new one as soon as the server knows it.
    /// </summary>
    /// <exception cref="InvalidOperationException">The host does not run.</exception>
    /// <exception cref="PunchlineException">It cannot be written down; the old one stands.</exception>
    public void ReplaceInvite()
    {
        if (Volatile.Read(ref _store) is not { } store)
            throw new InvalidOperationException("The host does not run.");
        try
        {
            store.Replace();
        }
        catch (StateFileException e)
        {
            throw new PunchlineException(ProblemCode.State, e.Message, e);
        }
    }

    private async Task RunAsync(EventSink events, CancellationToken stop)
    {
        if (!ServerAddress.TryParse(_options.Server, out _server))
            throw new PunchlineException(ProblemCode.ServerUnreachable, $"'{_options.Server}' is not the address of a server.");
        SystemRandomness randomness = SystemRandomness.Instance;
        var directory = new StateDirectory(_options.StateDirectory);
        // Two hosts would write their own view of the invites over each other's, and so revive what one of them has revoked.
        using IDisposable alone = directory.TryLock(StateDirectory.HostLock)
            ?? throw new PunchlineException(ProblemCode.State, $"Another host is running with the folder {directory.FullPath}: stop it first, or choose another folder with --state.");
        using (await directory.LockChangesAsync(_options.TimeProvider).ConfigureAwait(false))
            _identity = HostIdentity.LoadOrCreate(directory, randomness);
        var store = InviteStore.Open(directory, randomness);
        if (_options.NewInvite)
            store.Replace();
        else if (store.Invites is [])
            store.Create();
        var clock = new MonotonicClock(_options.TimeProvider);
        var services = new HostServices(_options.Services, _options.TimeProvider);
        using var core = new HostCore(store, new Door(store, _identity.PeerId, randomness, clock.Now), services, events);
        using var signer = P256Signer.ImportPkcs8(_identity.Pkcs8.Span);
        ConnectionDiagnostics diagnostics = ConnectionDiagnostics.Open(
            _options.QlogDirectory, _options.KeyLogFile, clock, _options.TimeProvider, events);
        await using ConfiguredAsyncDisposable diagnosticsEnd = diagnostics.ConfigureAwait(false);
        var mapped = new MappedPort(_options.TimeProvider, events);
        await using ConfiguredAsyncDisposable mappedEnd = mapped.ConfigureAwait(false);
        PeerNode node = await PeerNode.StartAsync(new PeerNodeOptions
        {
            Time = _options.TimeProvider,
            Clock = clock,
            Platform = _options.UdpPlatform ?? UdpPlatform.FromEnvironment(),
            Randomness = randomness,
            Identity = _identity,
            Logger = _options.LoggerFactory.CreateLogger("Punchline.Host"),
            Admission = core.Door,
            Accept = core.Accept,
            PreferredPort = ReadPort(directory),
            AllowsSpray = _options.AllowsSpray,
            RelayOnly = _options.RelayOnly,
            Trace = diagnostics.Trace,
            KeyLog = diagnostics.KeyLog,
            Noticed = events.Detail,
        }).ConfigureAwait(false);
        await using ConfiguredAsyncDisposable nodeEnd = node.ConfigureAwait(false);
        ushort port = await node.Driver.CallAsync(_ =>
        {
            core.Begin(node);
            if (_options is { PortMapping: true, RelayOnly: false })
                mapped.Begin(node);
            return node.Sockets.Port;
        }).ConfigureAwait(false);
        RememberPort(directory, port);
        Volatile.Write(ref _store, store);

        InviteRecord? told = null;
        var registrar = new HostRegistrar(node, core, store, signer, _server!, events);
        registrar.Registered += () =>
        {
            events.Report(new HostReady(events.Now, _options.Server));
            TellNewInvite();
        };
        registrar.Published += TellNewInvite;
        try
        {
            await Running.FirstOfAsync(
                stop,
                ct => registrar.RunAsync(_options.HostPassword, ct),
                ct => services.WatchAsync(events, ct),
                ct => Running.EndOfDriverAsync(node, ct)).ConfigureAwait(false);
        }
        finally
        {
            Volatile.Write(ref _store, null);
        }

        // Told before, it could be used before the server knows it, and be called unknown.
        void TellNewInvite()
        {
            InviteRecord current = store.Invites[0];
            if (current != told)
                TellInvite(told = current);
        }
    }

    private void TellInvite(InviteRecord record)
    {
        var invite = new Invite(_identity!.PeerId, record.Id, record.Secret, [_server!]);
        _events!.Report(new InviteCreated(_events.Now, invite.ToString()));
    }

    // The same port again lets a restarted host answer those who still send to it (a stateless reset), and find its NAT's mapping.
    private static ushort ReadPort(StateDirectory directory) =>
        directory.Read(PortFile) is { } bytes && ushort.TryParse(bytes, System.Globalization.CultureInfo.InvariantCulture, out ushort port) ? port : (ushort)0;

    private static void RememberPort(StateDirectory directory, ushort port)
    {
        if (ReadPort(directory) != port)
            directory.Write(PortFile, System.Text.Encoding.ASCII.GetBytes(port.ToString(System.Globalization.CultureInfo.InvariantCulture)));
    }
}
