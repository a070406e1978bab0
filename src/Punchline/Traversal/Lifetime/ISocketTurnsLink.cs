using Punchline.Discovery;
using Punchline.Quic;
using Punchline.Udp;

namespace Punchline.Traversal.Lifetime;

/// <summary>What turns of sockets need of this machine. Driver thread only.</summary>
internal interface ISocketTurnsLink
{
    /// <summary>The time.</summary>
    Instant Now { get; }

    /// <summary>This machine's addresses.</summary>
    LocalNetwork Network { get; }

    /// <summary>Opens a fresh socket on the address of a main one.</summary>
    /// <returns>Null if the system gives none.</returns>
    IUdpSocket? OpenBeside(IUdpSocket socket);

    /// <summary>Has every server see us at another socket; <see cref="SocketTurns.OnSeen"/> tells when the first one does.</summary>
    void MoveServers(IUdpSocket from, IUdpSocket to);

    /// <summary>The fresh socket takes the place of another one, which still works.</summary>
    /// <param name="old">The one in use.</param>
    /// <param name="fresh">Its successor.</param>
    /// <param name="age">At which the NAT ends mappings.</param>
    void Replace(IUdpSocket old, IUdpSocket fresh, TimeSpan age);

    /// <summary>Takes a socket away, and has every server that sees us there see us at another one. From inside no client's call.</summary>
    void Remove(IUdpSocket goes, IUdpSocket stays);

    /// <summary>The same after this turn, from anywhere.</summary>
    void RemoveSoon(IUdpSocket goes, IUdpSocket stays);

    /// <summary>Asks a server where it sees a socket.</summary>
    /// <param name="socket">The socket.</param>
    /// <param name="server">The server.</param>
    /// <param name="seen">Told once, if an answer comes.</param>
    void AskMapped(IUdpSocket socket, UdpAddress server, Action<UdpAddress> seen);
}

/// <summary>A server that binds one of our sockets. Driver thread only.</summary>
internal interface IBindingServer
{
    /// <summary>The socket that it has bound, or is to bind; null if there is none.</summary>
    IUdpSocket? Socket { get; }

    /// <summary>Its UDP address in use; none if there is none.</summary>
    UdpAddress Server { get; }
}
