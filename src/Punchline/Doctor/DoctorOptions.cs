using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;
using Punchline.Udp;

namespace Punchline;

/// <summary>What a doctor examines: this network, by way of a server; and with an invite the pair with its host.</summary>
public sealed record DoctorOptions
{
    /// <summary>The server to ask, <c>HOST</c> or <c>HOST:PORT</c>, as a host names it. It may be null where there is an invite, which names one.</summary>
    public string? Server { get; init; }

    /// <summary>The invite of the host with which the pair is examined, as it was pasted; null for the network alone.</summary>
    public string? Invite { get; init; }

    /// <summary>With an invite: the folder of this side's key and the hosts it has joined, as with <see cref="ClientOptions"/>.</summary>
    public string? StateDirectory { get; init; }

    /// <summary>Also measures how long the network's NATs keep a mapping without traffic, which takes up to a quarter of an hour.</summary>
    public bool Long { get; init; }

    /// <summary>Asks the router for a port, and gives it back at once, or at the end of the pair's examination.</summary>
    public bool PortMapping { get; init; } = true;

    /// <summary>With an invite: as <see cref="ClientOptions.RelayOnly"/>. The host does not learn where this side is, and no direct way is looked for.</summary>
    public bool RelayOnly { get; init; }

    /// <summary>With an invite: as <see cref="ClientOptions.AllowsSpray"/>.</summary>
    public bool AllowsSpray { get; init; } = true;

    /// <summary>The clock.</summary>
    public TimeProvider TimeProvider { get; init; } = TimeProvider.System;

    /// <summary>Where the log goes; by default nowhere.</summary>
    public ILoggerFactory LoggerFactory { get; init; } = NullLoggerFactory.Instance;

    /// <summary>The UDP sockets; null: what the machine does best.</summary>
    internal UdpPlatform? UdpPlatform { get; init; }
}
