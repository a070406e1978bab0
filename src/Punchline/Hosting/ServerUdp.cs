using Punchline.Endpoint;
using Punchline.Invites;
using Punchline.Quic;
using Punchline.Relay;
using Punchline.Stun;
using Punchline.Udp;

namespace Punchline.Hosting;

/// <summary>Where relayed datagrams go: from which socket, to which server, under which handle.</summary>
internal readonly record struct RelayRoute(IUdpSocket Socket, UdpAddress Server, ulong Handle);

/// <summary>
/// Our sockets' business with one server: the binding under which it forwards, and what it sees of us. Made before the
/// server's control channel connects, so that the first cookie comes meanwhile; ends with that channel.
/// </summary>
internal sealed class ServerUdp(PeerNode node, ServerAddress server) : IAsyncDisposable
{
    /// <summary>For one of the server's addresses to answer over UDP, before the next one is tried: seven attempts of the binding.</summary>
    private static readonly TimeSpan PerEndpoint = TimeSpan.FromSeconds(5);

    private readonly List<(IUdpSocket Socket, IDatagramClient Client, object Source)> _clients = [];
    private ServerChannel? _channel;
    private TaskCompletionSource _ready = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private UdpBinding? _binding;
    private IUdpSocket? _socket;
    private UdpAddress _seen;
    private bool _closed;

    /// <summary>The name's addresses are known: begins with the first that a socket reaches. From any thread; a guess, see <see cref="ServerChannelOptions.OnResolved"/>.</summary>
    public void Prepare(IReadOnlyList<UdpAddress> addresses)
    {
        if (server.Scheme != ServerScheme.Punch)
            return;
        node.Driver.Post(new ActionWorkItem(_ =>
        {
            foreach (UdpAddress address in addresses)
            {
                if (_binding is null && !_closed && node.Sockets.For(node.Loop, address) is { } socket)
                    Begin(socket, address);
            }
        }));
    }

    /// <summary>Binds the handle: returns as soon as relayed datagrams may be sent.</summary>
    /// <param name="channel">The channel that brought handle and key.</param>
    /// <param name="handle">The handle.</param>
    /// <param name="key">16 bytes.</param>
    /// <param name="cancellationToken">Gives up.</param>
    /// <exception cref="ServerChannelException">The server does not answer over UDP.</exception>
    public async Task<RelayRoute> BindAsync(ServerChannel channel, ulong handle, byte[] key, CancellationToken cancellationToken)
    {
        foreach (UdpAddress endpoint in channel.UdpEndpoints)
        {
            TaskCompletionSource? ready = await node.Driver.CallAsync(_ => Bind(endpoint, handle, key)).ConfigureAwait(false);
            if (ready is null)
                continue;
            try
            {
                await ready.Task.WaitAsync(PerEndpoint, node.Time, cancellationToken).ConfigureAwait(false);
            }
            catch (TimeoutException)
            {
                continue;
            }
            return await node.Driver.CallAsync(_ =>
            {
                _channel = channel;
                AskWhereWeAre();
                return new RelayRoute(_socket!, endpoint, handle);
            }).ConfigureAwait(false);
        }
        throw new ServerChannelException(server, ServerFailure.NoUdp);
    }

    /// <summary>
    /// The machine's network changed, or it slept: binds and asks again, each socket. The handle may be one that the server has forgotten
    /// meanwhile; then its channel is dead as well, which finds that out now and not after its long silence, and whoever keeps it
    /// comes back with a new handle. Driver thread only.
    /// </summary>
    public void OnNetworkChanged()
    {
        if (_binding is null)
            return;
        // With sockets of their own for each address, the one in use may be gone.
        if (!node.Sockets.All.Contains(_socket!) && node.Sockets.For(node.Loop, _binding.Server) is { } other)
        {
            node.Loop.AddRelayServer(other, _binding.Server);
            Move(_binding, other);
        }
        _binding.Rebind(node.Loop.Now);
        if (_channel is null)
            return;
        foreach ((IUdpSocket Socket, IDatagramClient Client, object Source) entry in _clients.Where(entry => entry.Source != _binding).ToArray())
        {
            if (entry.Source is StunKeeper keeper && node.Sockets.All.Contains(entry.Socket))
                keeper.AskNow();
            else
                Drop(entry);
        }
        AskWhereWeAre();
        _channel.Check();
    }

