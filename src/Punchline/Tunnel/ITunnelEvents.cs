using System.Net.Sockets;
using Punchline.Protocol;

namespace Punchline.Tunnel;

/// <summary>What the forwarders of either end have to say. Every call comes on the driver thread.</summary>
internal interface ITunnelEvents
{
    /// <summary>A TCP connection is being carried.</summary>
    void ConnectionOpened(ulong serviceId, ulong flowId);

    /// <summary>A TCP connection that was carried has ended: in order, or reset for this reason (which may be the peer's).</summary>
    void ConnectionClosed(ulong serviceId, ulong flowId, TunnelErrorCode code);

    /// <summary>A new UDP flow.</summary>
    void FlowOpened(ulong serviceId, ulong flowId);

    /// <summary>A UDP flow ended: idle, or it made room for a newer one. So many of the peer's datagrams never came.</summary>
    void FlowClosed(ulong serviceId, ulong flowId, bool evicted, ulong missing);

    /// <summary>A datagram does not fit the path and was dropped; said once per service, counted always.</summary>
    void DatagramTooLarge(ulong serviceId, int size, int limit);
}

/// <summary>What only a host's forwarders have to say: its services can fail.</summary>
internal interface IHostTunnelEvents : ITunnelEvents
{
    /// <summary>A flow could not be served: the owner says it here, and tells the peer by SERVICE_ERROR.</summary>
    void ServiceFailed(ulong serviceId, ulong flowId, ServiceErrorCode code, string detail);
}

/// <summary>What only a client's forwarders have to say: its local ports can fail, and connections can wait in vain.</summary>
internal interface IClientTunnelEvents : ITunnelEvents
{
    /// <summary>A local connection was reset before it was carried.</summary>
    void ConnectionNotCarried(ulong? serviceId, TunnelErrorCode code);

    /// <summary>Accepting or receiving on a local port failed; it goes on.</summary>
    void ListenerFailed(ulong? serviceId, SocketError error);
}
