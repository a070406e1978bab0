using Punchline.Invites;
using Punchline.Protocol;
using Punchline.Relay;

namespace Punchline.Hosting;

/// <summary>
/// A client's way to one server: the control channel, kept open between connections, and the pair with the host on it. One
/// caller at a time.
/// </summary>
internal sealed class ClientLink(PeerNode node, ServerAddress server, ReadOnlyMemory<byte> hostId) : IAsyncDisposable
{
    private readonly Lock _gate = new();
    private ServerContact? _contact;
    private Task _reading = Task.CompletedTask;
    private TaskCompletionSource<PairLoss> _lost = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private ulong _handle;
    private PairClosed? _lastClosed;

    /// <summary>The server.</summary>
    public ServerAddress Server => server;

    /// <summary>Is told what the server says of the pair, on the channel's thread.</summary>
    public Action<ControlMessage>? OnServerMessage { get; set; }

    /// <summary>Opens a pair with the host, over the open channel or a new one. A pair that stood before is replaced.</summary>
    /// <param name="key">What proves the invite.</param>
    /// <param name="progress">Told each step.</param>
    /// <param name="stop">Gives up.</param>
    /// <exception cref="ServerChannelException">The server can't be used, or refuses: the host may be offline, the invite unknown.</exception>
    public async Task<ClientPair> OpenAsync(DoorKey key, Action<Progress> progress, CancellationToken stop)
    {
        if (_contact is null || _reading.IsCompleted)
        {
            await CloseAsync().ConfigureAwait(false);
            progress(new Progress(node.Time.GetUtcNow(), ProgressStage.ReachingServer, server.ToString()));
            _contact = await ServerContact.ConnectAsync(node, server, handle => handle == Volatile.Read(ref _handle), stop).ConfigureAwait(false);
            _reading = ReadAsync(_contact);
        }
        _lost.TrySetResult(new PairLoss(HostLeft: false, "it was replaced"));
        Opened opened = await _contact.Channel.OpenAsync(hostId, key.Id, key.Secret, stop).ConfigureAwait(false);
        var lost = new TaskCompletionSource<PairLoss>(TaskCreationOptions.RunContinuationsAsynchronously);
        Volatile.Write(ref _lost, lost);
        lock (_gate)
        {
            Volatile.Write(ref _handle, opened.Handle);
            // The reader may have been told of its end before this call of its beginning.
            if (_lastClosed is { } closed)
                TellLost(closed);
        }
        // The channel may have ended meanwhile, and its reader with it.
        if (_reading.IsCompleted)
            lost.TrySetResult(new PairLoss(HostLeft: false, "the server is gone"));
        progress(new Progress(node.Time.GetUtcNow(), ProgressStage.ReachingHost, $"through {server}"));
        RelayRoute route = await _contact.BindAsync(opened.Handle, opened.Key, stop).ConfigureAwait(false);
        return new ClientPair(server, route, opened.DoorNonce, key, lost.Task);
    }

    /// <summary>Leaves the server.</summary>
    public async Task CloseAsync()
    {
        if (_contact is { } contact)
            await contact.DisposeAsync().ConfigureAwait(false);
        await _reading.ConfigureAwait(false);
        (_contact, _reading) = (null, Task.CompletedTask);
    }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync() => await CloseAsync().ConfigureAwait(false);

    private async Task ReadAsync(ServerContact contact)
    {
        string reason = "the channel was closed";
        DateTimeOffset comeBackAt = default;
        try
        {
            await foreach (ControlMessage message in contact.ReadAsync().ConfigureAwait(false))
            {
                OnServerMessage?.Invoke(message);
                if (message is not PairClosed closed)
                    continue;
                lock (_gate)
                {
                    _lastClosed = closed;
                    TellLost(closed);
                }
            }
        }
        catch (ServerChannelException e)
        {
            HostingLog.ServerFailed(node.Logger, server.ToString(), e.Message);
            (reason, comeBackAt) = (e.Message, e.ComeBackAt);
        }
        Volatile.Read(ref _lost).TrySetResult(new PairLoss(HostLeft: false, reason) { ComeBackAt = comeBackAt });
    }

    /// <summary>If it is this pair that was closed.</summary>
    private void TellLost(PairClosed closed)
    {
        if (closed.Handle == _handle)
            Volatile.Read(ref _lost).TrySetResult(new PairLoss(closed.Reason == PairCloseReason.HostLeft, $"the server ended it ({closed.Reason})"));
    }
}