    /// <summary>Ends all of it.</summary>
    public async ValueTask DisposeAsync()
    {
        try
        {
            await node.Driver.CallAsync(_ =>
            {
                _closed = true;
                node.Remove(this);
                End();
            }).ConfigureAwait(false);
        }
        catch (ObjectDisposedException)
        {
            // The driver has ended, and all its sockets with it.
        }
    }

    private TaskCompletionSource? Bind(in UdpAddress endpoint, ulong handle, byte[] key)
    {
        if (_closed || node.Sockets.For(node.Loop, endpoint) is not { } socket)
            return null;
        if (_binding is null || _binding.Server != endpoint || _socket != socket)
            Begin(socket, endpoint);
        _ready = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        _binding!.SetCredentials(handle, key, node.Loop.Now);
        return _ready;
    }

    private void Begin(IUdpSocket socket, in UdpAddress endpoint)
    {
        End();
        node.Add(this);
        _socket = socket;
        _binding = new UdpBinding(endpoint, node.Randomness, node.Loop.Now);
        node.Loop.AddRelayServer(socket, endpoint);
        Drive(socket, _binding, OnBindingMoved);
    }

    private void OnBindingMoved()
    {
        if (_binding!.CanRelay)
            _ready.TrySetResult();
        if (_binding.Observed == _seen)
            return;
        _seen = _binding.Observed;
        node.Candidates.SetReflexive(_binding, _seen);
        if (!_seen.IsNone)
            node.Survey.OnSeen(_socket!, _binding.Server, _seen);
    }

    /// <summary>The binding tells how its own socket looks from the server's main port; STUN tells the rest, as far as it is not asked already.</summary>
    private void AskWhereWeAre()
    {
        foreach (IUdpSocket socket in node.Sockets.All)
        {
            UdpAddress endpoint = _channel!.UdpEndpoints.FirstOrDefault(e => node.Loop.DirectPath(socket, e) is not null);
            if (endpoint.IsNone || _clients.Exists(entry => entry.Socket == socket))
                continue;
            var keeper = new StunKeeper(endpoint, node.Randomness, StunKeeper.DefaultInterval);
            Drive(socket, keeper, () =>
            {
                if (keeper.TryTakeChange(out UdpAddress mapped))
                    node.Candidates.SetReflexive(keeper, mapped);
            });
        }
        node.Survey.Begin(_socket!, _binding!.Server, hasAlternate: _channel!.AlternatePort != 0);
        if (!_clients.Exists(static entry => entry.Source is StunBinding))
            AskElsewhere();
    }

    /// <summary>The main socket as it looks from elsewhere: from the server's other port and another address of it, if it has any. Each costs the NAT a mapping.</summary>
    private void AskElsewhere()
    {
        UdpAddress main = _binding!.Server;
        List<UdpAddress> others = _channel!.AlternatePort == 0 ? [] : [main.WithPort(_channel.AlternatePort)];
        others.AddRange(_channel.UdpEndpoints.Where(e => e.IsIPv4 == main.IsIPv4 && !e.SameHost(main)).Take(1));
        foreach (UdpAddress other in others)
        {
            var once = new StunBinding(other, node.Randomness);
            bool told = false;
            Drive(_socket!, once, () =>
            {
                if (told || once.State != StunBindingState.Succeeded)
                    return;
                told = true;
                node.Candidates.SetReflexive(once, once.Result.Mapped);
                node.Survey.OnSeen(_socket!, other, once.Result.Mapped);
            });
        }
    }

    private void Drive(IUdpSocket socket, IDatagramClient source, Action look)
    {
        var client = new WatchedClient(source, look);
        _clients.Add((socket, client, source));
        node.Loop.AddClient(socket, client);
    }

    private void Move(object source, IUdpSocket socket)
    {
        int index = _clients.FindIndex(entry => entry.Source == source);
        _clients[index] = (socket, _clients[index].Client, source);
        _socket = socket;
        node.Loop.AddClient(socket, _clients[index].Client);
    }

    private void Drop((IUdpSocket Socket, IDatagramClient Client, object Source) entry)
    {
        node.Loop.RemoveClient(entry.Socket, entry.Client);
        node.Candidates.SetReflexive(entry.Source, default);
        _clients.Remove(entry);
    }

    private void End()
    {
        foreach ((IUdpSocket Socket, IDatagramClient Client, object Source) entry in _clients.ToArray())
            Drop(entry);
        if (_binding is not null)
            node.Loop.RemoveRelayServer(_socket!, _binding.Server);
        _binding = null;
        _seen = default;
    }
}
