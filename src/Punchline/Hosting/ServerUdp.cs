using Punchline.Endpoint;
using Punchline.Invites;
using Punchline.Protocol;
using Punchline.Quic;
using Punchline.Relay;
using Punchline.Stun;
using Punchline.Traversal.Lifetime;
using Punchline.Udp;

namespace Punchline.Hosting;

/// <summary>Where relayed datagrams go: to which server, under which handle.</summary>
internal readonly record struct RelayRoute(RelayLink Link, ulong Handle);

/// <summary>
/// Our sockets' business with one server: the binding under which it forwards, what carries the forwarded, and what it sees of us. Made
/// before the server's control channel connects, so that the first cookie comes meanwhile; ends with that channel.
/// </summary>
internal sealed class ServerUdp(PeerNode node, ServerAddress server) : IAsyncDisposable, IDriverTimer
{
    /// <summary>For one of the server's addresses to answer over UDP, before the next one is tried: seven attempts of the binding.</summary>
    private static readonly TimeSpan PerEndpoint = TimeSpan.FromSeconds(5);

    /// <summary>
    /// Relayed datagrams left over UDP and for so long none came: the binding is asked for. Longer than most round trips with the wait for an
    /// acknowledgement, so that it is rare, and with the binding's three attempts the channel carries on after some three seconds.
    /// </summary>
    private static readonly TimeSpan SilencePatience = TimeSpan.FromSeconds(1);

    private readonly List<(IUdpSocket Socket, IDatagramClient Client, object Source)> _clients = [];
    private readonly RelayLink _link = new();
    private readonly TaskCompletionSource _carried = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private ServerChannel? _channel;
    private (ulong Handle, byte[] Key) _credentials;
    private int _endpoint;
    private Instant _nextEndpointAt = Instant.Never;
    private UdpBinding? _binding;
    private IUdpSocket? _socket;
    private IUdpSocket? _movingTo;
    private Instant _boundAt;
    private UdpAddress _seen;
    private bool _joined;
    private bool _closed;

    /// <summary>The socket that the server has bound, or is to bind; null if there is none.</summary>
    public IUdpSocket? Socket => _socket;

    /// <summary>The server's UDP address in use; none if there is none.</summary>
    public UdpAddress Server => _binding?.Server ?? default;

    /// <inheritdoc/>
    public Instant NextTimeout => _link.Socket is null ? _nextEndpointAt
        : _link.UnansweredSince.IsSet ? _link.UnansweredSince + SilencePatience : Instant.Never;

    /// <summary>The server's address and our socket towards it, once it has answered. Driver thread only.</summary>
    public (IUdpSocket Socket, UdpAddress Server)? Way => _binding is { IsBound: true } ? (_socket!, _binding.Server) : null;

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

    /// <summary>
    /// Binds the handle, and goes on with it until the end. Returns as soon as relayed datagrams may be sent: at once if the server takes them
    /// on the channel, else when it answers over UDP.
    /// </summary>
    /// <param name="channel">The channel that brought handle and key.</param>
    /// <param name="handle">The handle.</param>
    /// <param name="key">16 bytes.</param>
    /// <param name="cancellationToken">Gives up.</param>
    /// <exception cref="ServerChannelException">Nothing carries them.</exception>
    public async Task<RelayRoute> BindAsync(ServerChannel channel, ulong handle, byte[] key, CancellationToken cancellationToken)
    {
        await node.Driver.CallAsync(_ => Use(channel, handle, key)).ConfigureAwait(false);
        try
        {
            if (channel.Frames is null)
                await _carried.Task.WaitAsync(PerEndpoint * channel.UdpEndpoints.Count, node.Time, cancellationToken).ConfigureAwait(false);
        }
        catch (TimeoutException)
        {
            throw new ServerChannelException(server, ServerFailure.NoUdp);
        }
        return new RelayRoute(_link, handle);
    }

    /// <inheritdoc/>
    public void OnTimeout(Instant now)
    {
        if (_link.Socket is null)
        {
            node.SetUdp(works: false);
            TryEndpoint(_endpoint + 1);
            return;
        }
        // From now on, or it would be asked for in every turn.
        _link.OnHeard();
        _binding!.Confirm(now);
    }

