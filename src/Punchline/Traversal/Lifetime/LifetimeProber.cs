using Punchline.Endpoint;
using Punchline.Quic;

namespace Punchline.Traversal.Lifetime;

/// <summary>
/// Learns how long mappings live without traffic: one trial after the other, each on a fresh socket, in the background. First of mappings in
/// use, then whether those that were only just opened live as long.
/// </summary>
/// <param name="randomness">For the trials.</param>
/// <param name="carry">Carries a trial on a socket of its own; returns what ends that, or null if no socket can be had.</param>
/// <param name="learnt">There is something new to know.</param>
internal sealed class LifetimeProber(IRandomness randomness, Func<LifetimeTrial, Action?> carry, Action<MappingLifetime> learnt) : IDriverTimer
{
    /// <summary>Before the first trial: connecting and punching come first.</summary>
    public static readonly TimeSpan StartDelay = TimeSpan.FromSeconds(10);

    private static readonly TimeSpan Pause = TimeSpan.FromSeconds(1);

    /// <summary>After a trial that showed nothing: an outage has its time to end.</summary>
    private static readonly TimeSpan LongPause = TimeSpan.FromSeconds(60);

    /// <summary>In a row, and there is no use in going on: the server makes no promises, or UDP does not get through.</summary>
    private const int MaxUnknown = 3;

    private LifetimeSearch _stream = new();
    private LifetimeSearch? _brief;
    private UdpAddress _server;
    private LifetimeTrial? _trial;
    private Action? _end;
    private int _unknown;
    private Instant _nextAt = Instant.Never;

    /// <inheritdoc/>
    public Instant NextTimeout => _trial is { Outcome: not TrialOutcome.Pending } ? Instant.Zero : _trial is null ? _nextAt : Instant.Never;

    /// <summary>A trial runs, or another one follows.</summary>
    public bool IsSearching => _trial is not null || _nextAt != Instant.Never;

    private LifetimeSearch Search => _brief ?? _stream;

    /// <summary>Begins against this server, where it had ended in this network.</summary>
    public void Begin(in UdpAddress server, MappingLifetime known, Instant now)
    {
        Stop();
        _server = server;
        _stream = new LifetimeSearch().Resume(known.Stream);
        _brief = _stream.IsDone ? LifetimeSearch.After(_stream.Bounds).Resume(known.Brief) : null;
        _unknown = 0;
        _nextAt = now + StartDelay;
    }

    /// <summary>Ends what runs; nothing more is learnt.</summary>
    public void Stop()
    {
        EndTrial();
        _nextAt = Instant.Never;
    }

    /// <inheritdoc/>
    public void OnTimeout(Instant now)
    {
        if (_trial is { } ended)
        {
            if (ended.Outcome == TrialOutcome.Pending)
                return;
            EndTrial();
            Take(ended.Outcome, now);
        }
        else if (Search.Next is { } silence)
        {
            _trial = new LifetimeTrial(_server, silence, _brief is null ? MappingUse.Stream : MappingUse.Brief, randomness);
            _end = carry(_trial);
            if (_end is not null)
                return;
            _trial = null;
            _nextAt = now + LongPause;
        }
        else
        {
            _nextAt = Instant.Never;
        }
    }

    private void Take(TrialOutcome outcome, Instant now)
    {
        _nextAt = now + Pause;
        if (outcome == TrialOutcome.Unknown)
        {
            _nextAt = ++_unknown < MaxUnknown ? now + LongPause : Instant.Never;
            return;
        }
        _unknown = 0;
        if (outcome == TrialOutcome.Held)
            Search.OnHeld();
        else
            Search.OnFailed();
        if (_brief is null && _stream.IsDone)
            _brief = LifetimeSearch.After(_stream.Bounds);
        learnt(new MappingLifetime(_stream.Bounds, _brief?.Bounds ?? default, now) { IsComplete = _brief is { IsDone: true } });
    }

    private void EndTrial()
    {
        _end?.Invoke();
        _end = null;
        _trial = null;
    }
}
