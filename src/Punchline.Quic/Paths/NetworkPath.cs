namespace Punchline.Quic;

/// <summary>How a path reaches the peer.</summary>
public enum PathKind : byte
{
    /// <summary>Straight to an address of the peer.</summary>
    Direct,

    /// <summary>Through a server that forwards datagrams.</summary>
    Relay,
}

/// <summary>
/// One way to reach a peer: a socket, a local and a remote address, or a handle at a server.
/// To the core it is an opaque identity, compared by reference: whoever owns the sockets makes one object
/// for each way and hands in the same object for every datagram that came that way.
/// </summary>
public abstract class NetworkPath
{
    /// <summary>Direct or relayed.</summary>
    public abstract PathKind Kind { get; }

    /// <summary>The peer's address on a direct path; the server's on a relayed one.</summary>
    public abstract UdpAddress RemoteAddress { get; }

    /// <summary>
    /// Bytes that the owner puts in front of each datagram (a relay's header). The core leaves that much room in front
    /// of each datagram of a batch and counts it against the path's MTU.
    /// </summary>
    public virtual int HeaderLength => 0;

    /// <summary>
    /// Whether application data may take this path; else only the control stream and the protocol's own frames do, and data waits for a
    /// path that carries it. When it changes, the owner has the connection transmit.
    /// </summary>
    public virtual bool CarriesData => true;

    /// <summary>The largest UDP payload that the owner knows to be possible, header included, in bytes.</summary>
    public virtual int MaxUdpPayload => 1472;
}
