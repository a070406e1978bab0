using System.Net;
using System.Net.Sockets;
using Punchline.Protocol;
using Punchline.Tunnel;

namespace Punchline.Hosting;

/// <summary>
/// Where a client's services listen: planned from the options, opened before the host is reached, and adjusted when it has told
/// its services. Driver thread only, but for <see cref="Open"/> before the driver knows it.
/// </summary>
internal sealed class ClientPorts(ClientOptions options, ClientTunnel tunnel, EventSink events)
{
    /// <summary>Ports after the default one that are tried when it is taken.</summary>
    private const int DefaultPorts = 10;

    /// <summary>Ports after the previous service's that are tried for a further one.</summary>
    private const int FurtherPorts = 100;

    /// <summary>What people read before a service has told its name.</summary>
    public const string Unnamed = "the service";

    /// <summary>Connections that the system keeps until they are accepted.</summary>
    private const int Backlog = 128;

    private List<Port> _ports = [];

    /// <summary>A service by its id, for people.</summary>
    public string NameOf(ulong? serviceId) => _ports.Find(port => port.Id is not null && port.Id == serviceId)?.Name ?? Unnamed;

    /// <summary>Opens the ports of the services as they were the last time; of an unknown host one for TCP, as most services are.</summary>
    /// <exception cref="PunchlineException">An address that was asked for can't be had, or none of the usual ports.</exception>
    public void Open(IReadOnlyList<JoinedService> remembered)
    {
        IEnumerable<Wish> wishes = remembered.Count > 0
            ? remembered.Select(service => new Wish(service.Name, service.Udp ? ServiceProtocol.Udp : ServiceProtocol.Tcp, null, IsKnown: true))
            : options.Map.Count > 0
                ? options.Map.Keys.Select(name => new Wish(name, ServiceProtocol.Tcp, null, IsKnown: false))
                : [new Wish(Unnamed, ServiceProtocol.Tcp, null, IsKnown: false)];
        Apply([.. wishes]);
    }

    /// <summary>The host has told its services: ports that fit stay open, others are closed or opened.</summary>
    /// <exception cref="PunchlineException">An address that was asked for can't be had, or none of the usual ports.</exception>
    public void Adjust(IReadOnlyList<ServiceInfo> services)
    {
        foreach (string name in options.Map.Keys.Where(name => !services.Any(service => service.Name == name)))
            events.Notice($"The host shares no service '{name}': it has {string.Join(", ", services.Select(service => service.Name))}.");
        Apply([.. services.Select(service => new Wish(service.Name, service.Protocol, service.Id, IsKnown: true))]);
    }

    private void Apply(Wish[] wishes)
    {
        List<Port> before = _ports;
        var now = new List<Port>();
        Port? previous = null;
        for (int i = 0; i < wishes.Length; i++)
        {
            Wish wish = wishes[i];
            bool mapped = options.Map.TryGetValue(wish.Name, out IPEndPoint? place);
            // The first place that this service had, or that had no name yet.
            Port? port = before.Find(p => p.Protocol == wish.Protocol && (p.Name == wish.Name || (p.Name == Unnamed && i == 0 && !mapped)));
            if (port is not null)
            {
                before.Remove(port);
            }
            else
            {
                // What holds the wanted port for something else gives it up first.
                Port? inTheWay = before.Find(p => p.Name == Unnamed || p.Name == wish.Name);
                if (inTheWay is not null)
                {
                    before.Remove(inTheWay);
                    inTheWay.Close(tunnel);
                }
                port = mapped ? OpenAt(wish, place!) : previous is null ? OpenFirst(wish) : OpenAfter(wish, previous.Address);
            }
            if (port is null)
                continue;
            if (port.Name != wish.Name || port.ToldAsKnown != wish.IsKnown)
                events.Report(new Listening(events.Now, wish.Name, wish.Protocol, port.Address, wish.IsKnown));
            port.Name = wish.Name;
            port.ToldAsKnown = wish.IsKnown;
            port.SetService(wish.Id);
            now.Add(port);
            if (!mapped)
                previous = port;
        }
        foreach (Port left in before)
            left.Close(tunnel);
        _ports = now;
    }

