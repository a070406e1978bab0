using Punchline.Quic;
using Punchline.Udp;

namespace Punchline.Endpoint;

/// <summary>
/// One object for each way to reach a peer, so that the core can compare paths by reference. It holds what connections
/// use and nothing else: a path for a datagram that nobody took is garbage at once.
/// </summary>
/// <param name="reachOf">Tells how far it is from a local to a remote address.</param>
internal sealed class PathTable(Func<UdpAddress, UdpAddress, PathReach> reachOf)
{
    private readonly Dictionary<DirectKey, UdpPath> _direct = [];
    private readonly Dictionary<RelayKey, RelayPath> _relayed = [];

    private readonly record struct DirectKey(IUdpSocket Socket, UdpAddress Local, UdpAddress Remote);

    private readonly record struct RelayKey(RelayLink Link, ulong Handle);

    /// <summary>Paths in use.</summary>
    public int Count => _direct.Count + _relayed.Count;

    /// <summary>The path in use, or else a tentative one that <see cref="Retain"/> keeps; null if the table is full.</summary>
    /// <param name="socket">The socket.</param>
    /// <param name="local">The local address; its port is taken from the socket.</param>
    /// <param name="remote">The peer's address.</param>
    public UdpPath? Direct(IUdpSocket socket, in UdpAddress local, in UdpAddress remote)
    {
        UdpAddress bound = local.IsNone ? local : local.WithPort(socket.LocalAddress.Port);
        if (_direct.TryGetValue(new DirectKey(socket, bound, remote), out UdpPath? path))
            return path;
        return Count < EndpointLimits.MaxPaths ? new UdpPath(socket, bound, remote, reachOf) : null;
    }

    /// <summary>The same for a way through a server.</summary>
    public RelayPath? Relayed(RelayLink link, ulong handle)
    {
        if (_relayed.TryGetValue(new RelayKey(link, handle), out RelayPath? path))
            return path;
        return Count < EndpointLimits.MaxPaths ? new RelayPath(link, handle) : null;
    }

    /// <summary>True if a connection uses this way.</summary>
    public bool IsInUse(RelayLink link, ulong handle) => _relayed.ContainsKey(new RelayKey(link, handle));

    /// <summary>One more connection uses the path.</summary>
    public void Retain(SocketPath path)
    {
        if (path.Users++ > 0)
            return;
        if (path is RelayPath relay)
            _relayed.Add(KeyOf(relay), relay);
        else
            _direct.Add(KeyOf((UdpPath)path), (UdpPath)path);
    }

    /// <summary>A connection uses the path no more.</summary>
    public void Release(SocketPath path)
    {
        if (--path.Users > 0)
            return;
        if (path is RelayPath relay)
            _relayed.Remove(KeyOf(relay));
        else
            _direct.Remove(KeyOf((UdpPath)path));
    }

    /// <summary>The same way through the same server, over a new link under another handle: who uses the path notices nothing.</summary>
    public void Readdress(RelayPath path, RelayLink link, ulong handle)
    {
        bool used = _relayed.Remove(KeyOf(path));
        path.Link = link;
        path.Handle = handle;
        if (used)
            _relayed[KeyOf(path)] = path;
    }

    private static DirectKey KeyOf(UdpPath path) => new(path.Socket, path.LocalAddress, path.RemoteAddress);

    private static RelayKey KeyOf(RelayPath path) => new(path.Link, path.Handle);
}
