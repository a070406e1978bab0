using Punchline.Quic;
using Punchline.Relay;
using Punchline.Udp;

namespace Punchline.Endpoint;

/// <summary>A path as the owner of the sockets knows it: which socket, which source address, and who uses it.</summary>
internal abstract class SocketPath : NetworkPath
{
    // A 1,500-byte MTU without the IP and UDP headers: 20 + 8 and 40 + 8 bytes.
    private const int MaxPayloadIPv4 = 1_472;
    private const int MaxPayloadIPv6 = 1_452;

    /// <summary>The socket that its datagrams leave from; null for a way through a server that no socket carries now.</summary>
    public abstract IUdpSocket? Socket { get; }

    /// <summary>The source address for its datagrams; none for the system's choice.</summary>
    public abstract UdpAddress LocalAddress { get; }

    /// <inheritdoc/>
    public override int MaxUdpPayload => RemoteAddress.IsIPv6 ? MaxPayloadIPv6 : MaxPayloadIPv4;

    /// <summary>How many connections hold this path; the table keeps it as long as one does.</summary>
    internal int Users { get; set; }

    /// <summary>Batches that the system refused to send, for want of a route or because a firewall of this machine's forbids it.</summary>
    internal int Refused { get; set; }
}

/// <summary>A direct path: socket, local address, remote address.</summary>
/// <param name="socket">The socket.</param>
/// <param name="local">Our address.</param>
/// <param name="remote">The peer's.</param>
/// <param name="reachOf">Tells how far it is from the one to the other.</param>
internal sealed class UdpPath(IUdpSocket socket, UdpAddress local, UdpAddress remote, Func<UdpAddress, UdpAddress, PathReach> reachOf) : SocketPath
{
    /// <inheritdoc/>
    public override IUdpSocket Socket { get; } = socket;

    /// <inheritdoc/>
    public override PathKind Kind => PathKind.Direct;

    /// <inheritdoc/>
    public override UdpAddress LocalAddress { get; } = local;

    /// <inheritdoc/>
    public override UdpAddress RemoteAddress { get; } = remote;

    /// <inheritdoc/>
    public override PathReach Reach => reachOf(LocalAddress, RemoteAddress);

    /// <inheritdoc/>
    public override string ToString() => $"{LocalAddress} to {RemoteAddress}";
}

/// <summary>A path through a server, whatever carries it: each datagram begins with a type byte and the handle that the server gave for the pair.</summary>
internal sealed class RelayPath : SocketPath
{
    private readonly byte[] _header = new byte[RelayFrame.DataHeaderLength];

    public RelayPath(RelayLink link, ulong handle)
    {
        Link = link;
        Handle = handle;
    }

    /// <summary>Our way to the server.</summary>
    public RelayLink Link { get; internal set; }

    /// <inheritdoc/>
    public override IUdpSocket? Socket => Link.Socket;

    /// <inheritdoc/>
    public override bool CarriesData => Link.CarriesData && !IsExhausted;

    /// <summary>The server forwards no application data of the pair for now: a quota is used up.</summary>
    public bool IsExhausted { get; set; }

    /// <inheritdoc/>
    public override PathKind Kind => PathKind.Relay;

    /// <summary>None: a server answers to wherever it was reached from.</summary>
    public override UdpAddress LocalAddress => default;

    /// <summary>The server's address.</summary>
    public override UdpAddress RemoteAddress => Link.Server;

    /// <inheritdoc/>
    public override int HeaderLength => RelayFrame.DataHeaderLength;

    /// <summary>The server's unguessable number for this pair.</summary>
    public ulong Handle
    {
        get;
        internal set
        {
            field = value;
            RelayFrame.WriteDataHeader(_header, value);
        }
    }

    /// <summary>Fills in the free bytes in front of each datagram of a batch.</summary>
    public void WriteHeaders(Span<byte> batch, int segmentSize)
    {
        for (int offset = 0; offset + RelayFrame.DataHeaderLength <= batch.Length; offset += segmentSize)
            _header.CopyTo(batch[offset..]);
    }

    /// <inheritdoc/>
    public override string ToString() => $"relay {RemoteAddress}";
}
