namespace Punchline.Cli;

/// <summary>How the program ends. The numbers are documented (docs/cli.md) and stay.</summary>
internal enum ExitCode
{
    /// <summary>Done, or stopped by Ctrl-C or SIGTERM.</summary>
    Success = 0,

    /// <summary>A mistake of this program.</summary>
    Internal = 1,

    /// <summary>A wrong command, option or argument.</summary>
    Usage = 2,

    /// <summary>The invite is broken or cut off.</summary>
    InviteInvalid = 3,

    /// <summary>The host has replaced the invite.</summary>
    InviteRevoked = 4,

    /// <summary>The server does not answer.</summary>
    ServerUnreachable = 5,

    /// <summary>The server does not let this host register.</summary>
    ServerRefused = 6,

    /// <summary>The host is not there. It ends a doctor; others say it, and go on.</summary>
    HostOffline = 7,

    /// <summary>One side must be updated.</summary>
    VersionMismatch = 8,

    /// <summary>A local address or port can't be had.</summary>
    PortUnavailable = 9,

    /// <summary>Nothing listens where the shared service should be. Reserved: it is said, and ends nothing.</summary>
    ServiceDown = 10,

    /// <summary>No direct path came about. Reserved, as above.</summary>
    NoDirectPath = 11,

    /// <summary>The demonstration's connection was lost.</summary>
    ConnectionLost = 12,

    /// <summary>Another host with the same key has taken this one's place.</summary>
    Displaced = 13,

    /// <summary>A file or folder can't be read or written, or another host is running with the folder.</summary>
    State = 14,

    /// <summary>Ended at once by a second Ctrl-C or SIGTERM.</summary>
    Interrupted = 130,
}
