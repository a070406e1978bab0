using System.Threading.Channels;

namespace Punchline.Hosting;

/// <summary>
/// Brings events from any thread to their one receiver, in order and on a thread of its own: a receiver that is slow (a
/// terminal that somebody has stopped) holds up neither the driver nor anybody else.
/// </summary>
internal sealed class EventSink
{
    /// <summary>Events that the receiver has not taken yet; beyond it the oldest are dropped, as the newest tell how things stand.</summary>
    private const int MaxWaiting = 4_096;

    /// <summary>How often the same line about the same thing may come: a program that connects in a loop must not flood its user.</summary>
    private static readonly TimeSpan RepeatAfter = TimeSpan.FromSeconds(10);

    /// <summary>Different lines that are remembered for that: the services of an invite, which are 64 at most, and our own.</summary>
    private const int MaxRemembered = 128;

    private readonly Channel<PunchlineEvent> _waiting = Channel.CreateBounded<PunchlineEvent>(
        new BoundedChannelOptions(MaxWaiting) { FullMode = BoundedChannelFullMode.DropOldest, SingleReader = true });
    private readonly Dictionary<string, long> _said = [];
    private readonly TimeProvider _time;
    private readonly IProgress<PunchlineEvent> _receiver;

    public EventSink(IProgress<PunchlineEvent> receiver, TimeProvider time)
    {
        _receiver = receiver;
        _time = time;
        Completion = Task.Run(PumpAsync);
    }

    /// <summary>Ends when everything was delivered after <see cref="CompleteAsync"/>; faulted at once if the receiver threw.</summary>
    public Task Completion { get; }

    /// <summary>The time for an event.</summary>
    public DateTimeOffset Now => _time.GetUtcNow();

    /// <summary>Has an event delivered.</summary>
    public void Report(PunchlineEvent value) => _waiting.Writer.TryWrite(value);

    /// <summary>Says what is wrong.</summary>
    public void Problem(ProblemCode code, string message) => Report(new Problem(Now, code, message));

    /// <summary>Says what is wrong, unless the same was said a moment ago.</summary>
    /// <param name="code">For programs.</param>
    /// <param name="message">For people.</param>
    /// <param name="about">What it is about, where the message is the peer's to choose; else the message itself.</param>
    public void ProblemNowAndThen(ProblemCode code, string message, string? about = null)
    {
        about ??= message;
        long now = _time.GetTimestamp();
        lock (_said)
        {
            if (_said.TryGetValue(about, out long last) && _time.GetElapsedTime(last, now) < RepeatAfter)
                return;
            if (_said.Count >= MaxRemembered)
                _said.Clear();
            _said[about] = now;
        }
        Problem(code, message);
    }

    /// <summary>Says something that is no problem.</summary>
    public void Notice(string message) => Report(new Notice(Now, message));

    /// <summary>Says something for whoever looks for a fault.</summary>
    public void Detail(string message) => Report(new Detail(Now, message));

    /// <summary>Delivers what waits, and takes nothing more.</summary>
    public Task CompleteAsync()
    {
        _waiting.Writer.TryComplete();
        return Completion;
    }

    private async Task PumpAsync()
    {
        await foreach (PunchlineEvent value in _waiting.Reader.ReadAllAsync().ConfigureAwait(false))
            _receiver.Report(value);
    }
}
