using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;
using Punchline.Udp;

namespace Punchline;

/// <summary>What a doctor examines: this network, by way of a server.</summary>
public sealed record DoctorOptions
{
    /// <summary>The server to ask, <c>HOST</c> or <c>HOST:PORT</c>, as a host names it.</summary>
    public required string Server { get; init; }

    /// <summary>Also measures how long the network's NATs keep a mapping without traffic, which takes up to a quarter of an hour.</summary>
    public bool Long { get; init; }

    /// <summary>Asks the router for a port, and gives it back at once.</summary>
    public bool PortMapping { get; init; } = true;

    /// <summary>The clock.</summary>
    public TimeProvider TimeProvider { get; init; } = TimeProvider.System;

    /// <summary>Where the log goes; by default nowhere.</summary>
    public ILoggerFactory LoggerFactory { get; init; } = NullLoggerFactory.Instance;

    /// <summary>The UDP sockets; null: what the machine does best.</summary>
    internal UdpPlatform? UdpPlatform { get; init; }
}
