using Punchline.Invites;

namespace Punchline.Hosting;

/// <summary>A pair that a server opened for us with the host, ready to carry a handshake.</summary>
/// <param name="Server">Which server.</param>
/// <param name="Route">Where its datagrams go.</param>
/// <param name="DoorNonce">The host's nonce at that moment.</param>
/// <param name="Key">What opens the door.</param>
/// <param name="Lost">Completes with the reason when the server ends the pair, or is gone.</param>
internal sealed record ClientPair(ServerAddress Server, RelayRoute Route, ulong DoorNonce, DoorKey Key, Task<PairLoss> Lost);

/// <summary>How a pair ended.</summary>
/// <param name="HostLeft">The server says that the host has left it; else only the way through the server is gone.</param>
/// <param name="Reason">For whoever looks for a fault.</param>
internal readonly record struct PairLoss(bool HostLeft, string Reason)
{
    /// <summary>The server is not to be asked for another one before this time.</summary>
    public DateTimeOffset ComeBackAt { get; init; }
}

/// <summary>An invite's id and secret, or a friend's own.</summary>
/// <param name="Id">What stands in the token.</param>
/// <param name="Secret">16 bytes.</param>
internal sealed record DoorKey(InviteId Id, byte[] Secret);
