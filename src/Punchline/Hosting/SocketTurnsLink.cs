using Punchline.Discovery;
using Punchline.Endpoint;
using Punchline.Quic;
using Punchline.Stun;
using Punchline.Traversal.Lifetime;
using Punchline.Udp;

namespace Punchline.Hosting;

/// <summary>A node's sockets and servers, for the turns of its sockets. Driver thread only.</summary>
/// <param name="loop">Carries questions.</param>
/// <param name="sockets">The sockets.</param>
/// <param name="servers">The servers.</param>
/// <param name="network">This machine's addresses.</param>
/// <param name="randomness">For questions.</param>
/// <param name="noticed">Is told what people who look closely want to hear.</param>
internal sealed class SocketTurnsLink(
    EndpointLoop loop, PeerSockets sockets, UdpServers servers, PeerNetwork network, IRandomness randomness, Action<string> noticed) : ISocketTurnsLink
{
    /// <inheritdoc/>
    public Instant Now => loop.Now;

    /// <inheritdoc/>
    public LocalNetwork Network => network.Current;

    /// <inheritdoc/>
    public IUdpSocket? OpenBeside(IUdpSocket socket) => sockets.OpenBeside(socket);

    /// <inheritdoc/>
    public void MoveServers(IUdpSocket from, IUdpSocket to) => servers.Move(from, to);

    /// <inheritdoc/>
    public void Replace(IUdpSocket old, IUdpSocket fresh, TimeSpan age)
    {
        noticed($"The NAT ends mappings after {age.TotalSeconds:0} s: another socket has taken over from port {old.LocalAddress.Port}");
        sockets.Replace(old, fresh);
        servers.OnReplaced(old);
    }

    /// <inheritdoc/>
    public void Remove(IUdpSocket goes, IUdpSocket stays)
    {
        servers.Stay(stays, goes);
        sockets.Remove(goes);
    }

    /// <inheritdoc/>
    public void RemoveSoon(IUdpSocket goes, IUdpSocket stays) => loop.Post(new ActionWorkItem(_ => Remove(goes, stays)));

    /// <inheritdoc/>
    public void AskMapped(IUdpSocket socket, UdpAddress server, Action<UdpAddress> seen) => loop.AddClient(socket, WatchedClient.Asking(
        new StunBinding(server, randomness),
        ended =>
        {
            if (ended.State == StunBindingState.Succeeded)
                seen(ended.Result.Mapped);
        }));
}
