namespace Punchline.Quic.Tests.Adversary;

/// <summary>Who can commit it: a client, a server, or both.</summary>
[Flags]
internal enum Roles
{
    Client = 1,
    Server = 2,
    Both = Client | Server,
}

/// <summary>One breach of protocol, and how the connection has to end.</summary>
/// <param name="Section">Where RFC 9000, or another document, says so.</param>
/// <param name="Name">What is wrong.</param>
/// <param name="Code">The error; null if it is none, and the connection lives.</param>
/// <param name="Packets">The content of the hostile packets.</param>
/// <param name="By">Who can commit it.</param>
internal sealed record Violation(string Section, string Name, ulong? Code, Func<Hostile, IEnumerable<byte[]>> Packets, Roles By = Roles.Both)
{
    /// <summary>Sends at another level, or in a way of its own.</summary>
    internal Action<Hostile>? Act { get; init; }

    /// <summary>False where the close goes to an id that the hostile peer made up, so that its own connection does not hear it.</summary>
    internal bool IsHeard { get; init; } = true;
}
