using System.Net.Sockets;
using Punchline.Invites;
using Punchline.Protocol;
using Punchline.Quic;
using Punchline.Tunnel;

namespace Punchline.Hosting;

/// <summary>
/// What a client keeps between its connections: the local ports with their tunnel, and what the host has given. Driver thread
/// only, where nothing else is said.
/// </summary>
internal sealed class ClientCore : IClientTunnelEvents
{
    private readonly PeerNode _node;
    private readonly ClientState _state;
    private readonly EventSink _events;
    private readonly ClientPorts? _ports;
    private readonly TaskCompletionSource _failed = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private ClientSession? _session;
    private Task _remembered = Task.CompletedTask;
    private bool _remembers = true;

    /// <param name="node">What it stands on.</param>
    /// <param name="options">Where the services listen; null: nowhere.</param>
    /// <param name="state">What is remembered of the host.</param>
    /// <param name="events">Who is told what happens.</param>
    public ClientCore(PeerNode node, ClientOptions? options, ClientState state, EventSink events)
    {
        _node = node;
        _state = state;
        _events = events;
        Tunnel = new ClientTunnel(node.Loop, this);
        _ports = options is null ? null : new ClientPorts(options, Tunnel, events);
    }

    /// <summary>The local ports' end.</summary>
    public ClientTunnel Tunnel { get; }

    /// <summary>Fails when something came up with which the client can't go on. Any thread.</summary>
    public Task Failed => _failed.Task;

    /// <summary>
    /// Ends the tunnel. What the host gives from now on is not remembered: the program ends, and its folder must be left alone. Any thread.
    /// </summary>
    /// <returns>Completes when what was to be remembered so far is written down.</returns>
    public async Task EndAsync()
    {
        try
        {
            Task remembered = await _node.Driver.CallAsync(_ =>
            {
                Tunnel.Dispose();
                _remembers = false;
                return _remembered;
            }).ConfigureAwait(false);
            await remembered.ConfigureAwait(false);
        }
        catch (ObjectDisposedException)
        {
            // The driver has failed, and said so.
        }
    }

    /// <summary>Listens.</summary>
    /// <exception cref="PunchlineException">A port can't be had.</exception>
    public void Listen() => _ports?.Open(_state.Services);

    /// <summary>An attempt has come through: true if it is the first.</summary>
    public bool TryUse(ClientSession session)
    {
        if (_session is { Ended.IsCompleted: false })
            return false;
        _session = session;
        return true;
    }

    /// <summary>A service's name for people.</summary>
    public string NameOf(ulong? serviceId) => _ports?.NameOf(serviceId) ?? ClientPorts.Unnamed;

    /// <summary>The host has told what it shares.</summary>
    public void OnServices(IReadOnlyList<ServiceInfo> services)
    {
        try
        {
            _ports?.Adjust(services);
        }
        catch (PunchlineException e)
        {
            _failed.TrySetException(e);
            return;
        }
        Remember(() => _state.SetServicesAsync(services), "the host's services are remembered");
    }

    /// <summary>The host has given us a secret of our own.</summary>
    public void OnFriendSecret(InviteId id, byte[] secret) =>
        Remember(() => _state.SetFriendAsync(id, secret), "the host gave this client a secret of its own");

    /// <summary>The host has given us tickets to come back with.</summary>
    public void OnSessions(IReadOnlyList<byte[]> sessions) =>
        Remember(() => _state.AddSessionsAsync(sessions), "the host gave this client tickets to come back with");

    /// <inheritdoc/>
    public void ConnectionOpened(ulong serviceId, ulong flowId) => _events.Detail($"connection {flowId} to {NameOf(serviceId)}");

    /// <inheritdoc/>
    public void ConnectionClosed(ulong serviceId, ulong flowId, TunnelErrorCode code) =>
        _events.Detail($"connection {flowId} to {NameOf(serviceId)} ended ({code})");

    /// <inheritdoc/>
    public void ConnectionNotCarried(ulong? serviceId, TunnelErrorCode code)
    {
        string name = NameOf(serviceId);
        switch (code)
        {
            case TunnelErrorCode.NoPathInTime:
                _events.ProblemNowAndThen(ProblemCode.NoDirectPath, $"{name}: a connection was closed: there is no direct path to the host yet.");
                break;
            case TunnelErrorCode.TooManyFlows:
                _events.ProblemNowAndThen(ProblemCode.ServiceDown, $"{name}: a connection was closed: too many at once.");
                break;
            default:
                _events.Detail($"{name}: a connection was closed ({code})");
                break;
        }
    }

    /// <inheritdoc/>
    public void FlowOpened(ulong serviceId, ulong flowId) => _events.Detail($"UDP flow {flowId} to {NameOf(serviceId)}");

    /// <inheritdoc/>
    public void FlowClosed(ulong serviceId, ulong flowId, bool evicted, ulong missing) =>
        _events.Detail($"UDP flow {flowId} to {NameOf(serviceId)} ended, {missing} of the host's datagrams never came");

    /// <inheritdoc/>
    public void DatagramTooLarge(ulong serviceId, int size, int limit) => _events.Problem(
        ProblemCode.DatagramTooLarge, $"{NameOf(serviceId)}: a datagram of {size} bytes was dropped: the path carries {limit} at most.");

    /// <inheritdoc/>
    public void ListenerFailed(ulong? serviceId, SocketError error) =>
        _events.ProblemNowAndThen(ProblemCode.PortUnavailable, $"{NameOf(serviceId)}: a local connection could not be taken ({error}).");

    // Written on another thread, as the file is flushed to the disk; what can't be remembered is given again the next time.
    private void Remember(Func<Task> write, string what)
    {
        if (_remembers)
            _remembered = WriteAsync(_remembered);

        async Task WriteAsync(Task before)
        {
            await before.ConfigureAwait(false);
            try
            {
                await Task.Run(write).ConfigureAwait(false);
                _events.Detail(what);
            }
            catch (StateFileException e)
            {
                _events.ProblemNowAndThen(ProblemCode.State, e.Message);
            }
        }
    }
}
