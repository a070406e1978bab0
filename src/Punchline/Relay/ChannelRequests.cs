using System.Collections.Concurrent;
using Punchline.Protocol;

namespace Punchline.Relay;

/// <summary>
/// Requests on a control channel and their answers. The server answers each once and in order, also one that its asker has given up, whose answer
/// must not be taken for the next one's.
/// </summary>
internal sealed class ChannelRequests(TimeProvider time)
{
    private readonly ConcurrentQueue<TaskCompletionSource<ControlMessage>> _asked = new();

    /// <summary>Asks. One caller at a time.</summary>
    /// <param name="send">Sends the request; calls what it is given just before that leaves.</param>
    /// <param name="limit">For the answer.</param>
    /// <param name="cancellationToken">Gives up.</param>
    /// <exception cref="TimeoutException">There was no answer in time.</exception>
    public async Task<ControlMessage> AskAsync(Func<Action, Task> send, TimeSpan limit, CancellationToken cancellationToken)
    {
        var answer = new TaskCompletionSource<ControlMessage>(TaskCreationOptions.RunContinuationsAsynchronously);
        try
        {
            await send(() => _asked.Enqueue(answer)).ConfigureAwait(false);
            return await answer.Task.WaitAsync(limit, time, cancellationToken).ConfigureAwait(false);
        }
        finally
        {
            // Given up: whatever comes for it later has no one to take it.
            answer.TrySetCanceled(CancellationToken.None);
        }
    }

    /// <summary>An answer has come.</summary>
    public void Answer(ControlMessage message)
    {
        if (_asked.TryDequeue(out TaskCompletionSource<ControlMessage>? asker))
            asker.TrySetResult(message);
    }

    /// <summary>A refusal has come.</summary>
    public void Refuse(ServerChannelException refusal)
    {
        if (_asked.TryDequeue(out TaskCompletionSource<ControlMessage>? asker))
            asker.TrySetException(refusal);
    }

    /// <summary>No answer will come any more.</summary>
    public void FailAll(ServerChannelException failure)
    {
        while (_asked.TryDequeue(out TaskCompletionSource<ControlMessage>? asker))
            asker.TrySetException(failure);
    }
}
