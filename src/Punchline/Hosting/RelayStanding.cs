using Punchline.Endpoint;
using Punchline.Protocol;
using Punchline.Quic;
using Punchline.Stun;
using Punchline.Traversal;

namespace Punchline.Hosting;

/// <summary>
/// How a connection stands with the relay: why it is there, as far as both sides know, until when the server forwards no data of it, and what people
/// hear of that. Driver thread only.
/// </summary>
/// <param name="node">What is known of this side.</param>
/// <param name="connection">Whose standing.</param>
/// <param name="traversal">Its attempts to go direct.</param>
/// <param name="events">Who is told.</param>
/// <param name="peer">The peer's name for people.</param>
internal sealed class RelayStanding(PeerNode node, EndpointConnection connection, PairTraversal traversal, EventSink events, Func<string> peer) : IDriverTimer
{
    /// <summary>
    /// Without a direct path for so long, people are told why that may be; the attempts go on. By then the first round of punching is over, and
    /// whether UDP gets out is known.
    /// </summary>
    private static readonly TimeSpan DirectPathPatience = TimeSpan.FromSeconds(8);

    /// <summary>What a server says of its quota is believed for no longer: then it is tried whether it forwards.</summary>
    private static readonly TimeSpan LongestExhaustion = TimeSpan.FromHours(1);

    private Instant _patienceEnds = Instant.Never;
    private RelayStay? _peerStays;
    private RelayStay? _toldStay;
    private RelayPath? _exhausted;
    private Instant _exhaustionEnds = Instant.Never;
    private Instant _saidExhaustedUntil;

    /// <summary>Whether the path through the server carries data is another answer than before.</summary>
    public event Action? CarryingChanged;

    /// <summary>What the peer knows of its NATs, as far as it has said.</summary>
    public NatReport? PeerNat { get; private set; }

    /// <summary>What is known of both networks.</summary>
    public RelayFacts Facts => new(node.WayOut.Nat, PeerNat)
    {
        WeHide = node.RelayOnly,
        TheyHide = _peerStays == RelayStay.RelayOnly,
        WeLackUdp = node.WayOut.UdpWorks == false,
        TheyLackUdp = _peerStays == RelayStay.NoUdp,
        SharesNat = traversal.SharesNat,
    };

    /// <inheritdoc/>
    public Instant NextTimeout => Instant.Min(_patienceEnds, _exhaustionEnds);

    /// <summary>Data takes another path.</summary>
    public void OnPath(NetworkPath path)
    {
        bool isDirect = path.Kind == PathKind.Direct;
        _patienceEnds = isDirect ? Instant.Never : node.Loop.Now + DirectPathPatience;
        if (isDirect)
            OnPeerHasUdp();
    }

    /// <summary>The peer says what it knows of its NATs.</summary>
    public void OnPeerNat(in NatReport report)
    {
        PeerNat = report;
        // Only servers that answer it over UDP can have told.
        if (report.IsTranslated is not null)
            OnPeerHasUdp();
    }

    /// <summary>The peer says that it stays on the relay.</summary>
    public void OnPeerStays(RelayStay reason) => _peerStays = reason;

    /// <summary>What the peer is to hear of this side's staying on the relay; null if that is nothing, or nothing new.</summary>
    public StaysOnRelay? TakeStayToTell()
    {
        RelayStay? stay = node.RelayOnly ? RelayStay.RelayOnly : node.WayOut.UdpWorks == false ? RelayStay.NoUdp : null;
        if (stay == _toldStay)
            return null;
        // That it stays no longer the peer hears otherwise, and may forget what it was told.
        _toldStay = stay;
        return stay is { } reason ? new StaysOnRelay(reason) : null;
    }

    /// <summary>The server forwards no data of this connection for now.</summary>
    /// <param name="path">The way through it.</param>
    /// <param name="limit">What it says.</param>
    public void OnLimit(RelayPath path, RelayLimit limit)
    {
        TimeSpan wait = TimeSpan.FromSeconds(limit.Seconds);
        _exhausted = path;
        path.IsExhausted = true;
        _exhaustionEnds = node.Loop.Now + (wait < LongestExhaustion ? wait : LongestExhaustion);
        CarryingChanged?.Invoke();
        // Once for each quota, however often it is told, and however short a time it is said to take.
        if (node.Loop.Now < _saidExhaustedUntil)
            return;
        _saidExhaustedUntil = node.Loop.Now + (wait > LongestExhaustion ? wait : LongestExhaustion);
        string whose = limit.Reason switch { RelayLimitReason.Pair => "this connection's", RelayLimitReason.Host => "the host's", _ => "its own" };
        events.Notice($"The server has forwarded all of {whose} quota: data between this side and {peer()} waits for a direct path, or {wait.TotalMinutes:0} minutes.");
    }

    /// <summary>What the server said of its quota holds no longer.</summary>
    public void EndExhaustion()
    {
        _exhaustionEnds = Instant.Never;
        _exhausted?.IsExhausted = false;
        CarryingChanged?.Invoke();
    }

    /// <inheritdoc/>
    public void OnTimeout(Instant now)
    {
        if (now >= _exhaustionEnds)
            EndExhaustion();
        if (now >= _patienceEnds)
            TellWhyRelayed();
    }

    // What it said when no server had answered it over UDP, or in another network, holds no longer.
    private void OnPeerHasUdp()
    {
        if (_peerStays == RelayStay.NoUdp)
            _peerStays = null;
    }

    private void TellWhyRelayed()
    {
        _patienceEnds = Instant.Never;
        RelayVerdict verdict = RelayVerdict.Of(Facts);
        events.Detail($"{peer()}: this side has {NatText.Of(node.WayOut.Nat)}, the other side {NatText.Of(PeerNat)}");
        if (connection.CurrentPath is RelayPath { Link.CarriesData: true } relay)
        {
            events.Report(new StaysRelayed(events.Now, peer(), verdict.Cause, verdict.Because, verdict.Advice, relay.Link.BytesPerSecond));
            return;
        }
        events.Problem(ProblemCode.NoDirectPath,
            $"No direct path to {peer()} yet, and the server relays no data: {verdict.Because}. To go direct: {verdict.Advice}; or use a server that relays.");
    }
}
