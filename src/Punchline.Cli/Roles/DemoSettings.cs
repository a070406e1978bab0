using System.Net;

namespace Punchline.Cli.Roles;

/// <summary>What <c>demo</c> was told.</summary>
/// <param name="Listen">Where its client listens; null for the usual place.</param>
/// <param name="Once">It ends after the demonstration.</param>
/// <param name="Nat">It runs inside the laboratory, behind two NATs of the kernel.</param>
internal sealed record DemoSettings(IPEndPoint? Listen, bool Once, bool Nat)
{
    /// <summary>With <see cref="Nat"/>: the common options for the processes inside the laboratory, between spaces.</summary>
    public string CommonOptions { get; init; } = "";

    /// <summary>The folder of qlog files, of both ends; or null.</summary>
    public string? Qlog { get; init; }

    /// <summary>The file of TLS secrets; or null. The client alone writes it, for both ends have the same ones.</summary>
    public string? KeyLog { get; init; }

    /// <summary>Set in those processes: server, host or client.</summary>
    public string? Part { get; init; }

    /// <summary>Set in those processes: the file of the invite.</summary>
    public string? InviteFile { get; init; }
}
