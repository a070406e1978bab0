using Punchline.Endpoint;
using Punchline.Quic;
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
/// <param name="link">This machine.</param>
/// <param name="lifetimes">Of mappings without traffic; learns from here which network this is.</param>
internal sealed class SocketTurns(ISocketTurnsLink link, NetworkLifetimes lifetimes) : IDriverTimer
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
    private IBindingServer? _source;
    private string? _network;
    private UdpAddress _mapped;
    private Handover? _handover;
    private Retiring? _retiring;
    private Instant _nextTurnAt = Instant.Never;
    private Instant _pausesUntil;

    /// <inheritdoc/>
    public Instant NextTimeout => Instant.Min(_handover?.GiveUpAt ?? _nextTurnAt, _retiring?.EndsAt ?? Instant.Never);

    /// <summary>How long a binding at a server may rest.</summary>
    public TimeSpan BindingInterval(TimeSpan usual)
    {
        if (_ages.LooksClosely(link.Now))
            return AgeDetector.FineInterval;
        TimeSpan interval = lifetimes.Current.KeepAliveOf(MappingUse.Brief) ?? usual;
        return interval < LongestInterval ? interval : LongestInterval;
    }

    /// <summary>The machine slept, or its network changed.</summary>
    public void OnNetworkChanged()
    {
        GiveUp();
        _ages.OnGap(link.Now);
        _nextTurnAt = Instant.Never;
    }

    /// <summary>A server has confirmed a binding.</summary>
    /// <param name="server">Whose. Of several that of the first counts, as long as it is there.</param>
    /// <param name="socket">Which socket it sees.</param>
    /// <param name="mapped">At which address.</param>
    public void OnSeen(IBindingServer server, IUdpSocket socket, in UdpAddress mapped)
    {
        _source ??= server;
        if (_source != server)
            return;
        string network = NetworkName.Of(link.Network, mapped);
        if (network != _network)
            _ages.Reset(link.Now);
        _network = network;
        lifetimes.OnServer(server.Server, network, link.Now);
        if (_handover is { } handover && socket == handover.Fresh)
            TakeOver(handover);
        _mapped = mapped;
        _ages.OnSeen(link.Now, mapped);
        _nextTurnAt = _ages.Age is { } age ? Instant.Max(_ages.BornAfter + (age - LeadOf(age)), _pausesUntil) : Instant.Never;
    }

    /// <summary>A server is no longer used.</summary>
    public void OnGone(IBindingServer server)
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
        if (_handover is { } handover && now >= handover.GiveUpAt)
            GiveUp();
        if (_retiring is { } retiring && now >= retiring.EndsAt)
            LookAfter(retiring, now);
        if (_handover is null && now >= _nextTurnAt)
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
        if (_retiring is { } retiring)
            Remove(retiring);
        if (_source?.Socket is not { } stays || link.OpenBeside(stays) is not { } fresh)
            return;
        _handover = new Handover(fresh, stays, now, age, now + Patience);
        link.MoveServers(stays, fresh);
    }

    private void TakeOver(Handover handover)
    {
        _handover = null;
        link.Replace(handover.Stays, handover.Fresh, handover.Age);
        _retiring = new Retiring(handover.Stays, handover.Fresh, _mapped, _ages.BornAfter + _ages.EndedBy + AgeDetector.FineInterval);
        _ages.OnTakeOver(handover.Began);
    }

    // Whoever calls may be inside a client's call.
    private void GiveUp()
    {
        if (_handover is not { } handover)
            return;
        _handover = null;
        link.RemoveSoon(handover.Fresh, handover.Stays);
    }

    // Asked once, when it ought to be gone: a mapping that lives on ends by no age.
    private void LookAfter(Retiring retiring, Instant now)
    {
        if (retiring.IsAsked || _source is not { Server: { IsNone: false } server })
        {
            Remove(retiring);
            return;
        }
        _retiring = retiring with { IsAsked = true, EndsAt = now + AgeDetector.FineInterval };
        link.AskMapped(retiring.Old, server, seen =>
        {
            if (seen == retiring.Mapped)
                _ages.Forget();
        });
    }

    private void Remove(Retiring retiring)
    {
        _retiring = null;
        link.Remove(retiring.Old, retiring.Successor);
    }

    /// <summary>A fresh socket that the servers are to bind in the place of the one in use.</summary>
    private sealed record Handover(IUdpSocket Fresh, IUdpSocket Stays, Instant Began, TimeSpan Age, Instant GiveUpAt);

    /// <summary>A socket that was replaced and still works: its mapping ought to be gone at <see cref="EndsAt"/>, and is then asked for once.</summary>
    private sealed record Retiring(IUdpSocket Old, IUdpSocket Successor, UdpAddress Mapped, Instant EndsAt, bool IsAsked = false);
}
