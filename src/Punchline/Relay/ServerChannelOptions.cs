using Punchline.Invites;
using Punchline.Protocol;
using Punchline.Quic;

namespace Punchline.Relay;

/// <summary>What both roles need for a channel.</summary>
internal sealed class ServerChannelOptions
{
    public required TimeProvider Time { get; init; }

    public required IRandomness Randomness { get; init; }

    /// <summary>The server is asked to tell nobody where it sees us.</summary>
    public bool HidesAddress { get; init; }

    /// <summary>Ours, for the server's log.</summary>
    public required string ProgramVersion { get; init; }

    /// <summary>
    /// Called with the name's addresses and the dialled port, before TCP connects: the UDP cookie can be asked for meanwhile. A guess for
    /// <see cref="ServerScheme.Punch"/> alone; <see cref="ServerChannel.UdpEndpoints"/> has the last word.
    /// </summary>
    public Action<IReadOnlyList<UdpAddress>>? OnResolved { get; init; }
}

/// <summary>What a host registers.</summary>
internal sealed class HostRegistration
{
    public required ISigner Signer { get; init; }

    /// <summary>DoorNonces.Current.</summary>
    public required ulong DoorNonce { get; init; }

    /// <summary>InviteStore.Secrets: the relay keys are derived from them.</summary>
    public required IReadOnlyList<(InviteId Id, byte[] Secret)> Secrets { get; init; }

    /// <summary>InviteStore.Ended.</summary>
    public IReadOnlyList<EndedEntry> Ended { get; init; } = [];

    /// <summary>ControlProof.PasswordKey of the server's host password, empty for none.</summary>
    public ReadOnlyMemory<byte> PasswordKey { get; init; }
}
