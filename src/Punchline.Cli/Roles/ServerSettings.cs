using System.Net;

namespace Punchline.Cli.Roles;

/// <summary>What <c>serve</c> was told.</summary>
/// <param name="Listen">UDP and TCP; null for port 3478 on every IPv4 and IPv6 address.</param>
/// <param name="StunAlternative">The second STUN address; null for the port after the first.</param>
/// <param name="Admin">Where /metrics and /healthz are; null for nowhere.</param>
/// <param name="HostPassword">What hosts must prove; null lets anyone register.</param>
internal sealed record ServerSettings(IPEndPoint? Listen, IPEndPoint? StunAlternative, IPEndPoint? Admin, string? HostPassword);

/// <summary>What <c>demo</c> was told.</summary>
/// <param name="Listen">Where its client listens; null for the usual place.</param>
/// <param name="Once">It ends after the demonstration.</param>
/// <param name="Nat">It runs inside the laboratory, behind two NATs of the kernel.</param>
internal sealed record DemoSettings(IPEndPoint? Listen, bool Once, bool Nat)
{
    /// <summary>With <see cref="Nat"/>: the common options for the processes inside the laboratory, between spaces.</summary>
    public string CommonOptions { get; init; } = "";

    /// <summary>Set in those processes: server, host or client.</summary>
    public string? Part { get; init; }

    /// <summary>Set in those processes: the file of the invite.</summary>
    public string? InviteFile { get; init; }
}
