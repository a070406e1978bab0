using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;
using Punchline.Udp;

namespace Punchline;

/// <summary>What a host shares, and how it is reached.</summary>
public sealed record HostOptions
{
    /// <summary>The services, all behind one invite and one connection: at least one, with different names.</summary>
    public required IReadOnlyList<ServiceSpec> Services { get; init; }

    /// <summary>The server, <c>HOST</c> or <c>HOST:PORT</c> (an IPv6 address with a port in brackets).</summary>
    public required string Server { get; init; }

    /// <summary>A folder for the host's key and invites, one running host's alone. It is made when missing, for this user alone.</summary>
    public required string StateDirectory { get; init; }

    /// <summary>Replaces the invite's secret: invites given before stop at once, open connections included.</summary>
    public bool NewInvite { get; init; }

    /// <summary>What a server asks of its hosts, if it does. It is proved, never sent.</summary>
    public string? HostPassword { get; init; }

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
