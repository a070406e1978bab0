using Punchline.Lab.Driver;

namespace Punchline.Lab.Scenes;

/// <summary>What a scene looks like.</summary>
internal sealed record TunnelOptions
{
    /// <summary>Everything that the small servers of this project may offer on a host's loopback.</summary>
    public static readonly IReadOnlyList<string> EchoServices = ["echo=tcp:7777", "datagrams=udp:7777", "pattern=tcp:7778"];

    public NatLabOptions Lab { get; init; } = new();

    /// <summary>What is added to the laboratory before any program starts.</summary>
    public Func<NatLab, Task>? Prepare { get; init; }

    /// <summary>What the host shares, as on its command line.</summary>
    public IReadOnlyList<string> Services { get; init; } = EchoServices;

    /// <summary>More of the server's command line.</summary>
    public IReadOnlyList<string> ServerArguments { get; init; } = [];

    /// <summary>More of the host's command line.</summary>
    public IReadOnlyList<string> HostArguments { get; init; } = [];

    /// <summary>Sockets as on systems without fast paths of their own.</summary>
    public bool Portable { get; init; }

    /// <summary>The program that people download, where times from a process's start count, instead of the one that builds in seconds.</summary>
    public bool Published { get; init; }

    /// <summary>Every program tells its details, for the report of a test that fails.</summary>
    public bool Verbose { get; init; } = true;
}
