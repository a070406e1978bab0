namespace Punchline.Quic;

/// <summary>How a path reaches the peer.</summary>
public enum PathKind : byte
{
    /// <summary>Straight to an address of the peer.</summary>
    Direct,

    /// <summary>Through a server that forwards datagrams.</summary>
    Relay,
}

/// <summary>How far a direct path goes, nearest first, as the addresses at its ends tell its owner without a packet being sent.</summary>
public enum PathReach : byte
{
    /// <summary>The peer is on a link of this machine: no router is between.</summary>
    OnLink,

    /// <summary>The peer's address is private and beyond a router: another part of one site, or the inner side of one carrier's NAT.</summary>
    Private,

    /// <summary>By a public address, through whatever NATs; also where both sides are behind one NAT, which sends packets back inside (hairpinning).</summary>
    Public,

    /// <summary>From a virtual adapter of this machine: a VPN, which has a longer way beneath it that does not show, or a network of containers.</summary>
    Virtual,
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

    /// <summary>How far it goes: of paths that are about equally long in time, the nearer one is better. It may change with the machine's network.</summary>
    public virtual PathReach Reach => PathReach.Public;

    /// <summary>The largest UDP payload that the owner knows to be possible, header included, in bytes.</summary>
    public virtual int MaxUdpPayload => 1472;
}
