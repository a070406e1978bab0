namespace Punchline.Testing;

/// <summary>Ends a wait that would never end, and says what was waited for. No test of how fast anything is.</summary>
public static class Hang
{
    /// <summary>Far beyond what any wait takes on the slowest machine.</summary>
    public static readonly TimeSpan Limit = TimeSpan.FromSeconds(60);

    /// <summary>Waits.</summary>
    /// <param name="task">For this.</param>
    /// <param name="what">What it is, in a few words.</param>
    /// <exception cref="TimeoutException">It did not come.</exception>
    public static async Task OrAsync(Task task, string what)
    {
        using var over = new CancellationTokenSource();
        if (await Task.WhenAny(task, Task.Delay(Limit, over.Token)) != task)
            throw new TimeoutException($"this was waited for, and did not come in {Limit.TotalSeconds:0} s: {what}");
        await over.CancelAsync();
        await task;
    }

    /// <inheritdoc cref="OrAsync(Task, string)"/>
    public static async Task<T> OrAsync<T>(Task<T> task, string what)
    {
        await OrAsync((Task)task, what);
        return await task;
    }
}
