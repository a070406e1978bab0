using Punchline.Endpoint;
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
    private ServerChannel? _channel;
    private ServerUdp? _udp;
    private Task _reading = Task.CompletedTask;
    private TaskCompletionSource<PairLoss> _lost = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private ulong _handle;

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
        if (_channel is null || _reading.IsCompleted)
        {
            await CloseAsync().ConfigureAwait(false);
            await ConnectAsync(progress, stop).ConfigureAwait(false);
        }
        _lost.TrySetResult(new PairLoss(HostLeft: false, "it was replaced"));
        Opened opened = await _channel!.OpenAsync(hostId, key.Id, key.Secret, stop).ConfigureAwait(false);
        var lost = new TaskCompletionSource<PairLoss>(TaskCreationOptions.RunContinuationsAsynchronously);
        Volatile.Write(ref _lost, lost);
        Volatile.Write(ref _handle, opened.Handle);
        // The channel may have ended meanwhile, and its reader with it.
        if (_reading.IsCompleted)
            lost.TrySetResult(new PairLoss(HostLeft: false, "the server is gone"));
        progress(new Progress(node.Time.GetUtcNow(), ProgressStage.ReachingHost, $"through {server}"));
        RelayRoute route = await _udp!.BindAsync(_channel, opened.Handle, opened.Key, stop).ConfigureAwait(false);
        return new ClientPair(server, route, opened.DoorNonce, key, lost.Task);
    }

    /// <summary>Leaves the server.</summary>
    public async Task CloseAsync()
    {
        if (_channel is { } channel)
        {
            node.Driver.Post(new ActionWorkItem(_ => node.Attestations.Agreed -= OnAgreed));
            await channel.DisposeAsync().ConfigureAwait(false);
        }
        if (_udp is { } udp)
            await udp.DisposeAsync().ConfigureAwait(false);
        await _reading.ConfigureAwait(false);
        (_channel, _udp, _reading) = (null, null, Task.CompletedTask);
    }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync() => await CloseAsync().ConfigureAwait(false);

    private async Task ConnectAsync(Action<Progress> progress, CancellationToken stop)
    {
        progress(new Progress(node.Time.GetUtcNow(), ProgressStage.ReachingServer, server.ToString()));
        _udp = new ServerUdp(node, server);
        _channel = await ServerChannel.ConnectAsync(
            server,
            new ServerChannelOptions { Time = node.Time, Randomness = node.Randomness, ProgramVersion = ProgramVersion.Text, HidesAddress = node.RelayOnly, OnResolved = _udp.Prepare },
            stop).ConfigureAwait(false);
        _reading = ReadAsync(_channel);
        node.Driver.Post(new ActionWorkItem(_ => node.Attestations.Agreed += OnAgreed));
        if (_channel.IsOverLoopback)
            await node.AllowLoopbackAsync().ConfigureAwait(false);
    }

    private void OnAgreed(ulong handle)
    {
        if (handle == Volatile.Read(ref _handle))
            _channel?.Attest(handle);
    }

    private async Task ReadAsync(ServerChannel channel)
    {
        string reason = "the channel was closed";
        DateTimeOffset comeBackAt = default;
        try
        {
            await foreach (ControlMessage message in channel.Events.ReadAllAsync().ConfigureAwait(false))
            {
                OnServerMessage?.Invoke(message);
                if (message is Attested attested)
                    node.Driver.Post(new ActionWorkItem(_ => node.Attestations.Set(attested.Handle, attested.Address)));
                else if (message is PairClosed closed && closed.Handle == Volatile.Read(ref _handle))
                    Volatile.Read(ref _lost).TrySetResult(new PairLoss(closed.Reason == PairCloseReason.HostLeft, $"the server ended it ({closed.Reason})"));
            }
        }
        catch (ServerChannelException e)
        {
            HostingLog.ServerFailed(node.Logger, server.ToString(), e.Message);
            (reason, comeBackAt) = (e.Message, e.ComeBackAt);
        }
        Volatile.Read(ref _lost).TrySetResult(new PairLoss(HostLeft: false, reason) { ComeBackAt = comeBackAt });
    }
}
