using Punchline.Protocol;
using Punchline.Quic;
using Punchline.Udp;

namespace Punchline.Traversal;

/// <summary>What an attempt needs of its connection and of this machine. Driver thread only.</summary>
internal interface ITraversalLink
{
    /// <summary>The time.</summary>
    Instant Now { get; }

    /// <summary>Of the path that messages take.</summary>
    TimeSpan RoundTrip { get; }

    /// <summary>Sends a message to the peer.</summary>
    void Send(TunnelMessage message);

    /// <summary>Opens a socket for this attempt alone, on the local address from which the peer is reached.</summary>
    /// <returns>Null if the system gives none.</returns>
    IUdpSocket? Open(UdpAddress peer);

    /// <summary>Closes it, soon.</summary>
    void Close(IUdpSocket socket);

    /// <summary>True if a path of the connection begins at it.</summary>
    bool Uses(IUdpSocket socket);

    /// <summary>Sends one opening probe.</summary>
    void Probe(IUdpSocket socket, UdpAddress remote, byte timeToLive);

    /// <summary>Asks a server where it sees a socket.</summary>
    /// <param name="socket">The socket.</param>
    /// <param name="seen">Told once, if an answer comes.</param>
    void AskMapped(IUdpSocket socket, Action<UdpAddress> seen);
}
