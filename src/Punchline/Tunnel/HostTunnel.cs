using System.Globalization;
using System.Net;
using System.Net.Sockets;
using Punchline.Endpoint;
using Punchline.Protocol;
using Punchline.Quic;

namespace Punchline.Tunnel;

/// <summary>The host's end: each stream of the client becomes a connection to a service, each of its UDP flows a socket.</summary>
internal sealed class HostTunnel : TunnelEnd, IDisposable
{
    private readonly Func<ulong, TunnelService?> _services;
    private readonly Dictionary<StreamId, OpeningStream> _opening = [];
    private readonly DatagramInbox<UdpFlow> _inbox = new(TunnelLimits.DatagramSlots, TunnelLimits.DatagramSlot);
    private readonly ActionWorkItem _drainInbox;

    /// <summary>A tunnel over an established connection.</summary>
    /// <param name="driver">The connection's driver.</param>
    /// <param name="transport">The connection.</param>
    /// <param name="services">A service by its id, or null.</param>
    /// <param name="events">Who is told.</param>
    public HostTunnel(IDriver driver, IStreamTransport transport, Func<ulong, TunnelService?> services, ITunnelEvents events)
        : base(driver, events)
    {
        Transport = transport;
        _services = services;
        _drainInbox = new ActionWorkItem(_ => DrainInbox());
    }

    /// <inheritdoc/>
    public override Instant NextTimeout => Flows.NextTimeout;

    /// <summary>Local datagrams that came faster than the driver took them.</summary>
    public long InboxDropped => _inbox.Dropped;

    /// <summary>The client opened a stream.</summary>
    public void OnStreamOpened(StreamId stream)
    {
        if (!stream.IsBidirectional)
        {
            // Nothing of ours is unidirectional.
            Transport!.StopSending(stream, (ulong)TunnelErrorCode.UnknownKind);
            return;
        }
        _opening.Add(stream, new OpeningStream());
        OnStreamReadable(stream, 0);
    }

    /// <inheritdoc/>
    public override void OnStreamReadable(StreamId stream, ulong code)
    {
        if (_opening.TryGetValue(stream, out OpeningStream? opening))
            ReadHeader(stream, opening);
        else
            base.OnStreamReadable(stream, code);
    }

    /// <inheritdoc/>
    public override void OnStreamStopped(StreamId stream, ulong code)
    {
        if (_opening.Remove(stream))
            Refuse(stream, (TunnelErrorCode)code);
        else
            base.OnStreamStopped(stream, code);
    }

    /// <summary>The connection is lost or closed: every local socket is shut down, TCP ones by a reset.</summary>
    public void Dispose()
    {
        Driver.RemoveTimer(this);
        EndAll(TunnelErrorCode.PeerLost);
        _opening.Clear();
        Transport = null;
    }

    private protected override void Deliver(in DatagramHeader header, ReadOnlySpan<byte> payload)
    {
        if (!Flows.TryGet(header.FlowId, out UdpFlow? flow))
        {
            flow = OpenFlow(header);
            if (flow is null)
                return;
        }
        else if (flow.ServiceId != header.ServiceId)
        {
            return;
        }
        Flows.Touch(flow, Driver.Now);
        flow.Note(header.Sequence);
        flow.Socket!.Send(payload, SocketFlags.None, out SocketError error);
        if (error == SocketError.ConnectionRefused)
            ReportRefusal(flow);
        else if (error != SocketError.Success)
            DroppedCount++;
    }

    // The header is read byte by byte, so that not one byte of the application's is taken with it; it has three to 17.
    private void ReadHeader(StreamId stream, OpeningStream opening)
    {
        while (true)
        {
            StreamStatus status = Transport!.Read(stream, opening.Bytes.AsSpan(opening.Length, 1), out int count);
            opening.Length += count;
            if (count == 0)
            {
                if (status == StreamStatus.Ok)
                    return;
                _opening.Remove(stream);
                Refuse(stream, TunnelErrorCode.UnknownKind);
                return;
            }
            if (!StreamHeader.TryRead(opening.Bytes.AsSpan(0, opening.Length), out StreamHeader header, out _, out bool unknownKind))
            {
                if (!unknownKind)
                    continue;
                _opening.Remove(stream);
                Refuse(stream, TunnelErrorCode.UnknownKind);
                return;
            }
            _opening.Remove(stream);
            Open(stream, header);
            return;
        }
    }

    private void Open(StreamId stream, in StreamHeader header)
    {
        if (_services(header.ServiceId) is not { IsUdp: false } service)
        {
            Events.ServiceFailed(header.ServiceId, header.FlowId, TunnelErrorCode.NoSuchService, "the host shares no such tcp service");
            Refuse(stream, TunnelErrorCode.NoSuchService);
            return;
        }
        if (LinkCount >= TunnelLimits.MaxConnections)
        {
            Events.ServiceFailed(header.ServiceId, header.FlowId, TunnelErrorCode.TooManyFlows, "too many connections at once");
            Refuse(stream, TunnelErrorCode.TooManyFlows);
            return;
        }
        var link = new TcpLink(Driver, this, header.FlowId) { ServiceId = header.ServiceId };
        link.AttachStream(Transport!, stream, []);
        AddLink(link);
        link.Start();
        _ = DialAsync(link, service);
    }