    /// <summary>
    /// The machine's network changed, or it slept: binds and asks again, each socket. The handle may be one that the server has forgotten
    /// meanwhile; then its channel is dead as well, which finds that out now and not after its long silence, and whoever keeps it
    /// comes back with a new handle. Driver thread only.
    /// </summary>
    public void OnNetworkChanged()
    {
        if (_binding is null)
        {
            if (_channel is not null)
                TryEndpoint(_endpoint);
            return;
        }
        // With sockets of their own for each address, the one in use may be gone.
        if (_movingTo is null && !node.Sockets.All.Contains(_socket!) && node.Sockets.For(node.Loop, _binding.Server) is { } other)
        {
            node.Loop.AddRelayLink(other, _binding.Server, _link);
            Move(_binding, other);
        }
        _binding.Rebind(node.Loop.Now);
        Carry();
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

    /// <summary>Has the server bind another socket; the one in use serves until it has. Driver thread only.</summary>
    public void MoveTo(IUdpSocket from, IUdpSocket to)
    {
        if (_binding is null || _socket != from || _movingTo is not null)
            return;
        node.Loop.AddRelayLink(to, _binding.Server, _link);
        node.Loop.RemoveClient(from, _clients[IndexOf(_binding)].Client);
        _movingTo = to;
        _binding.TakeOver(node.Loop.Now);
        Carry(_binding, to);
    }

    /// <summary>A socket was replaced by another one: what was asked from there is asked anew. Driver thread only.</summary>
    public void OnReplaced(IUdpSocket old)
    {
        foreach ((IUdpSocket Socket, IDatagramClient Client, object Source) entry in _clients.Where(entry => entry.Socket == old && entry.Source != _binding).ToArray())
            Drop(entry);
        if (_channel is not null && _binding is not null)
            AskWhereWeAre();
    }

    /// <summary>One of two sockets will be gone, the other one stays: from now on it alone serves. Driver thread only.</summary>
    public void StayAt(IUdpSocket stays, IUdpSocket goes)
    {
        if (_binding is null || (_socket != goes && _movingTo != goes))
            return;
        if (_movingTo != stays)
        {
            node.Loop.RemoveClient(goes, _clients[IndexOf(_binding)].Client);
            Carry(_binding, stays);
        }
        node.Loop.RemoveRelayLink(goes, _binding.Server, _link);
        (_socket, _movingTo) = (stays, null);
        _binding.Rebind(node.Loop.Now);
        Carry();
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
                node.Turns.OnGone(this);
                node.Loop.RemoveTimer(this);
                End();
                _link.Channel = null;
            }).ConfigureAwait(false);
        }
        catch (ObjectDisposedException)
        {
            // The driver has ended, and all its sockets with it.
        }
    }

    private void Use(ServerChannel channel, ulong handle, byte[] key)
    {
        if (_closed)
            return;
        Join();
        _channel = channel;
        _credentials = (handle, key);
        _link.CarriesData = channel.Hello.Relay != RelayLevel.Off;
        _link.BytesPerSecond = channel.Hello.PairRate;
        if (channel.Frames is { } frames && _link.Channel != frames)
        {
            _link.Channel = frames;
            var arrived = new TakeFrames(node, _link);
            frames.OnArrival(() => node.Driver.Post(arrived));
        }
        // A pair after another one has a new handle, and the endpoint that answered the last one.
        TryEndpoint(_endpoint, areNew: true);
        Carry();
    }

    private void Join()
    {
        if (_joined)
            return;
        _joined = true;
        node.Add(this);
        node.Loop.AddTimer(this);
    }

    private void TryEndpoint(int first, bool areNew = false)
    {
        IReadOnlyList<UdpAddress> endpoints = _channel!.UdpEndpoints;
        if (_link.Server.IsNone)
            _link.Server = endpoints[0];
        for (int i = 0; i < endpoints.Count; i++)
        {
            _endpoint = (first + i) % endpoints.Count;
            UdpAddress endpoint = endpoints[_endpoint];
            if (node.Sockets.For(node.Loop, endpoint) is not { } socket)
                continue;
            if (_binding is null || _binding.Server != endpoint || _socket != socket)
            {
                Begin(socket, endpoint);
                areNew = true;
            }
            _link.Server = endpoint;
            if (areNew)
                _binding!.SetCredentials(_credentials.Handle, _credentials.Key, node.Loop.Now);
            _nextEndpointAt = node.Loop.Now + PerEndpoint;
            AskWhereWeAre();
            return;
        }
        _nextEndpointAt = node.Loop.Now + PerEndpoint; // A network without any of these families: another one may come.
    }

    private void Begin(IUdpSocket socket, in UdpAddress endpoint)
    {
        End();
        Join();
        _socket = socket;
        _boundAt = Instant.Zero;
        _binding = new UdpBinding(endpoint, node.Randomness, node.Loop.Now, () => node.Turns.BindingInterval(UdpBinding.KeepAlive));
        node.Loop.AddRelayLink(socket, endpoint, _link);
        Drive(socket, _binding, OnBindingMoved);
    }

    private void OnBindingMoved()
    {
        if (_binding!.BoundAt != _boundAt)
            OnBound();
        Carry();
        if (_binding.Observed == _seen)
            return;
        _seen = _binding.Observed;
        node.Candidates.SetReflexive(_binding, _seen);
        if (!_seen.IsNone)
            node.Survey.OnSeen(_socket!, _binding.Server, _seen);
    }

    private void OnBound()
    {
        _boundAt = _binding!.BoundAt;
        if (_movingTo is { } fresh)
            (_socket, _movingTo) = (fresh, null);
        node.Turns.OnSeen(this, _socket!, _binding.Observed);
    }

    /// <summary>UDP as soon as it is bound, else the channel; without one, UDP as soon as the binding is on its way.</summary>
    private void Carry()
    {
        if (_channel is null)
            return;
        bool overUdp = _binding is { } binding && (binding.IsBound || (_link.Channel is null && binding.CanRelay));
        if (overUdp != _link.Socket is not null || (overUdp && _link.Socket != _socket))
            _link.Socket = overUdp ? _socket : null;
        if (!overUdp)
        {
            if (!_nextEndpointAt.IsSet)
                _nextEndpointAt = node.Loop.Now + PerEndpoint;
            return;
        }
        _nextEndpointAt = Instant.Never;
        _carried.TrySetResult();
        node.SetUdp(works: true);
    }

    /// <summary>The binding tells how its own socket looks from the server's main port; STUN tells the rest, as far as it is not asked already.</summary>
    private void AskWhereWeAre()
    {
        // Who hides wants to know no address of theirs, and needs none.
        if (node.RelayOnly)
            return;
        foreach (IUdpSocket socket in node.Sockets.All)
        {
            UdpAddress endpoint = _channel!.UdpEndpoints.FirstOrDefault(e => node.Loop.DirectPath(socket, e) is not null);
            if (endpoint.IsNone || socket == node.Turns.Leaving || _clients.Exists(entry => entry.Socket == socket))
                continue;
            var keeper = new StunKeeper(endpoint, node.Randomness, () => node.Lifetimes.KeepAliveTowards(endpoint, MappingUse.Brief) ?? StunKeeper.DefaultInterval);
            Drive(socket, keeper, () =>
            {
                if (keeper.TryTakeChange(out UdpAddress mapped))
                    node.Candidates.SetReflexive(keeper, mapped);
            });
        }
        node.Survey.Begin(_socket!, _binding!.Server, hasAlternate: _channel!.AlternatePort != 0);
        if (!_seen.IsNone)
            node.Survey.OnSeen(_socket!, _binding.Server, _seen);
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
        _socket = socket;
        Carry(source, socket);
    }

    private void Carry(object source, IUdpSocket socket)
    {
        int index = IndexOf(source);
        _clients[index] = (socket, _clients[index].Client, source);
        node.Loop.AddClient(socket, _clients[index].Client);
    }

    private int IndexOf(object source) => _clients.FindIndex(entry => entry.Source == source);

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
            node.Loop.RemoveRelayLink(_socket!, _binding.Server, _link);
        if (_binding is not null && _movingTo is { } fresh)
            node.Loop.RemoveRelayLink(fresh, _binding.Server, _link);
        _movingTo = null;
        _link.Socket = null;
        _binding = null;
        _seen = default;
    }

    /// <summary>Frames have come on the channel: takes them, turn by turn.</summary>
    private sealed class TakeFrames(PeerNode node, RelayLink link) : WorkItem
    {
        /// <inheritdoc/>
        public override void Execute(Instant now)
        {
            if (node.Loop.ReceiveFromChannel(link))
                node.Driver.Post(this);
        }
    }
}
