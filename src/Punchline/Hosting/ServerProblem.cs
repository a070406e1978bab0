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
    /// True if it ends a host or client. What a server says is not proved, and somebody on the way may have said it in its
    /// place, so later it is only said; at the first contact nothing is lost yet, and it is a mistake in an address, a password or an
    /// invite as a rule. Displacement is the exception: two hosts that both come back would displace each other for ever.
    /// </summary>
    public static bool IsFinal(ServerChannelException failure, bool firstContact) => CodeOf(failure) switch
    {
        ProblemCode.Displaced => true,
        ProblemCode.VersionMismatch or ProblemCode.ServerRefused or ProblemCode.InviteRevoked => firstContact,
        ProblemCode.ServerUnreachable => firstContact && failure.Failure != ServerFailure.ShuttingDown && failure.Failure != ServerFailure.Refused,
        _ => false,
    };

    /// <summary>The end of a host or client by it.</summary>
    public static PunchlineException ToException(ServerChannelException failure) => new(CodeOf(failure), failure.Message, failure);
}
