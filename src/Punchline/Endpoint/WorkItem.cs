using Punchline.Quic;

namespace Punchline.Endpoint;

/// <summary>
/// Something that the driver thread shall do. It is its own link in the queue, so posting allocates nothing;
/// posting it again before it ran changes nothing (many signals, one run).
/// </summary>
internal abstract class WorkItem
{
    /// <summary>The next item of the queue; the queue's alone.</summary>
    internal WorkItem? Next;

    /// <summary>1 from being posted until just before it runs; the queue's alone.</summary>
    internal int Queued;

    /// <summary>Does the work, on the driver thread.</summary>
    public abstract void Execute(Instant now);

    /// <summary>The driver has ended: <see cref="Execute"/> will not be called for the last post. On any thread.</summary>
    public virtual void Abandon()
    {
    }
}

/// <summary>A work item that calls a delegate; for what is posted often, made once and kept.</summary>
internal sealed class ActionWorkItem(Action<Instant> action) : WorkItem
{
    /// <inheritdoc/>
    public override void Execute(Instant now) => action(now);
}

/// <summary>A function that runs on the driver thread once, and whose result somebody awaits.</summary>
internal sealed class CallWorkItem<T>(Func<Instant, T> function) : WorkItem
{
    private readonly TaskCompletionSource<T> _completion = new(TaskCreationOptions.RunContinuationsAsynchronously);

    /// <summary>The result; faulted if the function threw, or with <see cref="ObjectDisposedException"/> if the driver has ended.</summary>
    public Task<T> Task => _completion.Task;

    /// <inheritdoc/>
    public override void Execute(Instant now)
    {
        try
        {
            _completion.SetResult(function(now));
        }
        catch (Exception e)
        {
            // The caller's fault, not the loop's: whoever awaits it gets it.
            _completion.SetException(e);
        }
    }

    /// <inheritdoc/>
    public override void Abandon() => _completion.TrySetException(new ObjectDisposedException("The endpoint's driver has ended."));
}
