using Punchline.Testing;

namespace Punchline.Tests.Hosting;

/// <summary>Takes a role's events, and lets a test wait for one of them: never for time.</summary>
internal sealed class EventRecorder(string name) : IProgress<PunchlineEvent>
{
    /// <summary>Far beyond what any wait takes on the slowest machine: it ends a test that would wait for ever.</summary>
    public static readonly TimeSpan Limit = Hang.Limit;

    private readonly Lock _lock = new();
    private readonly List<PunchlineEvent> _events = [];
    private TaskCompletionSource _more = new(TaskCreationOptions.RunContinuationsAsynchronously);

    /// <summary>How many came so far: where a later wait may begin.</summary>
    public int Count
    {
        get
        {
            lock (_lock)
                return _events.Count;
        }
    }

    /// <summary>Forgets what has come so far.</summary>
    public void Clear()
    {
        lock (_lock)
            _events.Clear();
    }

    public void Report(PunchlineEvent value)
    {
        TaskCompletionSource more;
        lock (_lock)
        {
            _events.Add(value);
            more = _more;
            _more = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        }
        more.SetResult();
    }

    /// <summary>The first event of a kind that fits.</summary>
    /// <param name="fits">Which.</param>
    /// <param name="from">Only later ones than so many.</param>
    public async Task<T> WaitAsync<T>(Func<T, bool>? fits = null, int from = 0)
        where T : PunchlineEvent
    {
        using var limit = new CancellationTokenSource(Limit);
        while (true)
        {
            Task more;
            lock (_lock)
            {
                if (_events.Skip(from).OfType<T>().FirstOrDefault(value => fits?.Invoke(value) != false) is { } found)
                    return found;
                more = _more.Task;
            }
            try
            {
                await more.WaitAsync(limit.Token);
            }
            catch (OperationCanceledException e)
            {
                throw new TimeoutException($"no {typeof(T).Name} came; {name} said:\n{this}", e);
            }
        }
    }

    /// <summary>Whether one has come.</summary>
    public bool Has<T>(Func<T, bool>? fits = null, int from = 0)
        where T : PunchlineEvent
    {
        lock (_lock)
            return _events.Skip(from).OfType<T>().Any(value => fits?.Invoke(value) != false);
    }

    /// <summary>How many have come.</summary>
    public int CountOf<T>(Func<T, bool>? fits = null)
    {
        lock (_lock)
            return _events.OfType<T>().Count(value => fits?.Invoke(value) != false);
    }

    /// <summary>All of a kind that have come.</summary>
    public T[] All<T>()
    {
        lock (_lock)
            return [.. _events.OfType<T>()];
    }

    public override string ToString()
    {
        lock (_lock)
            return string.Join('\n', _events.Select(value => "  " + value));
    }
}
