using Punchline.Endpoint;
using Punchline.Invites;
using Punchline.Protocol;
using Punchline.Quic;
using Punchline.Relay;
using Punchline.Traversal.Lifetime;
using Punchline.Udp;

namespace Punchline.Hosting;

/// <summary>Where relayed datagrams go: to which server, under which handle.</summary>
internal readonly record struct RelayRoute(RelayLink Link, ulong Handle);

/// <summary>
/// Our sockets' business with one server: the binding under which it forwards, and what carries the forwarded. Made before the server's
/// control channel connects, so that the first cookie comes meanwhile; ends with that channel.
/// </summary>
internal sealed class ServerUdp(PeerNode node, ServerAddress server) : IBindingServer, IAsyncDisposable, IDriverTimer
{
    /// <summary>For one of the server's addresses to answer over UDP, before the next one is tried: five attempts of the binding.</summary>
    private static readonly TimeSpan PerEndpoint = TimeSpan.FromSeconds(5);

    /// <summary>
    /// Relayed datagrams left over UDP and for so long none came: the binding is asked for. Longer than most round trips with the wait for an
    /// acknowledgement, so that it is rare, and with the binding's three attempts the channel carries on after some three seconds.
    /// </summary>
    private static readonly TimeSpan SilencePatience = TimeSpan.FromSeconds(1);

    private readonly Sightings _sightings = new(node);
    private readonly RelayLink _link = new();
    private readonly TaskCompletionSource _carried = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private ServerChannel? _channel;
    private (ulong Handle, byte[] Key) _credentials;
    private int _endpoint;
    private Instant _nextEndpointAt = Instant.Never;
    private UdpBinding? _binding;
    private WatchedClient? _client;
    private IUdpSocket? _socket;
    private IUdpSocket? _movingTo;
    private Instant _boundAt;
    private bool _joined;
    private bool _closed;

    /// <inheritdoc/>
    public IUdpSocket? Socket => _socket;

    /// <inheritdoc/>
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
                if (_binding is null && !_closed && node.Sockets.For(address) is { } socket)
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
            node.WayOut.SetUdp(works: false);
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
        LeaveGoneSocket();
        if (_binding is null)
        {
            if (_channel is not null)
                TryEndpoint(0);
            _channel?.Check();
            return;
        }
        // Bound over IPv6 because there was no way over IPv4, and now there is one.
        if (_channel?.UdpEndpoints[0] is { IsIPv4: true } first && _binding.Server.IsIPv6 && node.Sockets.For(first) is not null)
        {
            TryEndpoint(0, areNew: true);
            _channel.Check();
            return;
        }
        _binding.Rebind(node.Loop.Now);
        ChooseCarrier();
        AskAgain();
        _channel?.Check();
    }

    /// <summary>
    /// A friend's path has failed, and nothing that this machine sees has changed: asks whether the binding stands. Until it is known that it
    /// does not it serves, for the other friends have no reason to leave it. Driver thread only.
    /// </summary>
    public void OnDoubt()
    {
        if (_binding is null)
        {
            OnNetworkChanged();
            return;
        }
        _binding.Confirm(node.Loop.Now);
        _sightings.AskKept();
        _channel?.Check();
    }

    /// <summary>The server has somebody for us, whose first packets come by the binding: it had better stand. Driver thread only.</summary>
    public void OnPairOpened() => _binding?.ConfirmIfOld(node.Loop.Now);

    /// <summary>
    /// With sockets of their own for each address, the one in use may be gone, or the one that was to take over from it: then another one serves,
    /// or the binding ends.
    /// </summary>
    private void LeaveGoneSocket()
    {
        if (_binding is null || (node.Loop.Has(_socket!) && (_movingTo is null || node.Loop.Has(_movingTo))))
            return;
        if (_movingTo is not null || node.Sockets.For(_binding.Server) is not { } other)
        {
            End();
            return;
        }
        node.Loop.AddRelayLink(other, _binding.Server, _link);
        _socket = other;
        node.Loop.AddClient(other, _client!);
    }

    private void AskAgain()
    {
        if (_channel is null || _binding is null)
            return;
        _sightings.AskAgain();
        AskWhereWeAre();
    }

    /// <summary>Has the server bind another socket; the one in use serves until it has. Driver thread only.</summary>
    public void MoveTo(IUdpSocket from, IUdpSocket to)
    {
        if (_binding is null || _socket != from || _movingTo is not null)
            return;
        node.Loop.AddRelayLink(to, _binding.Server, _link);
        node.Loop.RemoveClient(from, _client!);
        _movingTo = to;
        _binding.TakeOver(node.Loop.Now);
        node.Loop.AddClient(to, _client!);
    }

    /// <summary>A socket was replaced by another one: what was asked from there is asked anew. Driver thread only.</summary>
    public void OnReplaced(IUdpSocket old)
    {
        _sightings.OnReplaced(old);
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
            node.Loop.RemoveClient(goes, _client!);
            node.Loop.AddClient(stays, _client!);
        }
        node.Loop.RemoveRelayLink(goes, _binding.Server, _link);
        (_socket, _movingTo) = (stays, null);
        _binding.Rebind(node.Loop.Now);
        ChooseCarrier();
    }

    /// <summary>Ends all of it.</summary>
    public async ValueTask DisposeAsync()
    {
        try
        {
            await node.Driver.CallAsync(_ =>
            {
                _closed = true;
                node.Servers.Remove(this);
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
        ChooseCarrier();
    }

    private void Join()
    {
        if (_joined)
            return;
        _joined = true;
        node.Servers.Add(this);
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
            if (node.Sockets.For(endpoint) is not { } socket)
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
        _client = new WatchedClient(_binding, OnBindingMoved);
        node.Loop.AddRelayLink(socket, endpoint, _link);
        node.Loop.AddClient(socket, _client);
    }

    private void OnBindingMoved()
    {
        if (_binding!.BoundAt != _boundAt)
            OnBound();
        ChooseCarrier();
        // The NAT has given the same socket another mapping: what was seen of it elsewhere is old. Behind this call, which is a client's own.
        if (_sightings.OnBound(_socket!, _binding.Server, _binding.Observed))
            node.Driver.Post(new ActionWorkItem(_ => AskAgain()));
    }

    private void OnBound()
    {
        _boundAt = _binding!.BoundAt;
        if (_movingTo is { } fresh)
            (_socket, _movingTo) = (fresh, null);
        node.Turns.OnSeen(this, _socket!, _binding.Observed);
    }

    /// <summary>UDP as soon as it is bound, else the channel; without one, UDP as soon as the binding is on its way.</summary>
    private void ChooseCarrier()
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
        node.WayOut.SetUdp(works: true);
    }

    private void AskWhereWeAre() => _sightings.Look(
        _socket!, _binding!.Server, node.Sockets.All.Where(socket => socket != _socket && socket != _movingTo), _channel!);

    private void End()
    {
        _sightings.End();
        if (_binding is not null)
        {
            node.Loop.RemoveClient(_movingTo ?? _socket!, _client!);
            node.Loop.RemoveRelayLink(_socket!, _binding.Server, _link);
            if (_movingTo is not null)
                node.Loop.RemoveRelayLink(_movingTo, _binding.Server, _link);
        }
        (_binding, _client, _movingTo) = (null, null, null);
        _link.Socket = null;
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
