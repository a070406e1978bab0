namespace Punchline.Quic.Wire;

/// <summary>
/// What each side says of itself in the handshake (RFC 9000 section 18). A property that is not set has the
/// default that stands for a parameter that is absent.
/// </summary>
internal sealed class TransportParameters
{
    /// <summary>Section 18.2: the largest UDP payload that IP allows.</summary>
    public const ulong DefaultMaxUdpPayloadSize = 65527;

    /// <summary>Section 18.2: smaller values are not valid.</summary>
    public const ulong MinMaxUdpPayloadSize = 1200;

    public const ulong DefaultAckDelayExponent = 3;

    /// <summary>Section 18.2: larger values are not valid.</summary>
    public const ulong MaxAckDelayExponent = 20;

    public const ulong DefaultMaxAckDelayMilliseconds = 25;

    /// <summary>Section 18.2: 2^14 and more are not valid.</summary>
    public const ulong LimitOfMaxAckDelayMilliseconds = 1 << 14;

    /// <summary>Section 18.2: the default, and the least that is valid.</summary>
    public const ulong MinActiveConnectionIdLimit = 2;

    /// <summary>docs/wire/punch.md: more candidates than this would make us a reflector.</summary>
    public const int MaxPunchCandidateLimit = 16;

    /// <summary>The destination of the client's first Initial packet; only from a server.</summary>
    public ConnectionId? OriginalDestinationConnectionId { get; init; }

    /// <summary>0 is none.</summary>
    public ulong MaxIdleTimeoutMilliseconds { get; init; }

    /// <summary>16 bytes, for the connection id of the handshake; only from a server.</summary>
    public byte[]? StatelessResetToken { get; init; }

    /// <summary>Bytes that one datagram to this side may carry.</summary>
    public ulong MaxUdpPayloadSize { get; init; } = DefaultMaxUdpPayloadSize;

    public ulong InitialMaxData { get; init; }

    /// <summary>For bidirectional streams that the side which sends this opens.</summary>
    public ulong InitialMaxStreamDataBidiLocal { get; init; }

    /// <summary>For bidirectional streams that the side which receives this opens.</summary>
    public ulong InitialMaxStreamDataBidiRemote { get; init; }

    /// <summary>For unidirectional streams that the side which receives this opens.</summary>
    public ulong InitialMaxStreamDataUni { get; init; }

    /// <summary>At most 2^60 (RFC 9000 section 4.6).</summary>
    public ulong InitialMaxStreamsBidi { get; init; }

    /// <inheritdoc cref="InitialMaxStreamsBidi"/>
    public ulong InitialMaxStreamsUni { get; init; }

    /// <summary>The ACK Delay of this side's ACK frames counts in 2^this microseconds; at most 20.</summary>
    public ulong AckDelayExponent { get; init; } = DefaultAckDelayExponent;

    /// <summary>Below 2^14.</summary>
    public ulong MaxAckDelayMilliseconds { get; init; } = DefaultMaxAckDelayMilliseconds;

    public bool DisableActiveMigration { get; init; }

    /// <summary>Only from a server.</summary>
    public PreferredAddress? PreferredAddress { get; init; }

    /// <summary>How many connection ids of the other side this side keeps; at least 2.</summary>
    public ulong ActiveConnectionIdLimit { get; init; } = MinActiveConnectionIdLimit;

    /// <summary>The source of this side's first Initial packet; its absence is an error that the handshake finds (section 7.3).</summary>
    public ConnectionId? InitialSourceConnectionId { get; init; }

    /// <summary>The source of the server's Retry packet; only from a server that sent one.</summary>
    public ConnectionId? RetrySourceConnectionId { get; init; }

    /// <summary>The largest DATAGRAM frame, with its type and length, that this side takes; 0 is none (RFC 9221 section 3).</summary>
    public ulong MaxDatagramFrameSize { get; init; }

    /// <summary>How many live candidates this side takes, 1 to 16; 0 if it does not speak the punch extension.</summary>
    public int PunchCandidateLimit { get; init; }

    /// <summary>Reads the extension's bytes.</summary>
    /// <param name="fromClient">True if a client sent them, who must not send what only servers may.</param>
    /// <param name="why">A fixed text; the error is TRANSPORT_PARAMETER_ERROR.</param>
    public static bool TryRead(ReadOnlySpan<byte> bytes, bool fromClient, out TransportParameters? p, out string? why) =>
        TransportParameterCodec.TryRead(bytes, fromClient, out p, out why);

    /// <summary>The extension's bytes; parameters that have their default are left out.</summary>
    public byte[] Write() => TransportParameterCodec.Write(this);
}

/// <summary>Another address of the server's, to be used after the handshake (RFC 9000 section 9.6).</summary>
/// <param name="IPv4">None if the server offers none.</param>
/// <param name="IPv6">None if the server offers none.</param>
/// <param name="ConnectionId">Not empty; its sequence is 1.</param>
/// <param name="ResetToken">16 bytes.</param>
internal sealed record PreferredAddress(UdpAddress IPv4, UdpAddress IPv6, ConnectionId ConnectionId, byte[] ResetToken);
