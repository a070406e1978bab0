using System.Runtime.CompilerServices;
using System.Threading.Channels;
using Punchline.Endpoint;
using Punchline.Invites;
using Punchline.Protocol;
using Punchline.Quic;
using Punchline.Relay;

namespace Punchline.Hosting;

/// <summary>
/// Keeps a host registered at its server: registers, binds, publishes changed invites and nonces, and comes back by itself. Standing
/// direct connections do not notice when the server goes.
/// </summary>
internal sealed class HostRegistrar
{
    /// <summary>Changes within this time are published together: the server takes five messages a second.</summary>
    private static readonly TimeSpan PublishPause = TimeSpan.FromMilliseconds(250);

    private readonly PeerNode _node;
    private readonly HostCore _host;
    private readonly InviteStore _store;
    private readonly ISigner _signer;
    private readonly ServerAddress _server;
    private readonly EventSink _events;
    private readonly Channel<bool> _changed = Channel.CreateBounded<bool>(new BoundedChannelOptions(1) { FullMode = BoundedChannelFullMode.DropWrite });
    private ReadOnlyMemory<byte> _passwordKey;

    /// <param name="node">The sockets.</param>
    /// <param name="host">The door.</param>
    /// <param name="store">The invites.</param>
    /// <param name="signer">Used on the caller's threads alone, not the driver's.</param>
    /// <param name="server">Where to.</param>
    /// <param name="events">Who is told.</param>
    public HostRegistrar(PeerNode node, HostCore host, InviteStore store, ISigner signer, ServerAddress server, EventSink events)
    {
        _node = node;
        _host = host;
        _store = store;
        _signer = signer;
        _server = server;
        _events = events;
        store.Changed += Signal;
        host.NonceChanged += Signal;
    }

    /// <summary>Registered, for the first time or again. On the caller's thread.</summary>
    public event Action? Registered;

    /// <summary>The server was sent the invites as they are now. On the caller's thread.</summary>
    public event Action? Published;

    /// <summary>Stays registered until it is cancelled.</summary>
    /// <exception cref="PunchlineException">There is no use in going on.</exception>
    public async Task RunAsync(string? password, CancellationToken stop)
    {
        if (!string.IsNullOrEmpty(password))
            _passwordKey = await Task.Run(() => ControlProof.PasswordKey(password), stop).ConfigureAwait(false);
        var backoff = new Backoff(_node.Randomness);
        bool firstContact = true;
        string? said = null;
        while (true)
        {
            TimeSpan wait = TimeSpan.Zero;
            try
            {
                await RegisterAsync(
                    () =>
                    {
                        firstContact = false;
                        said = null;
                        backoff.Reset();
                    },
                    stop).ConfigureAwait(false);
            }
            catch (ServerChannelException e)
            {
                HostingLog.ServerFailed(_node.Logger, _server.ToString(), e.Message);
                if (ServerProblem.IsFinal(e, firstContact))
                    throw ServerProblem.ToException(e);
                // Once for each kind of trouble, however often it is tried.
                if (said != e.Message)
                    _events.Problem(ServerProblem.CodeOf(e), e.Message + " Trying again; friends who are connected directly stay.");
                said = e.Message;
                wait = e.WaitOr(backoff.Next(), _events.Now);
            }
            await Task.Delay(wait, _node.Time, stop).ConfigureAwait(false);
        }
    }

    private async Task RegisterAsync(Action stands, CancellationToken stop)
    {
        ServerContact contact = await ServerContact.ConnectAsync(_node, _server, static _ => true, stop).ConfigureAwait(false);
        await using ConfiguredAsyncDisposable contactEnd = contact.ConfigureAwait(false);
        ulong nonce = await CurrentNonceAsync().ConfigureAwait(false);
        IReadOnlyList<(InviteId Id, byte[] Secret)> secrets = _store.Secrets;
        IReadOnlyList<EndedEntry> ended = _store.Ended;
        Registered registered = await contact.Channel.RegisterAsync(
            new HostRegistration { Signer = _signer, DoorNonce = nonce, Secrets = secrets, Ended = ended, PasswordKey = _passwordKey }, stop).ConfigureAwait(false);
        await contact.BindAsync(registered.Handle, registered.Key, stop).ConfigureAwait(false);
        stands();
        HostingLog.Registered(_node.Logger, _server.ToString());
        Registered?.Invoke();

        using var publishing = CancellationTokenSource.CreateLinkedTokenSource(stop);
        Task publish = PublishAsync(contact.Channel, nonce, secrets, publishing.Token);
        try
        {
            await foreach (ControlMessage message in contact.ReadAsync(stop).ConfigureAwait(false))
            {
                _events.Detail($"{_server}: {Describe(message)}");
                if (message is PairOpened)
                    contact.OnPairOpened();
                else if (message is PairClosed { Reason: PairCloseReason.ClientLeft, Handle: var handle })
                    _node.Driver.Post(new ActionWorkItem(_ => _host.OnClientLeft(handle)));
                else if (message is RelayLimit limit)
                    _node.Driver.Post(new ActionWorkItem(_ => _host.OnRelayLimit(limit)));
            }
        }
        finally
        {
            await publishing.CancelAsync().ConfigureAwait(false);
            // A failure to publish is the channel's end, which the reader has just told.
            await publish.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }

    // The signal may be from before this registration: what has not changed since is not said again.
    private async Task PublishAsync(ServerChannel channel, ulong nonce, IReadOnlyList<(InviteId Id, byte[] Secret)> secrets, CancellationToken stop)
    {
        while (true)
        {
            await _changed.Reader.ReadAsync(stop).ConfigureAwait(false);
            IReadOnlyList<(InviteId Id, byte[] Secret)> now = _store.Secrets;
            if (!now.Select(s => s.Id).SequenceEqual(secrets.Select(s => s.Id)))
            {
                await channel.SetInvitesAsync(now, _store.Ended, stop).ConfigureAwait(false);
                Published?.Invoke();
            }
            secrets = now;
            ulong current = await CurrentNonceAsync().ConfigureAwait(false);
            if (current != nonce)
                await channel.SetDoorNonceAsync(current, stop).ConfigureAwait(false);
            nonce = current;
            await Task.Delay(PublishPause, _node.Time, stop).ConfigureAwait(false);
        }
    }

    private Task<ulong> CurrentNonceAsync() => _node.Driver.CallAsync(_ => _host.Door.Nonces.Current);

    // Many signals are one: whoever waits sees the newest state.
    private void Signal() => _changed.Writer.TryWrite(true);

    private static string Describe(ControlMessage message) => message switch
    {
        PairOpened { Client: var client } when client == PairOpened.Hidden => "a client that hides its address stands at the door",
        PairOpened opened => $"a client at {opened.Client} stands at the door",
        PairClosed closed => $"a client's pair ended ({closed.Reason})",
        _ => message.GetType().Name,
    };
}
