using Punchline.Doctor;
using Punchline.Hosting;
using Punchline.Invites;

namespace Punchline;

/// <summary>Finds out what stands between this machine and a direct path. Runs once, and ends by itself.</summary>
public sealed class PunchlineDoctor
{
    private readonly DoctorOptions _options;
    private readonly IProgress<PunchlineEvent> _receiver;
    private int _started;

    /// <summary>A doctor that does not run yet.</summary>
    /// <param name="options">What it examines.</param>
    /// <param name="events">Who is told what it finds; see <see cref="PunchlineEvent"/>.</param>
    public PunchlineDoctor(DoctorOptions options, IProgress<PunchlineEvent> events)
    {
        ArgumentNullException.ThrowIfNull(options);
        ArgumentNullException.ThrowIfNull(events);
        _options = options;
        _receiver = events;
    }

    /// <summary>Examines.</summary>
    /// <param name="stop">Ends it early, without a report.</param>
    /// <exception cref="PunchlineException">It can't: the invite is none, or server or host cannot be reached.</exception>
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

    private async Task RunAsync(EventSink events, CancellationToken stop) =>
        events.Report(await new PairExamination(PairOptions, events).RunAsync(stop).ConfigureAwait(false));

    /// <summary>As whom the host is joined.</summary>
    private ClientOptions PairOptions => new()
    {
        Invite = _options.Invite,
        StateDirectory = _options.StateDirectory,
        PortMapping = _options.PortMapping,
        AllowsSpray = _options.AllowsSpray,
        TimeProvider = _options.TimeProvider,
        LoggerFactory = _options.LoggerFactory,
        UdpPlatform = _options.UdpPlatform,
    };
}
