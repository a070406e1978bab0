using System.Runtime.CompilerServices;
using Microsoft.Extensions.Logging;
using Punchline.Hosting;
using Punchline.Invites;
using Punchline.Quic;
using Punchline.Udp;

namespace Punchline.Doctor;

/// <summary>
/// Joins a host as a client does, but listens nowhere and carries nothing, and watches the search for a direct path until it has ended, one way
/// or the other.
/// </summary>
/// <param name="options">Whom to join, and as whom; where services would listen does not matter.</param>
/// <param name="events">Told what is being done, and what goes wrong.</param>
internal sealed class PairExamination(ClientOptions options, EventSink events)
{
    /// <summary>Between two looks: a path that fails is kept for longer than this after its last packet.</summary>
    private static readonly TimeSpan LookInterval = TimeSpan.FromMilliseconds(250);

    /// <summary>Takes some seconds, at most <see cref="PairWatch.LongestPatience"/> from the first packet of the connection on.</summary>
    /// <exception cref="PunchlineException">The invite is none, or the host cannot be reached by any way.</exception>
    /// <exception cref="StateFileException">The state folder cannot be used.</exception>
    public async Task<PairExamined> RunAsync(CancellationToken stop)
    {
        var heard = new EventSink(new Selected(events), options.TimeProvider);
        try
        {
            return await RunAsync(heard, stop).ConfigureAwait(false);
        }
        finally
        {
            await heard.CompleteAsync().ConfigureAwait(false);
        }
    }

    private async Task<PairExamined> RunAsync(EventSink heard, CancellationToken stop)
    {
        SystemRandomness randomness = SystemRandomness.Instance;
        Membership membership = await Membership.OpenAsync(options.Invite, options.StateDirectory, options.TimeProvider, randomness).ConfigureAwait(false);
        var mapped = new MappedPort(options.TimeProvider, heard);
        await using ConfiguredAsyncDisposable mappedEnd = mapped.ConfigureAwait(false);
        PeerNode node = await PeerNode.StartAsync(new PeerNodeOptions
        {
            Time = options.TimeProvider,
            Clock = new MonotonicClock(options.TimeProvider),
            Platform = options.UdpPlatform ?? UdpPlatform.FromEnvironment(),
            Randomness = randomness,
            Identity = membership.Identity,
            Logger = options.LoggerFactory.CreateLogger("Punchline.Doctor"),
            Noticed = heard.Detail,
            RelayOnly = options.RelayOnly,
            AllowsSpray = options.AllowsSpray,
        }).ConfigureAwait(false);
        await using ConfiguredAsyncDisposable nodeEnd = node.ConfigureAwait(false);
        ClientCore core = await node.Driver.CallAsync(_ =>
        {
            if (options is { PortMapping: true, RelayOnly: false })
                mapped.Begin(node);
            return new ClientCore(node, options: null, membership.State, heard);
        }).ConfigureAwait(false);
        try
        {
            var connector = new ClientConnector(node, core, membership, heard);
            await using ConfiguredAsyncDisposable connectorEnd = connector.ConfigureAwait(false);
            (ClientSession session, ClientLink link) = await connector.ConnectAsync(stop).ConfigureAwait(false);
            PairWatch watch = await WatchAsync(node, session, stop).ConfigureAwait(false);
            return PairDiagnosis.Of(watch, session.Peer, link.Server.ToString(), events.Now);
        }
        catch (JoinFailure failure)
        {
            throw new PunchlineException(failure.Code, failure.Message, failure);
        }
        finally
        {
            await core.EndAsync().ConfigureAwait(false);
        }
    }

    private async Task<PairWatch> WatchAsync(PeerNode node, ClientSession session, CancellationToken stop)
    {
        var watch = new PairWatch();
        string said = "";
        while (true)
        {
            watch.Add(await node.Driver.CallAsync(loop => PairSnapshot.Of(session, loop.Now)).ConfigureAwait(false));
            if (session.Ended.IsCompleted)
            {
                // What was seen until then is worth telling.
                events.Problem(ProblemCode.ConnectionLost, $"The connection to the host ended meanwhile: {CloseText.Of(await session.Ended.ConfigureAwait(false))}.");
                return watch;
            }
            if (watch.IsSettled)
                return watch;
            if (watch.Doing is var doing && doing != said)
                events.Report(new Progress(events.Now, ProgressStage.Punching, doing));
            said = doing;
            await Task.Delay(LookInterval, node.Time, stop).ConfigureAwait(false);
        }
    }

    /// <summary>What a person waits with; who is there and which path is in use comes in the report.</summary>
    private sealed class Selected(EventSink next) : IProgress<PunchlineEvent>
    {
        public void Report(PunchlineEvent value)
        {
            if (value is Progress { Stage: ProgressStage.ReachingServer or ProgressStage.ReachingHost } or Problem or Notice or Detail)
                next.Report(value);
        }
    }
}
