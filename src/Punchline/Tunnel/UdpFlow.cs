using System.Net;
using System.Net.Sockets;
using Punchline.Quic;

namespace Punchline.Tunnel;

/// <summary>
/// One local source address at the client, one socket at the host. The sequence numbers repair nothing: they tell how much
/// was lost on the way.
/// </summary>
internal sealed class UdpFlow(ulong serviceId, ulong flowId)
{
    public ulong ServiceId { get; } = serviceId;

    public ulong FlowId { get; } = flowId;

    /// <summary>At the client: the local port that it came to, and from where.</summary>
    public UdpListenerForwarder? Listener { get; init; }

    /// <summary>At the client: the program's address.</summary>
    public UdpAddress Source { get; init; }

    /// <summary>At the client: the same, as the socket wants it.</summary>
    public SocketAddress? SourceAddress { get; init; }

    /// <summary>At the host: the socket, connected to the service.</summary>
    public Socket? Socket { get; init; }

    /// <summary>At the host: where the service listens.</summary>
    public EndPoint? ServiceAddress { get; init; }

    /// <summary>When a datagram last went either way.</summary>
    public Instant LastUsed { get; set; }

    /// <summary>The next number to send.</summary>
    public ulong NextSequence { get; set; }

    /// <summary>Datagrams received from the peer.</summary>
    public ulong Received { get; private set; }

    /// <summary>Datagrams that the peer sent and that have not come (yet).</summary>
    public ulong Missing => _expected - Math.Min(_expected, Received);

    /// <summary>The service refused (ICMP), which is said once per flow.</summary>
    public bool RefusalReported { get; set; }

    /// <summary>In its table still.</summary>
    public bool IsLive => Node is not null;

    /// <summary>Neighbours in the table's order of use.</summary>
    internal LinkedListNode<UdpFlow>? Node { get; set; }

    private ulong _expected;

    /// <summary>Notes a datagram from the peer.</summary>
    public void Note(ulong sequence)
    {
        Received++;
        // A varint holds at most 2^62-1, so this cannot overflow.
        _expected = Math.Max(_expected, sequence + 1);
    }
}
