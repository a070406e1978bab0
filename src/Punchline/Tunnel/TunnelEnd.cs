using Punchline.Endpoint;
using Punchline.Protocol;
using Punchline.Quic;

namespace Punchline.Tunnel;

/// <summary>
/// What both ends of a tunnel have in common: the TCP connections by their streams, the UDP flows, and whether a direct path
/// stands. The owner of the connection passes on the events of every stream but the control stream. Driver thread only.
/// </summary>
internal abstract class TunnelEnd : ILinkOwner, IDriverTimer
{
    private readonly Dictionary<StreamId, TcpLink> _links = [];
    private readonly HashSet<ulong> _tooLargeReported = [];
    private readonly byte[] _datagram = new byte[TunnelLimits.DatagramSlot + DatagramHeader.MaxLength];
    private bool _carrying;

    private protected TunnelEnd(IDriver driver, ITunnelEvents events)
    {
        Driver = driver;
        Events = events;
        Driver.AddTimer(this);
    }

    /// <summary>True while application data may travel: a direct path stands.</summary>
    public bool Carrying => _carrying && Transport is not null;

    /// <summary>TCP connections that have a stream.</summary>
    public int LinkCount => _links.Count;

    /// <summary>UDP flows.</summary>
    public int FlowCount => Flows.Count;

    /// <summary>Somebody is served: a TCP connection or a UDP flow is open.</summary>
    public bool IsBusy => LinkCount + FlowCount > 0;

    /// <summary>Called when <see cref="IsBusy"/> may be another answer than before.</summary>
    public Action? OnBusyChanged { get; set; }

    /// <summary>Datagrams dropped because they do not fit the path.</summary>
    public long TooLargeCount { get; private set; }

    /// <summary>Datagrams dropped because a queue was full, or no path stood.</summary>
    public long DroppedCount { get; private protected set; }

    /// <inheritdoc/>
    public abstract Instant NextTimeout { get; }

    private protected IDriver Driver { get; }

    private protected ITunnelEvents Events { get; }

    private protected IStreamTransport? Transport { get; set; }

    private protected UdpFlowTable Flows { get; } = new(TunnelLimits.MaxUdpFlows, TunnelLimits.UdpIdle);

    /// <summary>Says whether application data may travel now. Without, everything waits where it is.</summary>
    public void SetCarrying(bool carrying)
    {
        if (_carrying == carrying)
            return;
        _carrying = carrying;
        if (!Carrying)
            return;
        foreach (TcpLink link in _links.Values.ToArray())
            link.Execute(Driver.Now);
        OnCarrying();
    }

    /// <summary>A stream can be read; <paramref name="code"/> is that of a reset.</summary>
    public virtual void OnStreamReadable(StreamId stream, ulong code)
    {
        if (_links.TryGetValue(stream, out TcpLink? link))
            link.OnReadable(code);
    }

    /// <summary>A stream takes bytes again.</summary>
    public void OnStreamWritable(StreamId stream)
    {
        if (_links.TryGetValue(stream, out TcpLink? link))
            link.Execute(Driver.Now);
    }

    /// <summary>The peer wants no more of a stream.</summary>
    public virtual void OnStreamStopped(StreamId stream, ulong code)
    {
        if (_links.TryGetValue(stream, out TcpLink? link))
            link.OnStopped(code);
    }

    /// <summary>DATAGRAM frames wait.</summary>
    public void OnDatagram()
    {
        while (Transport is { } transport && transport.TryReadDatagram(_datagram, out int length))
        {
            // Whatever is no UDP flow's is dropped (docs/wire/tunnel.md).
            if (DatagramHeader.TryRead(_datagram.AsSpan(0, length), out DatagramHeader header, out int consumed))
                Deliver(header, _datagram.AsSpan(consumed, length - consumed));
        }
    }

    /// <inheritdoc/>
    public virtual void OnTimeout(Instant now)
    {
        while (Flows.TryTakeIdle(now, out UdpFlow? flow))
            CloseFlow(flow, evicted: false);
    }

    /// <inheritdoc/>
    public virtual void OnLinkEnded(TcpLink link, TunnelErrorCode code)
    {
        if (!link.HasStream || !_links.Remove(link.Stream))
            return;
        Events.ConnectionClosed(link.ServiceId, link.FlowId, code);
        OnBusyChanged?.Invoke();
    }

    /// <summary>A local datagram goes to the peer.</summary>
    private protected void SendDatagram(UdpFlow flow, ReadOnlySpan<byte> payload)
    {
        Flows.Touch(flow, Driver.Now);
        if (!Carrying)
        {
            DroppedCount++;
            return;
        }
        int header = new DatagramHeader(flow.ServiceId, flow.FlowId, flow.NextSequence).Write(_datagram);
        int limit = Transport!.MaxDatagramPayload - header;
        // A full slot may have been cut when it was received.
        if (payload.Length > limit || payload.Length == TunnelLimits.DatagramSlot)
        {
            TooLargeCount++;
            if (_tooLargeReported.Add(flow.ServiceId))
                Events.DatagramTooLarge(flow.ServiceId, payload.Length, Math.Max(0, limit));
            return;
        }
        flow.NextSequence++;
        payload.CopyTo(_datagram.AsSpan(header));
        if (!Transport.TrySendDatagram(_datagram.AsSpan(0, header + payload.Length)))
            DroppedCount++;
    }

    private protected void AddFlow(UdpFlow flow)
    {
        Flows.Add(flow, Driver.Now);
        Events.FlowOpened(flow.ServiceId, flow.FlowId);
        OnBusyChanged?.Invoke();
    }

    /// <summary>Makes room for one more flow.</summary>
    private protected void MakeRoomForFlow()
    {
        if (Flows.IsFull && Flows.TryTakeOldest(out UdpFlow? oldest))
            CloseFlow(oldest, evicted: true);
    }

    private protected void AddLink(TcpLink link)
    {
        _links.Add(link.Stream, link);
        Events.ConnectionOpened(link.ServiceId, link.FlowId);
        OnBusyChanged?.Invoke();
    }

    /// <summary>Ends every connection and flow.</summary>
    private protected void EndAll(TunnelErrorCode code)
    {
        foreach (TcpLink link in _links.Values.ToArray())
            link.Abort(code);
        while (Flows.TryTakeOldest(out UdpFlow? flow))
            CloseFlow(flow, evicted: false);
    }

    /// <summary>A direct path stands from now on.</summary>
    private protected virtual void OnCarrying()
    {
    }

    /// <summary>The peer's datagram for one of our flows.</summary>
    private protected abstract void Deliver(in DatagramHeader header, ReadOnlySpan<byte> payload);

    private void CloseFlow(UdpFlow flow, bool evicted)
    {
        flow.Socket?.Dispose();
        Events.FlowClosed(flow.ServiceId, flow.FlowId, evicted, flow.Missing);
        OnBusyChanged?.Invoke();
    }
}
