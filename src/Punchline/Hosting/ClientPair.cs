using Punchline.Invites;

namespace Punchline.Hosting;

/// <summary>A pair that a server opened for us with the host, bound and ready to carry a handshake.</summary>
/// <param name="Server">Which server.</param>
/// <param name="Route">Where its datagrams go.</param>
/// <param name="DoorNonce">The host's nonce at that moment.</param>
/// <param name="Key">What opens the door.</param>
/// <param name="Lost">Completes with the reason when the server ends the pair, or is gone.</param>
internal sealed record ClientPair(ServerAddress Server, RelayRoute Route, ulong DoorNonce, DoorKey Key, Task<string> Lost);

/// <summary>An invite's id and secret, or a friend's own.</summary>
/// <param name="Id">What stands in the token.</param>
/// <param name="Secret">16 bytes.</param>
/// <param name="IsFriend">Our own.</param>
internal sealed record DoorKey(InviteId Id, byte[] Secret, bool IsFriend);
