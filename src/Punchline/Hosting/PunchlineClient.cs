using System.Runtime.CompilerServices;
using Microsoft.Extensions.Logging;
using Punchline.Diagnostics;
using Punchline.Endpoint;
using Punchline.Hosting;
using Punchline.Invites;
using Punchline.Quic;
using Punchline.Relay;
using Punchline.Udp;

namespace Punchline;

/// <summary>
/// A client: brings a host's services to ports of this machine. Runs once, until it is cancelled, and comes back by itself
/// when the connection is lost. It uses no console, keeps no static state and ends no process; what happens is told by events.
/// </summary>
public sealed class PunchlineClient
{
    /// <summary>The longest wait between attempts while the server stands: a host that comes back is found soon.</summary>
    private static readonly TimeSpan LongestHostWait = TimeSpan.FromSeconds(4);

    private readonly ClientOptions _options;
    private readonly IProgress<PunchlineEvent> _receiver;
    private int _started;

    /// <summary>A client that does not run yet.</summary>
    /// <param name="options">Whom it joins.</param>
    /// <param name="events">Who is told what happens; see <see cref="PunchlineEvent"/>.</param>
    public PunchlineClient(ClientOptions options, IProgress<PunchlineEvent> events)
    {
        ArgumentNullException.ThrowIfNull(options);
        ArgumentNullException.ThrowIfNull(events);
        _options = options;
        _receiver = events;
    }

    /// <summary>Carries connections until the token is cancelled.</summary>
    /// <param name="stop">Ends it, in order.</param>
    /// <exception cref="PunchlineException">It can't go on; the code and message say why.</exception>
    public async Task RunAsync(CancellationToken stop)
    {
        if (Interlocked.Exchange(ref _started, 1) != 0)
            throw new InvalidOperationException("A client runs once.");
        var events = new EventSink(_receiver, _options.TimeProvider);
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
        await events.Completion.ConfigureAwait(false);
    }

    private async Task RunAsync(EventSink events, CancellationToken stop)
    {
        SystemRandomness randomness = SystemRandomness.Instance;
        Membership membership = await Membership.OpenAsync(_options.Invite, _options.StateDirectory, _options.TimeProvider, randomness).ConfigureAwait(false);
        var clock = new MonotonicClock(_options.TimeProvider);
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
            Identity = membership.Identity,
            Logger = _options.LoggerFactory.CreateLogger("Punchline.Client"),
            AllowsSpray = _options.AllowsSpray,
            RelayOnly = _options.RelayOnly,
            Trace = diagnostics.Trace,
            KeyLog = diagnostics.KeyLog,
            Noticed = events.Detail,
        }).ConfigureAwait(false);
        await using ConfiguredAsyncDisposable nodeEnd = node.ConfigureAwait(false);
        ClientCore core = await node.Driver.CallAsync(_ =>
        {
            if (_options is { PortMapping: true, RelayOnly: false })
                mapped.Begin(node);
            return new ClientCore(node, _options, membership.State, events);
        }).ConfigureAwait(false);
        try
        {
            await node.Driver.CallAsync(_ => core.Listen()).ConfigureAwait(false);
            var connector = new ClientConnector(node, core, membership, events);
            await using ConfiguredAsyncDisposable connectorEnd = connector.ConfigureAwait(false);
            await Running.FirstOfAsync(
                stop,
                ct => StayConnectedAsync(node, connector, events, ct),
                ct => core.Failed.WaitAsync(ct),
                ct => Running.EndOfDriverAsync(node, ct)).ConfigureAwait(false);
        }
        finally
        {
            await core.EndAsync().ConfigureAwait(false);
        }
    }

    private static async Task StayConnectedAsync(PeerNode node, ClientConnector connector, EventSink events, CancellationToken stop)
    {
        var backoff = new Backoff(node.Randomness);
        string? said = null;
        while (true)
        {
            TimeSpan longest = Backoff.Longest;
            TimeSpan least = TimeSpan.Zero;
            try
            {
                (ClientSession session, ClientLink link) = await connector.ConnectAsync(stop).ConfigureAwait(false);
                said = null;
                backoff.Reset();
                QuicError end = await StayAsync(node, session, link, events, stop).ConfigureAwait(false);
                if (ClientConnector.FinalEnd(end) is { } final)
                    throw final;
                events.Problem(ProblemCode.ConnectionLost, $"The connection to the host is gone: {CloseText.Of(end)}. Connecting again.");
                longest = LongestHostWait;
            }
            catch (JoinFailure failure)
            {
                if (failure.IsFinal)
                    throw new PunchlineException(failure.Code, failure.Message, failure);
                if (said != failure.Message)
                    events.Problem(failure.Code, failure.Message + " Trying again.");
                said = failure.Message;
                if (failure.Code == ProblemCode.HostOffline)
                    longest = LongestHostWait;
                if (failure.InnerException is ServerChannelException server)
                    least = server.WaitOr(least, events.Now);
            }
            TimeSpan wait = backoff.Next();
            wait = wait < longest ? wait : longest;
            await Task.Delay(wait > least ? wait : least, node.Time, stop).ConfigureAwait(false);
        }
    }

    /// <summary>While the connection stands: opens a new pair when the server was away, so that it is there when it is needed.</summary>
    private static async Task<QuicError> StayAsync(
        PeerNode node, ClientSession session, ClientLink link, EventSink events, CancellationToken stop)
    {
        using var ending = CancellationTokenSource.CreateLinkedTokenSource(stop);
        Task keeping = KeepPairAsync(node, session, link, events, ending.Token);
        try
        {
            return await session.Ended.WaitAsync(stop).ConfigureAwait(false);
        }
        finally
        {
            await ending.CancelAsync().ConfigureAwait(false);
            await keeping.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }

    private static async Task KeepPairAsync(
        PeerNode node, ClientSession session, ClientLink link, EventSink events, CancellationToken stop)
    {
        var backoff = new Backoff(node.Randomness);
        ClientPair pair = session.Pair;
        while (true)
        {
            PairLoss loss = await pair.Lost.WaitAsync(stop).ConfigureAwait(false);
            events.Detail($"the way through {link.Server} is gone: {loss.Reason}");
            node.Driver.Post(new ActionWorkItem(_ => session.OnPairLost()));
            while (pair.Lost.IsCompleted)
            {
                TimeSpan wait = backoff.Next();
                TimeSpan untilBack = loss.ComeBackAt - events.Now;
                await Task.Delay(untilBack > wait ? untilBack : wait, node.Time, stop).ConfigureAwait(false);
                try
                {
                    // Nobody waits for it, so it is no step of progress.
                    pair = await link.OpenAsync(pair.Key, _ => { }, stop).ConfigureAwait(false);
                    backoff.Reset();
                    ClientPair opened = pair;
                    node.Driver.Post(new ActionWorkItem(_ => session.OnPairOpened(opened)));
                }
                catch (ServerChannelException e)
                {
                    // The direct connection stands; when it is lost, whoever connects anew says what is wrong.
                    events.Detail(e.Message);
                }
            }
        }
    }
}
