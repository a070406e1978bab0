using Punchline.Endpoint;
using Punchline.Invites;
using Punchline.Protocol;
using Punchline.Quic;

namespace Punchline.Hosting;

/// <summary>
/// The host's door and who came through it: sessions by their invites, so that the end of an invite ends them, and the door
/// nonce's turns. Driver thread only, where nothing else is said.
/// </summary>
internal sealed class HostCore : IDriverTimer, IDisposable
{
    private readonly InviteStore _store;
    private readonly EventSink _events;
    private readonly List<HostSession> _sessions = [];
    private PeerNode _node = null!;
    private ulong _knownNonce;

    public HostCore(InviteStore store, Door door, HostServices services, EventSink events)
    {
        _store = store;
        Door = door;
        Services = services;
        _events = events;
        _knownNonce = door.Nonces.Current;
        store.Changed += OnInvitesChanged;
    }

    /// <summary>Who is let in.</summary>
    public Door Door { get; }

    /// <summary>What is shared. Any thread.</summary>
    public HostServices Services { get; }

    /// <summary>The door nonce changed: servers are to be told. Driver thread.</summary>
    public event Action? NonceChanged;

    /// <inheritdoc/>
    /// <remarks>The door also draws by itself when somebody knocks late.</remarks>
    public Instant NextTimeout => Door.Nonces.Current != _knownNonce ? Instant.Zero : Door.Nonces.NextRotation;

    /// <summary>The node stands.</summary>
    public void Begin(PeerNode node)
    {
        _node = node;
        node.Loop.AddTimer(this);
    }

    /// <summary>A connection that the door let try.</summary>
    public HostSession Accept(EndpointConnection connection) => new(this, _node, connection, _events);

    /// <inheritdoc/>
    public void OnTimeout(Instant now)
    {
        Door.Advance(now);
        _knownNonce = Door.Nonces.Current;
        NonceChanged?.Invoke();
    }

    /// <summary>Whether an invite or friend is (still) welcome.</summary>
    public bool IsWelcome(InviteId id) => _store.Find(id) is { HasEnded: false };

    /// <summary>A friend is verified.</summary>
    public void OnJoined(HostSession session)
    {
        _sessions.Add(session);
        // Who comes back after a crash has left a dead connection behind, which would only count against their limit.
        foreach (HostSession other in _sessions.Where(other => other != session && other.IsUnreachable && IsSamePeer(other, session)).ToArray())
            other.Close(CloseCode.Replaced, "replaced");
    }

    /// <summary>A client has left the server: if it is silent as well, or falls silent, it is gone.</summary>
    public void OnClientLeft(ulong handle)
    {
        foreach (HostSession session in _sessions.Where(session => session.Relay?.Handle == handle).ToArray())
        {
            session.HasLeftServer = true;
            if (session.IsUnreachable)
                session.Close(CloseCode.NoPath, "gone");
        }
    }

    /// <summary>The server forwards no data of a pair for now.</summary>
    public void OnRelayLimit(RelayLimit limit)
    {
        foreach (HostSession session in _sessions.Where(session => session.Relay?.Handle == limit.Handle).ToArray())
            session.Standing.OnLimit(session.Relay!, limit);
    }

    /// <summary>A friend is silent: if they have left the server, or have a newer connection, this one is dead.</summary>
    public void OnUnreachable(HostSession session)
    {
        if (session.HasLeftServer)
            session.Close(CloseCode.NoPath, "gone");
        else if (_sessions.Exists(other => other != session && !other.IsUnreachable && IsSamePeer(other, session)))
            session.Close(CloseCode.Replaced, "replaced");
    }

    /// <summary>A connection has ended.</summary>
    public void OnLeft(HostSession session) => _sessions.Remove(session);

    /// <summary>Gives a friend who came by an invite a secret of their own, written down first.</summary>
    public void GiveSecret(HostSession session)
    {
        InviteId invite = session.Pass.Invite;
        byte[] peer = session.Connection.PeerId.ToArray();
        // Not on the driver thread: the file is flushed to the disk.
        _ = Task.Run(() =>
        {
            try
            {
                if (_store.IssueFriendSecret(invite, peer) is { } friend)
                    _node.Driver.Post(new ActionWorkItem(_ => session.Give(InviteId.Read(friend.Id), friend.Secret)));
            }
            catch (StateFileException e)
            {
                // The friend goes on with the invite's.
                _events.ProblemNowAndThen(ProblemCode.State, e.Message);
            }
        });
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _store.Changed -= OnInvitesChanged;
        Door.Dispose();
    }

    // What the session came by is looked up, not what has changed: so none is missed, whatever it was given meanwhile.
    private void OnInvitesChanged() => _node.Driver.Post(new ActionWorkItem(_ =>
    {
        foreach (HostSession session in _sessions.Where(s => !IsWelcome(s.Pass.Invite)).ToArray())
            session.Close(CloseCode.InviteRevoked, "the invite has ended");
    }));

    private static bool IsSamePeer(HostSession a, HostSession b) => a.Connection.PeerId.Span.SequenceEqual(b.Connection.PeerId.Span);
}
