using System.Runtime.CompilerServices;
using Microsoft.Extensions.Logging;
using Punchline.Doctor;
using Punchline.Hosting;
using Punchline.Invites;
using Punchline.Quic;
using Punchline.Udp;

namespace Punchline;

/// <summary>
/// Examines this machine's network with the sockets and questions that hosts and clients use themselves, and says what it allows
/// (<see cref="NetworkExamined"/>); then, with an invite, joins its host to see which ways lead there (<see cref="PairExamined"/>). Runs once.
/// </summary>
public sealed class PunchlineDoctor
{
    private readonly DoctorOptions _options;
    private readonly IProgress<PunchlineEvent> _receiver;
    private int _started;

    /// <summary>A doctor that does not run yet.</summary>
    /// <param name="options">What it examines.</param>
    /// <param name="events">Who is told.</param>
    public PunchlineDoctor(DoctorOptions options, IProgress<PunchlineEvent> events)
    {
        ArgumentNullException.ThrowIfNull(options);
        ArgumentNullException.ThrowIfNull(events);
        _options = options;
        _receiver = events;
    }

    /// <summary>Examines, reports, and ends. A network that lets nothing through is a finding, no exception.</summary>
    /// <param name="stop">Ends it early; what was asked of the router is given back.</param>
    /// <exception cref="PunchlineException">The server's name or the invite is none, this machine gives no socket, or the invite's host cannot be reached.</exception>
    public async Task RunAsync(CancellationToken stop)
    {
        if (Interlocked.Exchange(ref _started, 1) != 0)
            throw new InvalidOperationException("A doctor runs once.");
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
        ServerAddress server = Server();
        await ExamineNetworkAsync(server, events, stop).ConfigureAwait(false);
        if (_options.Invite is { } invite)
            events.Report(await new PairExamination(PairOptions(invite), events).RunAsync(stop).ConfigureAwait(false));
    }

    // A wrong invite is said before anything takes time.
    private ServerAddress Server()
    {
        Invite? invite = _options.Invite is { } text ? Membership.Parse(text) : null;
        if (_options.Server is null && invite is not null)
            return invite.Servers[0];
        return ServerAddress.TryParse(_options.Server, out ServerAddress? server)
            ? server! : throw new PunchlineException(ProblemCode.ServerUnreachable, $"'{_options.Server}' is no server: HOST or HOST:PORT");
    }

    private ClientOptions PairOptions(string invite) => new()
    {
        Invite = invite,
        StateDirectory = _options.StateDirectory ?? throw new InvalidOperationException($"With an invite {nameof(DoctorOptions.StateDirectory)} is needed."),
        RelayOnly = _options.RelayOnly,
        PortMapping = _options.PortMapping,
        AllowsSpray = _options.AllowsSpray,
        TimeProvider = _options.TimeProvider,
        LoggerFactory = _options.LoggerFactory,
        UdpPlatform = _options.UdpPlatform,
    };

    private async Task ExamineNetworkAsync(ServerAddress server, EventSink events, CancellationToken stop)
    {
        PeerNode node = await PeerNode.StartAsync(new PeerNodeOptions
        {
            Time = _options.TimeProvider,
            Clock = new MonotonicClock(_options.TimeProvider),
            Platform = _options.UdpPlatform ?? UdpPlatform.FromEnvironment(),
            Randomness = SystemRandomness.Instance,
            Identity = HostIdentity.CreatePassing(SystemRandomness.Instance),
            Logger = _options.LoggerFactory.CreateLogger("Punchline.Doctor"),
        }).ConfigureAwait(false);
        await using ConfiguredAsyncDisposable nodeEnd = node.ConfigureAwait(false);
        NetworkFacts facts = await new NetworkExamination(node, server, events).RunAsync(_options.PortMapping, _options.Long, stop).ConfigureAwait(false);
        IReadOnlyList<Expectation> expectations = FriendExpectations.Of(facts);
        events.Report(new NetworkExamined(events.Now, NetworkFindings.Of(facts), expectations, NetworkAdvice.Of(facts, expectations)));
    }
}
