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
    private readonly IHostTunnelEvents _events;

    /// <summary>Connects to services that are on their way, and what ends each.</summary>
    private readonly Dictionary<TcpLink, CancellationTokenSource> _dials = [];

    /// <summary>Those of them whose link has ended meanwhile: no link counts their sockets.</summary>
    private int _abandonedDials;
    private TokenBucket _newFlows;

    /// <summary>A tunnel over an established connection.</summary>
    /// <param name="driver">The connection's driver.</param>
    /// <param name="transport">The connection.</param>
    /// <param name="services">A service by its id, or null.</param>
    /// <param name="events">Who is told.</param>
    public HostTunnel(IDriver driver, IStreamTransport transport, Func<ulong, TunnelService?> services, IHostTunnelEvents events)
        : base(driver, events)
    {
        Transport = transport;
        _services = services;
        _events = events;
        _newFlows = new TokenBucket(TunnelLimits.NewUdpFlowsPerSecond, TunnelLimits.MaxUdpFlows, driver.Now);
        _drainInbox = new ActionWorkItem(_ => DrainInbox());
    }

    /// <inheritdoc/>
    public override Instant NextTimeout => Flows.NextTimeout;

    /// <summary>Local datagrams that came faster than the driver took them.</summary>
    public long InboxDropped => _inbox.Dropped;

    /// <summary>Connects to services that are on their way.</summary>
    public int DialCount => _dials.Count;

    /// <summary>The client opened a stream.</summary>
    public void OnStreamOpened(StreamId stream)
    {
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

    /// <inheritdoc/>
    public override void OnLinkEnded(TcpLink link, TunnelErrorCode code)
    {
        if (_dials.TryGetValue(link, out CancellationTokenSource? dial))
        {
            _abandonedDials++;
            dial.Cancel();
        }
        base.OnLinkEnded(link, code);
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
            Refuse(stream, header, ServiceErrorCode.NoSuchService, "the host shares no such tcp service");
            return;
        }
        // Open and reset in a loop is no way around the bound: a socket that still connects counts.
        if (LinkCount + _abandonedDials >= TunnelLimits.MaxConnections)
        {
            Refuse(stream, header, ServiceErrorCode.TooManyFlows, "too many connections at once");
            return;
        }
        var link = new TcpLink(Driver, this, header.FlowId) { ServiceId = header.ServiceId };
        link.AttachStream(Transport!, stream, []);
        AddLink(link);
        link.Start();
        var dial = new CancellationTokenSource(TunnelLimits.DialTimeout);
        _dials.Add(link, dial);
        _ = DialAsync(link, service, dial.Token);
    }

    private async Task DialAsync(TcpLink link, TunnelService service, CancellationToken stop)
    {
        Socket? socket = null;
        SocketError error = SocketError.Success;
        try
        {
            // Making one fails when this process has no descriptor left.
            socket = service.Address is DnsEndPoint
                ? new Socket(SocketType.Stream, ProtocolType.Tcp)
                : new Socket(service.Address.AddressFamily, SocketType.Stream, ProtocolType.Tcp);
            await socket.ConnectAsync(service.Address, stop).ConfigureAwait(false);
        }
        catch (Exception e) when (e is SocketException or OperationCanceledException)
        {
            error = (e as SocketException)?.SocketErrorCode ?? SocketError.TimedOut;
            // The service may have accepted it already as it was given up: then it sees a reset, as from any link that is lost.
            if (socket is not null)
                TcpSocketLoops.Reset(socket);
            socket = null;
        }
        Driver.Post(new Dialed(this, link, socket, service, error));
    }

    private void OnDialed(TcpLink link, Socket? socket, TunnelService service, SocketError error)
    {
        if (_dials.Remove(link, out CancellationTokenSource? dial))
            dial.Dispose();
        if (link.IsEnded)
        {
            _abandonedDials--;
            // Reset by the client while we dialled: the service sees a reset, too.
            if (socket is not null)
                TcpSocketLoops.Reset(socket);
            return;
        }
        if (socket is not null)
        {
            link.AttachSocket(socket);
            link.Start();
            return;
        }
        ServiceErrorCode code = error is SocketError.ConnectionRefused or SocketError.ConnectionReset ? ServiceErrorCode.NothingListens : ServiceErrorCode.NotReachable;
        _events.ServiceFailed(link.ServiceId, link.FlowId, code, code == ServiceErrorCode.NothingListens
            ? $"nothing listens on {Text(service.Address)}"
            : $"{Text(service.Address)} cannot be reached ({error})");
        link.Abort(code.ToTunnelError());
    }

    private void Refuse(StreamId stream, in StreamHeader header, ServiceErrorCode code, string detail)
    {
        _events.ServiceFailed(header.ServiceId, header.FlowId, code, detail);
        Refuse(stream, code.ToTunnelError());
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
        // Each new flow is a socket, made here on the driver thread.
        if (!_newFlows.TryTake(Driver.Now))
        {
            DroppedCount++;
            return null;
        }
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
            _events.ServiceFailed(header.ServiceId, header.FlowId, ServiceErrorCode.NotReachable,
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
        _events.ServiceFailed(flow.ServiceId, flow.FlowId, ServiceErrorCode.NothingListens, $"nothing listens on {flow.ServiceAddress}");
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

        public override void Abandon()
        {
            if (socket is not null)
                TcpSocketLoops.Reset(socket);
        }
    }
}