    private async Task DialAsync(TcpLink link, TunnelService service)
    {
        Socket? socket = null;
        SocketError error = SocketError.Success;
        try
        {
            // Making one fails when this process has no descriptor left.
            socket = service.Address is DnsEndPoint
                ? new Socket(SocketType.Stream, ProtocolType.Tcp)
                : new Socket(service.Address.AddressFamily, SocketType.Stream, ProtocolType.Tcp);
            using var timeout = new CancellationTokenSource(TunnelLimits.DialTimeout);
            await socket.ConnectAsync(service.Address, timeout.Token).ConfigureAwait(false);
        }
        catch (SocketException e)
        {
            error = e.SocketErrorCode;
        }
        catch (OperationCanceledException)
        {
            error = SocketError.TimedOut;
        }
        Driver.Post(new Dialed(this, link, socket, service, error));
    }

    private void OnDialed(TcpLink link, Socket? socket, TunnelService service, SocketError error)
    {
        if (link.IsEnded)
        {
            // Reset by the client while we dialled: the service sees a reset, too.
            if (socket is not null)
                TcpSocketLoops.Reset(socket);
            return;
        }
        if (error == SocketError.Success && socket is not null)
        {
            link.AttachSocket(socket);
            link.Start();
            return;
        }
        socket?.Dispose();
        TunnelErrorCode code = TunnelErrors.OfConnect(error);
        Events.ServiceFailed(link.ServiceId, link.FlowId, code, code == TunnelErrorCode.NothingListens
            ? $"nothing listens on {Text(service.Address)}"
            : $"{Text(service.Address)} cannot be reached ({error})");
        link.Abort(code);
    }

    // Not "Unspecified/name:port".
    private static string Text(EndPoint address) => address is DnsEndPoint name
        ? string.Create(CultureInfo.InvariantCulture, $"{name.Host}:{name.Port}")
        : address.ToString()!;

    private void Refuse(StreamId stream, TunnelErrorCode code)
    {
        Transport!.StopSending(stream, (ulong)code);
        Transport.Reset(stream, (ulong)code);
    }

    private UdpFlow? OpenFlow(in DatagramHeader header)
    {
        if (_services(header.ServiceId) is not { IsUdp: true } service)
            return null;
        MakeRoomForFlow();
        Socket? socket = null;
        try
        {
            socket = new Socket(service.Address.AddressFamily, SocketType.Dgram, ProtocolType.Udp) { Blocking = false };
            socket.Connect(service.Address);
        }
        catch (SocketException e)
        {
            socket?.Dispose();
            Events.ServiceFailed(header.ServiceId, header.FlowId, TunnelErrorCode.NotReachable,
                $"{service.Address} cannot be reached ({e.SocketErrorCode})");
            return null;
        }
        var flow = new UdpFlow(header.ServiceId, header.FlowId) { Socket = socket, ServiceAddress = service.Address };
        AddFlow(flow);
        _ = ReceiveAsync(flow);
        return flow;
    }

    private async Task ReceiveAsync(UdpFlow flow)
    {
        var buffer = new byte[TunnelLimits.DatagramSlot];
        while (true)
        {
            try
            {
                int count = await flow.Socket!.ReceiveAsync(buffer, SocketFlags.None).ConfigureAwait(false);
                Enqueue(flow, buffer.AsSpan(0, count));
            }
            catch (SocketException e) when (e.SocketErrorCode is SocketError.ConnectionRefused or SocketError.ConnectionReset)
            {
                // ICMP: nothing listens there (yet); the flow stays, the service may come.
                Driver.Post(new ActionWorkItem(_ => ReportRefusal(flow)));
            }
            catch (SocketException e) when (e.SocketErrorCode == SocketError.MessageSize)
            {
                // Windows says instead of cutting that it did not fit: count it like one that filled its slot.
                Enqueue(flow, buffer);
            }
            catch (Exception e) when (e is SocketException or ObjectDisposedException)
            {
                // The flow has ended and its socket with it; or the socket broke, and the flow will be idle and end.
                return;
            }
        }
    }

    private void Enqueue(UdpFlow flow, ReadOnlySpan<byte> datagram)
    {
        if (_inbox.TryAdd(flow, datagram))
            Driver.Post(_drainInbox);
    }

    private void DrainInbox()
    {
        while (_inbox.TryPeek(out UdpFlow flow, out ReadOnlySpan<byte> datagram))
        {
            if (flow.IsLive)
                SendDatagram(flow, datagram);
            _inbox.Release();
        }
    }

    private void ReportRefusal(UdpFlow flow)
    {
        if (flow.RefusalReported || !flow.IsLive)
            return;
        flow.RefusalReported = true;
        Events.ServiceFailed(flow.ServiceId, flow.FlowId, TunnelErrorCode.NothingListens, $"nothing listens on {flow.ServiceAddress}");
    }

    /// <summary>The first bytes of a stream whose header is not complete.</summary>
    private sealed class OpeningStream
    {
        public byte[] Bytes { get; } = new byte[StreamHeader.MaxLength];

        public int Length { get; set; }
    }

    /// <summary>A connect to a service has come to its end.</summary>
    private sealed class Dialed(HostTunnel tunnel, TcpLink link, Socket? socket, TunnelService service, SocketError error) : WorkItem
    {
        public override void Execute(Instant now) => tunnel.OnDialed(link, socket, service, error);

        public override void Abandon() => socket?.Dispose();
    }
}
