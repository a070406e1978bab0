using Punchline.Quic;

namespace Punchline.Endpoint;

/// <summary>The thread of an <see cref="EndpointLoop"/>: it alone touches the loop, others post to it.</summary>
internal sealed class EndpointDriver : IAsyncDisposable
{
    private static readonly QuicError Ended = QuicError.Application(0, "the endpoint was closed");
    private static readonly QuicError Failed = QuicError.Transport(TransportErrorCode.InternalError, "the endpoint failed");

    private readonly EndpointLoop _loop;
    private readonly IEndpointLog _log;
    private readonly TaskCompletionSource _completion = new(TaskCreationOptions.RunContinuationsAsynchronously);

    /// <summary>Starts the thread.</summary>
    public EndpointDriver(EndpointLoopOptions options)
    {
        _log = options.Log;
        _loop = new EndpointLoop(options);
        new Thread(Run) { Name = "punchline endpoint", IsBackground = true }.Start();
    }

    /// <summary>The loop itself. Driver thread only.</summary>
    public EndpointLoop Loop => _loop;

    /// <summary>Completes when the thread has ended and everything is disposed; faulted if the loop itself failed.</summary>
    public Task Completion => _completion.Task;

    /// <summary>Has an item run on the driver thread. From any thread; allocates nothing.</summary>
    /// <returns>False if the driver has ended.</returns>
    public bool Post(WorkItem item) => _loop.Post(item);

    /// <summary>Calls a function on the driver thread, and hands its result back.</summary>
    /// <exception cref="ObjectDisposedException">The driver has ended.</exception>
    public Task<T> CallAsync<T>(Func<EndpointLoop, T> function)
    {
        var call = new CallWorkItem<T>(_ => function(_loop));
        _loop.Post(call);
        return call.Task;
    }

    /// <summary>Calls an action on the driver thread.</summary>
    /// <exception cref="ObjectDisposedException">The driver has ended.</exception>
    public Task CallAsync(Action<EndpointLoop> action) => CallAsync(loop =>
    {
        action(loop);
        return true;
    });

    /// <summary>Closes every connection with an application error, sends that, and ends. Completes as <see cref="Completion"/> does.</summary>
    public Task StopAsync(ulong applicationCode = 0, string reason = "")
    {
        _loop.Post(new ActionWorkItem(_ => _loop.BeginClose(applicationCode, reason)));
        return Completion;
    }

    /// <summary>Stops; a failure of the loop was surfaced by <see cref="Completion"/> and is not thrown again.</summary>
    public async ValueTask DisposeAsync() => await StopAsync().ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);

    private void Run()
    {
        try
        {
            while (!_loop.IsDone)
                _loop.Turn();
            _loop.End(Ended);
            _completion.SetResult();
        }
        catch (Exception e)
        {
            // Surfaced twice: in the log at once, and to whoever awaits the end.
            _log.LoopFailed(e);
            try
            {
                _loop.End(Failed);
            }
            catch (Exception second)
            {
                _log.LoopFailed(second);
            }
            _completion.SetException(e);
        }
    }
}
