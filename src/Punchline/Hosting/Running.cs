namespace Punchline.Hosting;

/// <summary>Several things that run together: the first that fails ends them all, and is what is told.</summary>
internal static class Running
{
    /// <summary>Runs until it is cancelled, or fails, or the receiver of its events does.</summary>
    public static async Task UntilStoppedAsync(Func<CancellationToken, Task> run, Task receiver, CancellationToken stop)
    {
        using var both = CancellationTokenSource.CreateLinkedTokenSource(stop);
        Task running = run(both.Token);
        if (await Task.WhenAny(running, receiver).ConfigureAwait(false) == receiver)
            await both.CancelAsync().ConfigureAwait(false);
        try
        {
            await running.ConfigureAwait(false);
        }
        catch (OperationCanceledException) when (both.IsCancellationRequested)
        {
            // Stopped as asked.
        }
    }

    /// <summary>Runs all until one fails or the token is cancelled; those that come to an end are not waited for.</summary>
    public static async Task FirstOfAsync(CancellationToken stop, params IReadOnlyList<Func<CancellationToken, Task>> all)
    {
        using var ending = CancellationTokenSource.CreateLinkedTokenSource(stop);
        List<Task> running = [.. all.Select(start => start(ending.Token))];
        List<Task> open = [.. running];
        while (open.Count > 0)
        {
            Task done = await Task.WhenAny(open).ConfigureAwait(false);
            open.Remove(done);
            if (done.IsCompletedSuccessfully)
                continue;
            await ending.CancelAsync().ConfigureAwait(false);
            await Task.WhenAll(running).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            await done.ConfigureAwait(false);
        }
    }

    /// <summary>Fails when the driver thread fails, which is a mistake of ours.</summary>
    public static async Task EndOfDriverAsync(PeerNode node, CancellationToken stop)
    {
        await node.Driver.Completion.WaitAsync(stop).ConfigureAwait(false);
        throw new PunchlineException(ProblemCode.Internal, "The driver has ended.");
    }
}
