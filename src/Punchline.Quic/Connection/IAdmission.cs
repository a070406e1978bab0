namespace Punchline.Quic;

/// <summary>
/// Decides about Initial packets that belong to no connection. It is asked before any public-key operation and before
/// any state exists, and it is told how an admitted connection went on, so that it can count.
/// </summary>
public interface IAdmission
{
    /// <summary>What to do with an Initial packet. Must be cheap: anybody can make it happen.</summary>
    AdmissionVerdict Admit(in InitialFacts facts);

    /// <summary>The handshake of an admitted connection has ended; called once, with the tag of the verdict.</summary>
    /// <param name="tag">The verdict's tag.</param>
    /// <param name="established">True if the client is verified, false if the connection ended first.</param>
    void OnHandshakeEnded(object? tag, bool established);

    /// <summary>
    /// Whether a client that was admitted may resume a session of an earlier connection: whether what let it in then still does. Asked
    /// before anything is proved, so it must change nothing.
    /// </summary>
    /// <param name="tag">The verdict's tag, of the new connection.</param>
    /// <param name="binding">The <see cref="AdmissionVerdict.TicketBinding"/> of the earlier one.</param>
    bool MayResume(object? tag, ReadOnlySpan<byte> binding) => false;

    /// <summary>An admitted connection is gone; called once, after <see cref="OnHandshakeEnded"/>.</summary>
    void OnConnectionEnded(object? tag);
}

/// <summary>What is known when a stranger's first Initial packet arrives. Nothing of it is authenticated.</summary>
public readonly ref struct InitialFacts
{
    /// <summary>The time.</summary>
    public Instant Now { get; init; }

    /// <summary>The way that it came.</summary>
    public NetworkPath Path { get; init; }

    /// <summary>The packet's destination connection id.</summary>
    public ConnectionId Destination { get; init; }

    /// <summary>The packet's source connection id.</summary>
    public ConnectionId Source { get; init; }

    /// <summary>The token field.</summary>
    public ReadOnlySpan<byte> Token { get; init; }
}

/// <summary>The four answers to a stranger.</summary>
public enum AdmissionAction : byte
{
    /// <summary>Silence.</summary>
    Ignore,

    /// <summary>A connection.</summary>
    Accept,

    /// <summary>A Retry packet, which proves the address (RFC 9000 section 8.1.2).</summary>
    Retry,

    /// <summary>One close with a reason.</summary>
    Refuse,
}

/// <summary>What to do with a stranger's Initial packet.</summary>
public readonly struct AdmissionVerdict
{
    /// <summary>Silence, a connection, a Retry, or a refusal.</summary>
    public AdmissionAction Action { get; init; }

    /// <summary>Accept: the id that the client's certificate must have, 32 bytes; empty takes any.</summary>
    public ReadOnlyMemory<byte> ExpectedPeerId { get; init; }

    /// <summary>Accept: an object of the policy's own, kept with the connection.</summary>
    public object? Tag { get; init; }

    /// <summary>Accept: the token proves the client's address, so no anti-amplification limit holds (RFC 9000 section 8.1).</summary>
    public bool AddressValidated { get; init; }

    /// <summary>Accept after a Retry: the destination connection id of the client's very first Initial.</summary>
    public ConnectionId? OriginalDestination { get; init; }

    /// <summary>Accept: what the tickets of this connection are bound to, at most 32 bytes; see <see cref="IAdmission.MayResume"/>.</summary>
    public ReadOnlyMemory<byte> TicketBinding { get; init; }

    /// <summary>Retry: the token for the client to come back with.</summary>
    public ReadOnlyMemory<byte> RetryToken { get; init; }

    /// <summary>Refuse: a transport error code (an application's close may not stand in an Initial packet).</summary>
    public ulong RefusalCode { get; init; }

    /// <summary>Refuse: what the client's user will read.</summary>
    public string? RefusalReason { get; init; }
}
