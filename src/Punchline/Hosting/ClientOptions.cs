using System.Net;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;
using Punchline.Udp;

namespace Punchline;

/// <summary>Whom a client joins, and where it listens.</summary>
public sealed record ClientOptions
{
    /// <summary>The first port of a client that is told none.</summary>
    public const int DefaultPort = 52000;

    /// <summary>The invite as it was pasted: what chat programs add to it is ignored.</summary>
    public required string Invite { get; init; }

    /// <summary>A folder for the client's key and the hosts it has joined. It is made when missing, for this user alone.</summary>
    public required string StateDirectory { get; init; }

    /// <summary>
    /// Where the first service listens; the others on the next ports. Null: 127.0.0.1 and <see cref="DefaultPort"/>, or
    /// one of the nine ports after it when that is taken. An address given here that can't be had is an error.
    /// </summary>
    public IPEndPoint? Listen { get; init; }

    /// <summary>Where services listen by their name, in place of the above.</summary>
    public IReadOnlyDictionary<string, IPEndPoint> Map { get; init; } = new Dictionary<string, IPEndPoint>();

    /// <summary>
    /// Never shows a peer where this side is: everything goes through the server, no direct path is looked for, and nothing is answered that
    /// comes directly.
    /// </summary>
    public bool RelayOnly { get; init; }

    /// <summary>
    /// Asks the router for a port (PCP, NAT-PMP, UPnP) where there is a NAT. It is given back at the end.
    /// </summary>
    public bool PortMapping { get; init; } = true;

    /// <summary>The clock.</summary>
    public TimeProvider TimeProvider { get; init; } = TimeProvider.System;

    /// <summary>Where the log goes; by default nowhere. What people should know comes as events.</summary>
    public ILoggerFactory LoggerFactory { get; init; } = NullLoggerFactory.Instance;

    /// <summary>A folder for a qlog file of each connection (docs/diagnostics.md); null, as by default, for none.</summary>
    public string? QlogDirectory { get; init; }

    /// <summary>
    /// A file for the TLS secrets of each connection, as SSLKEYLOGFILE; null, as by default, for none. Whoever has it can read captured
    /// traffic.
    /// </summary>
    public string? KeyLogFile { get; init; }

    /// <summary>
    /// Whether to send small packets to many ports of a peer whose NAT cannot be met otherwise: 200 a second, 1,024 in all, at the address
    /// that the server attests (docs/user-guide.md). False: such a peer is reached through the server.
    /// </summary>
    public bool AllowsSpray { get; init; } = true;

    /// <summary>The UDP sockets; null: what the machine does best.</summary>
    internal UdpPlatform? UdpPlatform { get; init; }
}
