using Punchline.Quic;
using Punchline.Stun;
using Punchline.Udp;

namespace Punchline.Traversal;

/// <summary>
/// One side's part in one attempt: its sockets, what it tells the peer of them, and what leaves from them.
/// <code>
///   Prepare ──the server saw our socket──▶ IsPrepared ──Start──▶ shots … ──▶ IsOver
/// </code>
/// </summary>
/// <param name="link">The connection and the machine.</param>
/// <param name="method">How.</param>
/// <param name="isClient">Which side this is.</param>
/// <param name="peer">The address that a server attests as the peer's; its port does not matter.</param>
/// <param name="ours">What is known of our own NATs.</param>
/// <param name="randomness">Draws ports.</param>
internal sealed class Attempt(ITraversalLink link, TraversalMethod method, bool isClient, UdpAddress peer, NatReport ours, IRandomness randomness)
{
    private readonly List<IUdpSocket> _sockets = [];
    private readonly Instant _beganAt = link.Now;
    private Shot[] _shots = [];
    private Instant _startedAt;
    private Instant _overAt = Instant.Never;
    private int _next;

    /// <summary>How.</summary>
    public TraversalMethod Method => method;

    /// <summary>Where the peer is attested to be.</summary>
    public UdpAddress Peer => peer;

    /// <summary>What the peer is told is known.</summary>
    public bool IsPrepared { get; private set; }

    /// <summary>Where this side will be: one port, or as many as are foretold; none for the side that opens.</summary>
    public ushort[] Ports { get; private set; } = [];

    /// <summary>It was started.</summary>
    public bool HasStarted => _overAt.IsSet;

    /// <summary>The next probe, or the end.</summary>
    public Instant NextTimeout => !HasStarted ? Instant.Never : _next < _shots.Length ? _startedAt + _shots[_next].At : _overAt;

    private bool Opens => method == (isClient ? TraversalMethod.ClientOpens : TraversalMethod.HostOpens);

    /// <summary>Finds out what to tell the peer.</summary>
    /// <param name="prepared">Called when that is known, perhaps at once.</param>
    /// <returns>False if this machine has no socket for it.</returns>
    public bool Prepare(Action prepared)
    {
        if (Opens)
        {
            IsPrepared = true;
            prepared();
            return true;
        }
        if (!TryOpen(1))
            return false;
        link.AskMapped(_sockets[0], mapped =>
        {
            if (_sockets.Count == 0 || IsPrepared)
                return; // It is over.
            Ports = method == TraversalMethod.Exchange && ours.Allocation == PortAllocation.Sequential && ours.Step > 0
                ? PortSamples.Next(mapped.Port, ours.Step, TraversalLimits.ForetoldPorts)
                : [mapped.Port];
            IsPrepared = true;
            prepared();
        });
        return true;
    }

    /// <summary>Begins.</summary>
    /// <param name="at">When the first probe leaves.</param>
    /// <param name="ports">What the peer told.</param>
    public void Start(Instant at, ReadOnlySpan<ushort> ports)
    {
        TimeSpan roundTrip = link.RoundTrip;
        if (method == TraversalMethod.Exchange)
            _shots = Shots.Exchange(ports, roundTrip);
        else if (!Opens)
            _shots = Shots.Spray(randomness);
        else if (ports.Length > 0 && TryOpen(TraversalLimits.OpenedSockets))
            _shots = Shots.Open(ports[0], _sockets.Count, roundTrip);
        _startedAt = at;
        // Whatever this side does not send, it waits for the other as long.
        TimeSpan last = _shots.Length > 0 ? _shots[^1].At : TimeSpan.Zero;
        if (method != TraversalMethod.Exchange)
            last = Shots.SprayTime(roundTrip);
        _overAt = at + last + TraversalLimits.Aftermath + (2 * roundTrip);
    }

    /// <summary>Sends what is due.</summary>
    /// <returns>True if it is over.</returns>
    public bool Advance(Instant now)
    {
        while (_next < _shots.Length && _startedAt + _shots[_next].At <= now)
        {
            Shot shot = _shots[_next++];
            link.Probe(_sockets[shot.Socket], peer.WithPort(shot.Port), shot.TimeToLive);
        }
        return _overAt <= now;
    }

    /// <summary>What became of it so far.</summary>
    public AttemptReport Report(AttemptOutcome outcome) => new(
        method, outcome, _beganAt, _sockets.Count, _shots.Take(_next).Select(shot => shot.Port).Distinct().Count(), _next);

    /// <summary>The end: every socket that brought nothing is closed.</summary>
    /// <returns>Those that the connection uses.</returns>
    public List<IUdpSocket> End()
    {
        var used = new List<IUdpSocket>();
        foreach (IUdpSocket socket in _sockets)
        {
            if (link.Uses(socket))
                used.Add(socket);
            else
                link.Close(socket);
        }
        _sockets.Clear();
        _shots = [];
        return used;
    }

    /// <summary>One of this attempt's sockets.</summary>
    public bool Owns(IUdpSocket socket) => _sockets.Contains(socket);

    private bool TryOpen(int count)
    {
        while (_sockets.Count < count && link.Open(peer) is { } socket)
            _sockets.Add(socket);
        // With fewer than asked for the birthday method is only less likely to succeed.
        return _sockets.Count > 0;
    }
}
