namespace Punchline;

/// <summary>What went wrong, for programs; a message for people stands beside it.</summary>
public enum ProblemCode
{
    /// <summary>Nothing that has a code of its own; very likely a mistake of this program.</summary>
    Internal,

    /// <summary>The invite is broken or cut off.</summary>
    InviteInvalid,

    /// <summary>The host has replaced the invite, or the server does not know it.</summary>
    InviteRevoked,

    /// <summary>The server's name is unknown, or it does not answer.</summary>
    ServerUnreachable,

    /// <summary>The server does not let this host register: no password, or a wrong one.</summary>
    ServerRefused,

    /// <summary>The server answers, but the host is not there.</summary>
    HostOffline,

    /// <summary>The other side speaks another version; the message says which side to update.</summary>
    VersionMismatch,

    /// <summary>A local address or port can't be had: in use, reserved, or not this machine's.</summary>
    PortUnavailable,

    /// <summary>Nothing listens where the shared service should be.</summary>
    ServiceDown,

    /// <summary>No direct path came about.</summary>
    NoDirectPath,

    /// <summary>The connection to the peer is lost; it comes back by itself.</summary>
    ConnectionLost,

    /// <summary>Another host with the same key has taken this one's place at the server.</summary>
    Displaced,

    /// <summary>The state folder can't be read or written, or another host is running with it.</summary>
    State,

    /// <summary>A datagram was larger than the path carries and was dropped.</summary>
    DatagramTooLarge,
}
