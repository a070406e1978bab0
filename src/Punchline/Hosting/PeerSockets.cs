using Punchline.Discovery;
using Punchline.Endpoint;
using Punchline.Quic;
using Punchline.Udp;

namespace Punchline.Hosting;

/// <summary>
/// The sockets of a node in their loop: the main ones, which follow the machine's network and which peers are told of; those that another one has
/// replaced and that live to their mapping's end; and extra ones, each for one exchange of somebody's. Driver thread only.
/// </summary>
internal sealed class PeerSockets(EndpointLoop loop, LocalSockets main, PeerNetwork network, CandidateBook candidates)
{
    private readonly List<IUdpSocket> _replaced = [];

    /// <summary>The main sockets.</summary>
    public IReadOnlyList<IUdpSocket> All => main.All;

    /// <summary>The port to ask for again at the next start, 0 if there is none.</summary>
    public ushort Port => main.Port;

    /// <summary>The main socket to reach an address from; null if there is none of its family, or no way.</summary>
    public IUdpSocket? For(UdpAddress remote) => main.For(loop, remote);

    /// <summary>Opens an extra socket on the local address that leads to a remote one.</summary>
    /// <returns>Null if the system gives none.</returns>
    public IUdpSocket? OpenExtra(in UdpAddress remote) => TakeIn(main.BindExtra(remote));

    /// <summary>Opens an extra socket on the address of a main one.</summary>
    /// <returns>Null if the system gives none.</returns>
    public IUdpSocket? OpenBeside(IUdpSocket socket) => TakeIn(main.BindBeside(socket));

    /// <summary>Closes an extra socket, after this turn: it may be the one that is being read. From any thread.</summary>
    public void CloseExtra(IUdpSocket socket) => loop.Post(new ActionWorkItem(_ => loop.RemoveSocket(socket)));

    /// <summary>An extra socket takes the place of a main one, which still works until it is removed.</summary>
    public void Replace(IUdpSocket old, IUdpSocket fresh)
    {
        main.Replace(old, fresh);
        _replaced.Add(old);
        Tell();
        loop.ReplaceSocket(old, fresh);
    }

    /// <summary>Closes a socket now: from inside no client's call.</summary>
    public void Remove(IUdpSocket socket)
    {
        loop.RemoveSocket(socket);
        if (_replaced.Remove(socket))
            Tell();
    }

    /// <summary>The machine's network may be another one.</summary>
    public void Follow(LocalNetwork current)
    {
        network.Current = current;
        main.Follow(loop, current);
        Tell();
    }

    private IUdpSocket? TakeIn(IUdpSocket? socket)
    {
        if (socket is not null)
            loop.AddSocket(socket, isExtra: true);
        return socket;
    }

    private void Tell()
    {
        network.SetPorts(All.Concat(_replaced).Select(socket => socket.LocalAddress.Port));
        candidates.SetHosts(network.Current.HostCandidates([.. All.Select(socket => socket.LocalAddress)]));
    }
}
