namespace Punchline.Cli;

/// <summary>What a problem is called in JSON, and the exit code of a program that ends with it.</summary>
internal static class ProblemNames
{
    public static (string Name, ExitCode Exit) Of(ProblemCode code) => code switch
    {
        ProblemCode.InviteInvalid => ("invite-invalid", ExitCode.InviteInvalid),
        ProblemCode.InviteRevoked => ("invite-revoked", ExitCode.InviteRevoked),
        ProblemCode.ServerUnreachable => ("server-unreachable", ExitCode.ServerUnreachable),
        ProblemCode.ServerRefused => ("server-refused", ExitCode.ServerRefused),
        ProblemCode.HostOffline => ("host-offline", ExitCode.HostOffline),
        ProblemCode.VersionMismatch => ("version-mismatch", ExitCode.VersionMismatch),
        ProblemCode.PortUnavailable => ("port-unavailable", ExitCode.PortUnavailable),
        ProblemCode.ServiceDown => ("service-down", ExitCode.ServiceDown),
        ProblemCode.NoDirectPath => ("no-direct-path", ExitCode.NoDirectPath),
        ProblemCode.ConnectionLost => ("connection-lost", ExitCode.ConnectionLost),
        ProblemCode.Displaced => ("displaced", ExitCode.Displaced),
        ProblemCode.State => ("state", ExitCode.State),
        ProblemCode.DatagramTooLarge => ("datagram-too-large", ExitCode.Internal),
        _ => ("internal", ExitCode.Internal),
    };

    /// <summary>What a wrong command, option or argument is called.</summary>
    public const string Usage = "usage";
}
