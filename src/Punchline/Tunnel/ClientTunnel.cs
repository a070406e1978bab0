using System.Net.Sockets;
using Punchline.Endpoint;
using Punchline.Protocol;
using Punchline.Quic;

namespace Punchline.Tunnel;

/// <summary>
/// The client's end: local ports whose connections and datagrams go to the host's services. It outlives connections: what is
/// accepted while none stands waits a little, the ports stay, and a new connection is simply attached.
/// </summary>
internal sealed class ClientTunnel : TunnelEnd, IDisposable
{
    private readonly List<TcpListenerForwarder> _tcp = [];
    private readonly List<UdpListenerForwarder> _udp = [];

    /// <summary>Connections without a stream, the oldest first. All wait equally long, so the first is the next to give up.</summary>
    private readonly LinkedList<WaitingLink> _waiting = new();
    private readonly IClientTunnelEvents _events;
    private ulong _nextFlowId = 1;

    public ClientTunnel(IDriver driver, IClientTunnelEvents events)
        : base(driver, events) => _events = events;

    /// <summary>TCP connections that wait for a direct path, a stream, or the name of their service.</summary>
    public int WaitingCount => _waiting.Count;

    /// <inheritdoc/>
    public override Instant NextTimeout =>
        Instant.Min(Flows.NextTimeout, _waiting.First is { } first ? first.Value.Deadline : Instant.Never);

    /// <summary>Carries the connections of a listening TCP socket.</summary>
    /// <param name="listening">Bound and listening; owned by the tunnel from now on.</param>
    public TcpListenerForwarder AddTcp(Socket listening)
    {
        var listener = new TcpListenerForwarder(Driver, this, listening);
        _tcp.Add(listener);
        listener.Start();
        return listener;
    }

    /// <summary>Carries the datagrams of a bound UDP socket.</summary>
    /// <param name="bound">Bound; owned by the tunnel from now on.</param>
    public UdpListenerForwarder AddUdp(Socket bound)
    {
        var listener = new UdpListenerForwarder(Driver, this, bound);
        _udp.Add(listener);
        listener.Start();
        return listener;
    }

    /// <summary>Listens no more on a port: its service is elsewhere. What was accepted goes on.</summary>
    public void Remove(TcpListenerForwarder listener)
    {
        _tcp.Remove(listener);
        listener.Dispose();
        for (LinkedListNode<WaitingLink>? node = _waiting.First, next; node is not null; node = next)
        {
            next = node.Next;
            if (node.Value.Listener == listener)
                GiveUp(node, TunnelErrorCode.NoSuchService);
        }
    }

    /// <summary>Receives no more on a port; its flows end when they are idle.</summary>
    public void Remove(UdpListenerForwarder listener)
    {
        _udp.Remove(listener);
        listener.Dispose();
    }

    /// <summary>Uses this connection from now on.</summary>
    public void Attach(IStreamTransport transport)
    {
        if (Transport is not null)
            throw new InvalidOperationException("A connection is attached already.");
        Transport = transport;
        OpenWaiting();
    }

    /// <summary>The connection is lost or closed: its TCP connections are reset, its flows forgotten; the ports stay.</summary>
    public void Detach()
    {
        SetCarrying(false);
        EndAll(TunnelErrorCode.PeerLost);
        Transport = null;
    }

    /// <summary>The host allows more streams.</summary>
    public void OnStreamsAvailable() => OpenWaiting();

    /// <summary>A listener's service is known, or another one now.</summary>
    internal void OnServiceKnown() => OpenWaiting();

    /// <inheritdoc/>
    public override void OnTimeout(Instant now)
    {
        base.OnTimeout(now);
        while (_waiting.First is { } first && first.Value.Deadline <= now)
            GiveUp(first, Carrying ? TunnelErrorCode.TooManyFlows : TunnelErrorCode.NoPathInTime);
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        Driver.RemoveTimer(this);
        Detach();
        while (_waiting.First is { } first)
            GiveUp(first, TunnelErrorCode.PeerLost);
        foreach (TcpListenerForwarder listener in _tcp)
            listener.Dispose();
        foreach (UdpListenerForwarder listener in _udp)
            listener.Dispose();
    }

    /// <summary>A local program has connected.</summary>
    internal void OnAccepted(TcpListenerForwarder listener, Socket socket)
    {
        var link = new TcpLink(Driver, this, _nextFlowId++);
        link.AttachSocket(socket);
        if (LinkCount + _waiting.Count >= TunnelLimits.MaxConnections)
        {
            _events.ConnectionNotCarried(listener.ServiceId, TunnelErrorCode.TooManyFlows);
            link.Abort(TunnelErrorCode.TooManyFlows);
            return;
        }
        _waiting.AddLast(new WaitingLink(link, listener, Driver.Now + TunnelLimits.MaxWait));
        OpenWaiting();
    }

    /// <summary>Accepting or receiving failed.</summary>
    internal void OnListenerFailed(ulong? serviceId, SocketError error) => _events.ListenerFailed(serviceId, error);

    /// <summary>A local program has sent a datagram.</summary>
    internal void OnLocalDatagram(UdpListenerForwarder listener, in UdpAddress source, ReadOnlySpan<byte> datagram)
    {
        if (!Flows.TryGet(listener, source, out UdpFlow? flow))
        {
            // Datagrams do not wait: whoever sends them repeats them or does not care.
            if (!Carrying || listener.ServiceId is not { } service)
            {
                DroppedCount++;
                return;
            }
            MakeRoomForFlow();
            flow = new UdpFlow(service, _nextFlowId++)
            {
                Listener = listener,
                Source = source,
                SourceAddress = source.ToIPEndPoint().Serialize(),
            };
            AddFlow(flow);
        }
        SendDatagram(flow, datagram);
    }

    private protected override void OnCarrying() => OpenWaiting();

    private protected override void Deliver(in DatagramHeader header, ReadOnlySpan<byte> payload)
    {
        // The host answers in our flows only.
        if (!Flows.TryGet(header.FlowId, out UdpFlow? flow) || flow.ServiceId != header.ServiceId)
            return;
        Flows.Touch(flow, Driver.Now);
        flow.Note(header.Sequence);
        if (!flow.Listener!.TrySend(flow.SourceAddress!, payload))
            DroppedCount++;
    }

    private void OpenWaiting()
    {
        LinkedListNode<WaitingLink>? next;
        for (LinkedListNode<WaitingLink>? node = _waiting.First; node is not null && Carrying; node = next)
        {
            next = node.Next;
            if (node.Value.Listener.ServiceId is not { } service)
                continue;
            if (!Transport!.TryOpenStream(bidirectional: true, out StreamId stream))
                return;
            _waiting.Remove(node);
            Open(node.Value.Link, service, stream);
        }
    }

    private void Open(TcpLink link, ulong service, StreamId stream)
    {
        link.ServiceId = service;
        Span<byte> header = stackalloc byte[StreamHeader.MaxLength];
        int length = new StreamHeader(service, link.FlowId).Write(header);
        link.AttachStream(Transport!, stream, header[..length]);
        AddLink(link);
        link.Start();
    }

    private void GiveUp(LinkedListNode<WaitingLink> node, TunnelErrorCode code)
    {
        _waiting.Remove(node);
        _events.ConnectionNotCarried(node.Value.Listener.ServiceId, code);
        node.Value.Link.Abort(code);
    }

    private sealed record WaitingLink(TcpLink Link, TcpListenerForwarder Listener, Instant Deadline);
}
