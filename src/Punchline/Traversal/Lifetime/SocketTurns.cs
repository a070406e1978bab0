using Punchline.Endpoint;
using Punchline.Hosting;
using Punchline.Quic;
using Punchline.Stun;
using Punchline.Udp;

namespace Punchline.Traversal.Lifetime;

/// <summary>
/// Where the NAT ends mappings at an age, whatever their traffic: before that, a fresh socket takes over (make before break). Driver thread only.
/// <code>
///  age known ─▶ fresh socket ─▶ servers bind it ─▶ its mapping is told to peers, and punched ─▶ data leaves the old one
///       ▲                          └ not in time: it is given up ┐                                 └ at its age: is it gone? then closed
///       └────────────────────────────────────────────────────────┴──────────────────────────────────────────┘
/// </code>
/// </summary>
internal sealed class SocketTurns(PeerNode node) : IDriverTimer
{
    /// <summary>Before a mapping's age: for the servers' answers, and the probes of a round and a half. A quarter of a short age at the least.</summary>
    private static readonly TimeSpan Lead = TimeSpan.FromSeconds(10);

    /// <summary>A server that does not answer the fresh socket within so long does not take it over.</summary>
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(4);

    /// <summary>Until another attempt.</summary>
    private static readonly TimeSpan Pause = TimeSpan.FromSeconds(5);

    /// <summary>Binding a socket keeps its mapping and finds another address of the NAT's; beyond this nothing is gained.</summary>
    private static readonly TimeSpan LongestInterval = TimeSpan.FromMinutes(4);

    private readonly AgeDetector _ages = new();
    private ServerUdp? _source;
    private IUdpSocket? _fresh;
    private Instant _freshAt;
    private TimeSpan _turnAge;
    private Instant _pausesUntil;
    private IUdpSocket? _successor;
    private UdpAddress _oldMapped;
    private StunBinding? _oldCheck;
    private UdpAddress _mapped;
    private Instant _nextTurnAt = Instant.Never;
    private Instant _giveUpAt = Instant.Never;
    private Instant _oldEndsAt = Instant.Never;

    /// <summary>The socket that is being replaced, or was and lives to its mapping's end; null if there is none.</summary>
    public IUdpSocket? Leaving { get; private set; }

    /// <inheritdoc/>
    public Instant NextTimeout => Instant.Min(_giveUpAt, Instant.Min(_oldEndsAt, _fresh is null ? _nextTurnAt : Instant.Never));

    /// <summary>How long a binding at a server may rest.</summary>
    public TimeSpan BindingInterval(TimeSpan usual)
    {
        if (_ages.LooksClosely(node.Loop.Now))
            return AgeDetector.FineInterval;
        TimeSpan interval = node.Lifetimes.Current.KeepAliveOf(MappingUse.Brief) ?? usual;
        return interval < LongestInterval ? interval : LongestInterval;
    }

    /// <summary>The machine slept, or its network changed.</summary>
    public void OnNetworkChanged()
    {
        GiveUp();
        _ages.OnGap(node.Loop.Now);
        _nextTurnAt = Instant.Never;
    }

    /// <summary>It is another network: nothing is known.</summary>
    public void OnOtherNetwork() => _ages.Reset(node.Loop.Now);

    /// <summary>A server has confirmed a binding.</summary>
    /// <param name="server">Whose. Of several that of the first counts, as long as it is there.</param>
    /// <param name="socket">Which socket it sees.</param>
    /// <param name="mapped">At which address.</param>
    public void OnSeen(ServerUdp server, IUdpSocket socket, in UdpAddress mapped)
    {
        _source ??= server;
        if (_source != server)
            return;
        node.OnServerSeen(server.Server, mapped);
        if (socket == _fresh)
            TakeOver();
        _mapped = mapped;
        _ages.OnSeen(node.Loop.Now, mapped);
        _nextTurnAt = _ages.Age is { } age ? Instant.Max(_ages.BornAfter + (age - LeadOf(age)), _pausesUntil) : Instant.Never;
    }

    /// <summary>A server is no longer used.</summary>
    public void OnGone(ServerUdp server)
    {
        if (_source != server)
            return;
        GiveUp();
        _source = null;
        _nextTurnAt = Instant.Never;
    }

    /// <inheritdoc/>
    public void OnTimeout(Instant now)
    {
        if (now >= _giveUpAt)
            GiveUp();
        if (now >= _oldEndsAt)
            LookAfterOld(now);
        if (_fresh is null && now >= _nextTurnAt)
            Begin(now);
    }

    private static TimeSpan LeadOf(TimeSpan age) => Lead < age / 2 ? Lead : age / 2;

    private void Begin(Instant now)
    {
        if (_ages.Age is not { } age)
        {
            _nextTurnAt = Instant.Never;
            return;
        }
        _nextTurnAt = _pausesUntil = now + Pause;
        // One spare socket at a time.
        if (Leaving is not null)
            RemoveOld();
        if (_source?.Socket is not { } socket || node.Sockets.BindBeside(socket) is not { } fresh)
            return;
        (_fresh, Leaving) = (fresh, socket);
        (_freshAt, _turnAge) = (now, age);
        _giveUpAt = now + Patience;
        node.Loop.AddSocket(fresh, isExtra: true);
        node.MoveServers(socket, fresh);
    }

    private void TakeOver()
    {
        IUdpSocket old = Leaving!;
        node.ReplaceSocket(old, _fresh!, _turnAge);
        (_successor, _oldMapped) = (_fresh, _mapped);
        _oldEndsAt = _ages.BornAfter + _ages.EndedBy + AgeDetector.FineInterval;
        _ages.OnTakeOver(_freshAt);
        _fresh = null;
        _giveUpAt = Instant.Never;
    }

    private void GiveUp()
    {
        if (_fresh is not { } fresh || Leaving is not { } stays)
            return;
        (_fresh, Leaving) = (null, null);
        _giveUpAt = Instant.Never;
        // Whoever calls may be inside a client's call.
        node.Driver.Post(new ActionWorkItem(_ => node.RemoveSocket(fresh, stays)));
    }

    // Asked once, when it ought to be gone: a mapping that lives on ends by no age.
    private void LookAfterOld(Instant now)
    {
        if (_oldCheck is null && _source?.Server is { IsNone: false } server)
        {
            _oldCheck = new StunBinding(server, node.Randomness);
            node.Loop.AddClient(Leaving!, _oldCheck);
            _oldEndsAt = now + AgeDetector.FineInterval;
            return;
        }
        if (_oldCheck is { State: StunBindingState.Succeeded } check && check.Result.Mapped == _oldMapped)
            _ages.Forget();
        RemoveOld();
    }

    private void RemoveOld()
    {
        node.RemoveSocket(Leaving!, _successor!);
        (Leaving, _oldCheck, _oldEndsAt) = (null, null, Instant.Never);
        node.OnSocketsChanged();
    }
}