    private Port OpenAt(Wish wish, IPEndPoint place) =>
        TryOpen(wish, place, out SocketException? error) ?? throw new PunchlineException(
            ProblemCode.PortUnavailable, $"{place} can't be listened on for {wish.Name}: {Reason(error!)}. Choose another address.", error);

    private Port OpenFirst(Wish wish)
    {
        if (options.Listen is { } place)
            return OpenAt(wish, place);
        var usual = new IPEndPoint(IPAddress.Loopback, ClientOptions.DefaultPort);
        SocketException? first = null;
        for (int i = 0; i < DefaultPorts; i++)
        {
            var at = new IPEndPoint(IPAddress.Loopback, ClientOptions.DefaultPort + i);
            if (TryOpen(wish, at, out SocketException? error) is { } port)
            {
                if (first is not null)
                    events.Notice($"{usual} can't be had ({Reason(first)}): listening on {at} instead.");
                return port;
            }
            first ??= error;
        }
        throw new PunchlineException(ProblemCode.PortUnavailable,
            $"None of the ports {ClientOptions.DefaultPort} to {ClientOptions.DefaultPort + DefaultPorts - 1} can be listened on: {Reason(first!)}. Choose one with --listen.", first);
    }

    private Port? OpenAfter(Wish wish, IPEndPoint previous)
    {
        SocketException? last = null;
        for (int at = previous.Port + 1; at <= Math.Min(previous.Port + FurtherPorts, IPEndPoint.MaxPort); at++)
        {
            if (TryOpen(wish, new IPEndPoint(previous.Address, at), out last) is { } port)
                return port;
        }
        events.Problem(ProblemCode.PortUnavailable, $"{wish.Name} has no port: none after {previous} can be had{(last is null ? "" : $" ({Reason(last)})")}. Choose one with --map.");
        return null;
    }

    private Port? TryOpen(Wish wish, IPEndPoint at, out SocketException? error)
    {
        bool tcp = wish.Protocol == ServiceProtocol.Tcp;
        var socket = new Socket(at.AddressFamily, tcp ? SocketType.Stream : SocketType.Dgram, tcp ? ProtocolType.Tcp : ProtocolType.Udp);
        try
        {
            // Windows would else let another program listen there as well.
            if (OperatingSystem.IsWindows())
                socket.ExclusiveAddressUse = true;
            socket.Bind(at);
            if (tcp)
                socket.Listen(Backlog);
        }
        catch (SocketException e)
        {
            socket.Dispose();
            error = e;
            return null;
        }
        error = null;
        var bound = (IPEndPoint)socket.LocalEndPoint!;
        return tcp
            ? new Port(wish.Name, wish.Protocol, bound) { Tcp = tunnel.AddTcp(socket) }
            : new Port(wish.Name, wish.Protocol, bound) { Udp = tunnel.AddUdp(socket) };
    }

    private static string Reason(SocketException error) => error.SocketErrorCode switch
    {
        SocketError.AddressAlreadyInUse => "it is in use",
        SocketError.AccessDenied => "it is reserved by the system",
        SocketError.AddressNotAvailable => "it is no address of this machine",
        _ => error.Message,
    };

    /// <summary>A service that needs a place.</summary>
    private readonly record struct Wish(string Name, ServiceProtocol Protocol, ulong? Id, bool IsKnown);

    /// <summary>A place that is open.</summary>
    private sealed class Port(string name, ServiceProtocol protocol, IPEndPoint address)
    {
        public string Name { get; set; } = name;

        public ServiceProtocol Protocol { get; } = protocol;

        public IPEndPoint Address { get; } = address;

        /// <summary>As what it was told; null before it was.</summary>
        public bool? ToldAsKnown { get; set; }

        public ulong? Id { get; private set; }

        public TcpListenerForwarder? Tcp { get; init; }

        public UdpListenerForwarder? Udp { get; init; }

        public void SetService(ulong? id)
        {
            Id = id;
            if (Tcp is not null)
                Tcp.ServiceId = id;
            if (Udp is not null)
                Udp.ServiceId = id;
        }

        public void Close(ClientTunnel tunnel)
        {
            if (Tcp is not null)
                tunnel.Remove(Tcp);
            if (Udp is not null)
                tunnel.Remove(Udp);
        }
    }
}
