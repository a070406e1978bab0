using System.Net;
using System.Net.Sockets;
using Punchline.Discovery;
using Punchline.Endpoint;
using Punchline.Quic;
using Punchline.Udp;

namespace Punchline.Hosting;

/// <summary>
/// The UDP sockets of a host or client: one on the wildcard of each family where the platform tells local addresses, else one on
/// each usable address. Bound before the driver starts; afterwards on the driver thread only.
/// </summary>
internal sealed class LocalSockets
{
    private readonly UdpPlatform _platform;
    private readonly List<IUdpSocket> _sockets = [];

    private LocalSockets(UdpPlatform platform) => _platform = platform;

    /// <summary>The sockets now.</summary>
    public IReadOnlyList<IUdpSocket> All => _sockets;

    /// <summary>The port to ask for again at the next start, 0 if there is none.</summary>
    public ushort Port => _sockets.Count == 0 ? (ushort)0 : _sockets[0].LocalAddress.Port;

    /// <summary>Binds them.</summary>
    /// <param name="platform">How.</param>
    /// <param name="network">This machine's addresses.</param>
    /// <param name="preferredPort">The port of the last time, so that mappings and resets meet whom they knew; 0 for any.</param>
    /// <exception cref="PunchlineException">No family can be had.</exception>
    public static LocalSockets Bind(UdpPlatform platform, LocalNetwork network, ushort preferredPort)
    {
        var sockets = new LocalSockets(platform);
        SocketException? last = null;
        foreach (UdpAddress address in sockets.Wanted(network))
        {
            try
            {
                sockets._sockets.Add(sockets.BindOne(address, sockets.Port != 0 ? sockets.Port : preferredPort));
            }
            catch (SocketException e)
            {
                // A family that is switched off, or an address that has just gone.
                last = e;
            }
        }
        if (sockets._sockets.Count == 0)
            throw new PunchlineException(ProblemCode.PortUnavailable, $"No UDP socket can be had on this machine: {last?.Message ?? "it has no network"}.", last);
        return sockets;
    }

    /// <summary>The socket to reach an address from; null if there is none of its family, or no way.</summary>
    public IUdpSocket? For(EndpointLoop loop, UdpAddress remote)
    {
        IUdpSocket? any = null;
        UdpAddress source = default;
        foreach (IUdpSocket socket in _sockets)
        {
            if (loop.DirectPath(socket, remote) is null)
                continue;
            if (socket.LocalAddress.IsUnspecified)
                return socket;
            // Several addresses of one family: the one that the system itself would send from.
            if (source.IsNone)
                source = RouteLookup.LocalAddressFor(remote);
            if (socket.LocalAddress.SameHost(source))
                return socket;
            any ??= socket;
        }
        return any;
    }

    /// <summary>Binds a socket of the caller's to the local address that leads to a remote one, at any port; null if the system gives none.</summary>
    public IUdpSocket? BindExtra(in UdpAddress remote)
    {
        UdpAddress source = RouteLookup.LocalAddressFor(remote);
        try
        {
            return source.IsNone ? null : _platform.Bind(source.WithPort(0));
        }
        catch (SocketException)
        {
            // No more descriptors, or the address has just gone.
            return null;
        }
    }

    /// <summary>Binds a socket of the caller's to the address of one of ours, at any port; null if the system gives none.</summary>
    public IUdpSocket? BindBeside(IUdpSocket socket)
    {
        try
        {
            return _platform.Bind(socket.LocalAddress.WithPort(0));
        }
        catch (SocketException)
        {
            return null;
        }
    }

    /// <summary>One of ours is the caller's from now on, and another one takes its place.</summary>
    public void Replace(IUdpSocket old, IUdpSocket fresh) => _sockets[_sockets.IndexOf(old)] = fresh;

    /// <summary>The network has changed: sockets for new addresses, none for those that are gone.</summary>
    public void Follow(EndpointLoop loop, LocalNetwork network)
    {
        if (_platform.KnowsLocalAddress)
            return;
        UdpAddress[] wanted = Wanted(network);
        foreach (IUdpSocket socket in _sockets.Where(s => !Array.Exists(wanted, w => w.SameHost(s.LocalAddress))).ToArray())
        {
            _sockets.Remove(socket);
            loop.RemoveSocket(socket);
        }
        foreach (UdpAddress address in wanted.Where(w => !_sockets.Exists(s => s.LocalAddress.SameHost(w))))
        {
            try
            {
                IUdpSocket socket = BindOne(address, Port);
                _sockets.Add(socket);
                loop.AddSocket(socket);
            }
            catch (SocketException)
            {
                // Gone again already: the next change of the network tells.
            }
        }
    }

    private UdpAddress[] Wanted(LocalNetwork network) => _platform.KnowsLocalAddress
        ? [new UdpAddress(IPAddress.Any, 0), new UdpAddress(IPAddress.IPv6Any, 0)]
        : [.. network.Usable.Select(usable => usable.Address)];

    private IUdpSocket BindOne(in UdpAddress address, ushort port)
    {
        if (port != 0)
        {
            try
            {
                return _platform.Bind(address.WithPort(port));
            }
            catch (SocketException e) when (e.SocketErrorCode is SocketError.AddressAlreadyInUse or SocketError.AccessDenied)
            {
                // Any other port is as good; only what remembers the old one must find the new one.
            }
        }
        return _platform.Bind(address.WithPort(0));
    }
}
