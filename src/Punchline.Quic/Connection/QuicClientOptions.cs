namespace Punchline.Quic;

/// <summary>What one outgoing connection needs.</summary>
public sealed class QuicClientOptions
{
    /// <summary>The SHA-256 of the key that the peer must have, 32 bytes; empty takes any key (interoperation only).</summary>
    public required ReadOnlyMemory<byte> ExpectedPeerId { get; init; }

    /// <summary>The destination connection id of the first Initial packet: 8 to 20 unpredictable bytes (RFC 9000 section 7.2), to which the token is bound.</summary>
    public required ConnectionId InitialDestination { get; init; }

    /// <summary>The token that opens the door, carried in Initial packets; may be empty.</summary>
    public ReadOnlyMemory<byte> Token { get; init; }

    /// <summary>
    /// What <see cref="QuicConnection.TryTakeSession"/> gave in an earlier connection with this peer, to be used once; empty, expired
    /// or unreadable makes a full handshake.
    /// </summary>
    public ReadOnlyMemory<byte> Session { get; init; }

    /// <summary>The time since <see cref="Session"/> was received.</summary>
    public TimeSpan SessionAge { get; init; }
}
