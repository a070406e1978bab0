using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;
using Punchline.Udp;

namespace Punchline;

/// <summary>What a doctor examines.</summary>
public sealed record DoctorOptions
{
    /// <summary>The invite of the host with which the pair is examined, as it was pasted.</summary>
    public required string Invite { get; init; }

    /// <summary>The folder of the client's key and the hosts it has joined.</summary>
    public required string StateDirectory { get; init; }

    /// <summary>Asks the router for a port (PCP, NAT-PMP, UPnP) where there is a NAT. It is given back at the end.</summary>
    public bool PortMapping { get; init; } = true;

    /// <summary>As <see cref="ClientOptions.AllowsSpray"/>.</summary>
    public bool AllowsSpray { get; init; } = true;

    /// <summary>The clock.</summary>
    public TimeProvider TimeProvider { get; init; } = TimeProvider.System;

    /// <summary>Where the log goes; by default nowhere.</summary>
    public ILoggerFactory LoggerFactory { get; init; } = NullLoggerFactory.Instance;

    /// <summary>The UDP sockets; null: what the machine does best.</summary>
    internal UdpPlatform? UdpPlatform { get; init; }
}
