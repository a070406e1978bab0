using Punchline.Quic;
using Punchline.Relay;
using Punchline.Udp;

namespace Punchline.Endpoint;

/// <summary>A path as the owner of the sockets knows it: which socket, which source address, and who uses it.</summary>
internal abstract class SocketPath(IUdpSocket socket) : NetworkPath
{
    // A 1,500-byte MTU without the IP and UDP headers: 20 + 8 and 40 + 8 bytes.
    private const int MaxPayloadIPv4 = 1_472;
    private const int MaxPayloadIPv6 = 1_452;

    /// <summary>The socket that its datagrams leave from and arrive at.</summary>
    public IUdpSocket Socket { get; } = socket;

    /// <summary>The source address for its datagrams; none for the system's choice.</summary>
    public abstract UdpAddress LocalAddress { get; }

    /// <inheritdoc/>
    public override int MaxUdpPayload => RemoteAddress.IsIPv6 ? MaxPayloadIPv6 : MaxPayloadIPv4;

    /// <summary>How many connections hold this path; the table keeps it as long as one does.</summary>
    internal int Users { get; set; }
}

/// <summary>A direct path: socket, local address, remote address.</summary>
internal sealed class UdpPath(IUdpSocket socket, UdpAddress local, UdpAddress remote) : SocketPath(socket)
{
    /// <inheritdoc/>
    public override PathKind Kind => PathKind.Direct;

    /// <inheritdoc/>
    public override UdpAddress LocalAddress { get; } = local;

    /// <inheritdoc/>
    public override UdpAddress RemoteAddress { get; } = remote;

    /// <inheritdoc/>
    public override string ToString() => $"{LocalAddress} to {RemoteAddress}";
}

/// <summary>A path through a server: each datagram begins with a type byte and the handle that the server gave for the pair.</summary>
internal sealed class RelayPath : SocketPath
{
    private readonly byte[] _header = new byte[RelayFrame.DataHeaderLength];

    public RelayPath(IUdpSocket socket, UdpAddress server, ulong handle)
        : base(socket)
    {
        RemoteAddress = server;
        Handle = handle;
    }

    /// <inheritdoc/>
    public override PathKind Kind => PathKind.Relay;

    /// <summary>None: a server answers to wherever it was reached from.</summary>
    public override UdpAddress LocalAddress => default;

    /// <summary>The server's address.</summary>
    public override UdpAddress RemoteAddress { get; }

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
