namespace Punchline.Lab.Driver;

/// <summary>The lines that a process has printed so far; others may wait for the next ones.</summary>
internal sealed class OutputLog
{
    private readonly Lock _gate = new();
    private readonly List<string> _lines = [];
    private TaskCompletionSource _changed = New();

    /// <summary>Nothing more will come.</summary>
    public bool Ended { get; private set; }

    public IReadOnlyList<string> Lines
    {
        get
        {
            lock (_gate)
                return [.. _lines];
        }
    }

    public override string ToString() => string.Join('\n', Lines);

    public void Add(string line) => Change(() => _lines.Add(line));

    public void End() => Change(() => Ended = true);

    /// <summary>The first line from index <paramref name="from"/> on that fits, or null when the output ends without one.</summary>
    /// <returns>The line and the index after it.</returns>
    public async Task<(string? Line, int Next)> FindAsync(Func<string, bool> fits, int from, CancellationToken cancel)
    {
        while (true)
        {
            Task changed;
            lock (_gate)
            {
                for (; from < _lines.Count; from++)
                    if (fits(_lines[from]))
                        return (_lines[from], from + 1);
                if (Ended)
                    return (null, from);
                changed = _changed.Task;
            }

            await changed.WaitAsync(cancel);
        }
    }

    private static TaskCompletionSource New() => new(TaskCreationOptions.RunContinuationsAsynchronously);

    private void Change(Action change)
    {
        TaskCompletionSource changed;
        lock (_gate)
        {
            change();
            (changed, _changed) = (_changed, New());
        }

        changed.SetResult();
    }
}
