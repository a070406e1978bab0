using Punchline.Endpoint;
using Punchline.Hosting;
using Punchline.Protocol;
using Punchline.Quic;
using Punchline.Stun;
using Punchline.Udp;

namespace Punchline.Traversal;

/// <summary>The connection and the sockets of a session, for its attempts.</summary>
internal sealed class SessionLink(PeerNode node, EndpointConnection connection, Action<TunnelMessage> send) : ITraversalLink
{
    /// <inheritdoc/>
    public Instant Now => node.Loop.Now;

    /// <inheritdoc/>
    public TimeSpan RoundTrip => connection.TryGetPathStatistics(connection.CurrentPath, out PathStatistics statistics) ? statistics.SmoothedRtt : TimeSpan.Zero;

    /// <inheritdoc/>
    public void Send(TunnelMessage message) => send(message);

    /// <inheritdoc/>
    public IUdpSocket? Open(UdpAddress peer) => node.OpenExtra(peer);

    /// <inheritdoc/>
    public void Close(IUdpSocket socket) => node.CloseExtra(socket);

    /// <inheritdoc/>
    public bool Uses(IUdpSocket socket) => connection.Uses(socket);

    /// <inheritdoc/>
    public void Probe(IUdpSocket socket, UdpAddress remote, byte timeToLive) => connection.SendProbe(socket, remote, timeToLive);

    /// <inheritdoc/>
    public void AskMapped(IUdpSocket socket, Action<UdpAddress> seen) => node.Survey.AskMapped(socket, seen);
}
