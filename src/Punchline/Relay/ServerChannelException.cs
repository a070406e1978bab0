using Punchline.Invites;
using Punchline.Protocol;

namespace Punchline.Relay;

/// <summary>What went wrong with a server.</summary>
internal enum ServerFailure
{
    /// <summary>Its name does not resolve.</summary>
    UnknownName,

    /// <summary>Nothing listens there, or there is no way to it.</summary>
    NotReachable,

    /// <summary>It did not answer in time.</summary>
    NoAnswer,

    /// <summary>It answers over TCP, but not over UDP.</summary>
    NoUdp,

    /// <summary>Something answered that is not a Punchline server.</summary>
    NotAServer,

    /// <summary>It refused, with a code.</summary>
    Refused,

    /// <summary>The connection ended.</summary>
    Lost,

    /// <summary>It is shutting down.</summary>
    ShuttingDown,

    /// <summary>The same host registered from elsewhere: do not come back by yourself.</summary>
    Displaced,
}

/// <summary>A server cannot be used, or no longer: the message is one sentence for people.</summary>
internal sealed class ServerChannelException : Exception
{
    public ServerChannelException(ServerAddress server, ServerFailure failure, Exception? innerException = null)
        : this(server, failure, ControlError.None, Describe(server, failure), innerException)
    {
    }

    public ServerChannelException(ServerAddress server, ControlError error)
        : this(server, ServerFailure.Refused, error, $"The server at {server}: {ControlErrors.Text(error)}.", null)
    {
    }

    private ServerChannelException(ServerAddress server, ServerFailure failure, ControlError error, string message, Exception? innerException)
        : base(message, innerException)
    {
        Server = server;
        Failure = failure;
        Error = error;
    }

    public ServerAddress Server { get; }

    public ServerFailure Failure { get; }

    /// <summary>The server's code, if <see cref="Failure"/> is Refused.</summary>
    public ControlError Error { get; }

    /// <summary>What came with an unknown invite as proof that the host has ended it; empty if nothing did. Not checked here.</summary>
    public ReadOnlyMemory<byte> EndProof { get; init; }

    /// <summary>Not to be asked again before this time: a server that goes down spreads those who come back.</summary>
    public DateTimeOffset ComeBackAt { get; init; }

    /// <summary>How long to wait before the next attempt.</summary>
    /// <param name="usual">If the server has not said otherwise.</param>
    /// <param name="now">The time.</param>
    public TimeSpan WaitOr(TimeSpan usual, DateTimeOffset now) => ComeBackAt - now > usual ? ComeBackAt - now : usual;

    private static string Describe(ServerAddress server, ServerFailure failure) => failure switch
    {
        ServerFailure.UnknownName => $"The server's name {server.Name} is not known: check its spelling and your connection.",
        ServerFailure.NotReachable => $"The server at {server} cannot be reached: check the address, and that it runs.",
        ServerFailure.NoAnswer => $"The server at {server} did not answer.",
        ServerFailure.NoUdp => $"The server at {server} answers over TCP but not over UDP: a firewall here or there may block UDP.",
        ServerFailure.NotAServer => $"What answers at {server} is not a Punchline server.",
        ServerFailure.ShuttingDown => $"The server at {server} is shutting down.",
        ServerFailure.Displaced => $"This host registered at {server} from elsewhere with the same identity: only the newest stays.",
        _ => $"The connection to the server at {server} was lost.",
    };
}
