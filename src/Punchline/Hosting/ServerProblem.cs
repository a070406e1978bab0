using Punchline.Protocol;
using Punchline.Relay;

namespace Punchline.Hosting;

/// <summary>What a server's failure means for people and programs.</summary>
internal static class ServerProblem
{
    /// <summary>The code that goes with it.</summary>
    public static ProblemCode CodeOf(ServerChannelException failure) => failure.Failure switch
    {
        ServerFailure.Displaced => ProblemCode.Displaced,
        ServerFailure.Refused => failure.Error switch
        {
            ControlError.UpdateServer or ControlError.UpdatePeer or ControlError.NewerNeeded => ProblemCode.VersionMismatch,
            ControlError.HostOffline => ProblemCode.HostOffline,
            ControlError.UnknownInvite => ProblemCode.InviteRevoked,
            ControlError.PasswordNeeded or ControlError.WrongPassword or ControlError.HostNotAllowed or ControlError.WrongName
                or ControlError.BadSignature => ProblemCode.ServerRefused,
            _ => ProblemCode.ServerUnreachable,
        },
        _ => ProblemCode.ServerUnreachable,
    };

    /// <summary>
    /// True if trying again by itself is of no use. What cannot be reached is final at the first contact alone: there it is a
    /// mistake in the address as a rule, later an outage.
    /// </summary>
    public static bool IsFinal(ServerChannelException failure, bool firstContact) => CodeOf(failure) switch
    {
        ProblemCode.Displaced or ProblemCode.VersionMismatch or ProblemCode.ServerRefused or ProblemCode.InviteRevoked => true,
        ProblemCode.ServerUnreachable => firstContact && failure.Failure != ServerFailure.ShuttingDown && failure.Failure != ServerFailure.Refused,
        _ => false,
    };

    /// <summary>The end of a host or client by it.</summary>
    public static PunchlineException ToException(ServerChannelException failure) => new(CodeOf(failure), failure.Message, failure);
}
