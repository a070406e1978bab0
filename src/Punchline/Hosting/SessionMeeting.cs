using Punchline.Endpoint;
using Punchline.Protocol;
using Punchline.Quic;
using Punchline.Stun;
using Punchline.Traversal;
using Punchline.Udp;

namespace Punchline.Hosting;

/// <summary>
/// A session's attempts to meet its peer where plain probing does not suffice, with what they need: the connection, this machine's sockets, and the
/// server's word on where the peer is. Driver thread only.
/// </summary>
internal sealed class SessionMeeting : ITraversalLink
{
    private readonly PeerNode _node;
    private readonly EndpointConnection _connection;
    private readonly EventSink _events;
    private readonly Func<string> _peer;
    private readonly Action<TunnelMessage> _send;
    private ulong? _pair;

    /// <param name="node">The machine.</param>
    /// <param name="connection">The connection.</param>
    /// <param name="events">Who is told.</param>
    /// <param name="peer">The peer's name for people.</param>
    /// <param name="send">Sends a message to it.</param>
    public SessionMeeting(PeerNode node, EndpointConnection connection, EventSink events, Func<string> peer, Action<TunnelMessage> send)
    {
        _node = node;
        _connection = connection;
        _events = events;
        _peer = peer;
        _send = send;
        Traversal = new PairTraversal(this, connection.IsClient, node.Sprays, node.Worked, node.Randomness);
        Traversal.Began += (method, address) => events.Detail($"{peer()}: meeting at {address} by method {method}");
    }

    /// <summary>The attempts.</summary>
    public PairTraversal Traversal { get; }

    /// <inheritdoc/>
    public Instant Now => _node.Loop.Now;

    /// <inheritdoc/>
    public TimeSpan RoundTrip => _connection.TryGetPathStatistics(_connection.CurrentPath, out PathStatistics statistics) ? statistics.SmoothedRtt : TimeSpan.Zero;

    /// <summary>The peer is verified: attempts may be made from now on.</summary>
    public void Begin()
    {
        _node.Loop.AddTimer(Traversal);
        _node.Attestations.Attested += OnAttested;
    }

    /// <summary>The connection has ended.</summary>
    public void End()
    {
        _node.Attestations.Attested -= OnAttested;
        _node.Loop.RemoveTimer(Traversal);
        Traversal.End();
    }

    /// <summary>The peer, who is verified, may hear from the server where this side is, and this side where the peer is.</summary>
    /// <param name="pair">Our handle for the pair at the server.</param>
    public void AgreeOn(ulong pair)
    {
        _pair = pair;
        if (_node.RelayOnly)
            return;
        _node.Attestations.Agree(pair);
        OnAttested(pair, _node.Attestations.Of(pair));
    }

    /// <summary>A message of the peer's; others than those of attempts mean nothing here.</summary>
    public void Receive(TunnelMessage message)
    {
        switch (message)
        {
            case Traverse traverse:
                Traversal.OnTraverse(traverse);
                break;
            case TraverseReady ready:
                Traversal.OnReady(ready);
                break;
            case TraverseGo go:
                Traversal.OnGo(go);
                break;
        }
    }

    /// <inheritdoc/>
    public void Send(TunnelMessage message) => _send(message);

    /// <inheritdoc/>
    public IUdpSocket? Open(UdpAddress peer) => _node.Sockets.OpenExtra(peer);

    /// <inheritdoc/>
    public void Close(IUdpSocket socket) => _node.Sockets.CloseExtra(socket);

    /// <inheritdoc/>
    public bool Uses(IUdpSocket socket) => _connection.Uses(socket);

    /// <inheritdoc/>
    public void Probe(IUdpSocket socket, UdpAddress remote, byte timeToLive) => _connection.SendProbe(socket, remote, timeToLive);

    /// <inheritdoc/>
    public void AskMapped(IUdpSocket socket, Action<UdpAddress> seen) => _node.Survey.AskMapped(socket, seen);

    private void OnAttested(ulong pair, UdpAddress address)
    {
        if (_node.RelayOnly || pair != _pair || address.IsNone)
            return;
        _events.Detail($"the server sees {_peer()} at {address}");
        Traversal.SetPeerAddress(address);
    }
}
