namespace Punchline.Quic.Tls;

/// <summary>What TLS wants of its caller.</summary>
internal enum TlsEventKind
{
    /// <summary>Bytes go out in CRYPTO frames at a level.</summary>
    Send,

    /// <summary>The secrets of a level are there; of <see cref="EncryptionLevel.ZeroRtt"/> the client's alone.</summary>
    Secrets,

    /// <summary>At a client: the server does not take the 0-RTT that was offered (RFC 9001 section 4.6.2).</summary>
    EarlyDataRejected,

    /// <summary>At a client: the server gave a ticket for a later connection.</summary>
    Ticket,

    /// <summary>The peer's transport parameters came; not yet authenticated (RFC 9001 section 8.2).</summary>
    PeerTransportParameters,

    /// <summary>The handshake is complete (RFC 9001 section 4.1.1): the peer's Finished is verified and ours is sent.</summary>
    Complete,
}

/// <summary>One event of a <see cref="TlsSession"/>.</summary>
internal readonly struct TlsEvent
{
    public required TlsEventKind Kind { get; init; }

    /// <summary>Of <see cref="TlsEventKind.Send"/> and <see cref="TlsEventKind.Secrets"/>.</summary>
    public EncryptionLevel Level { get; init; }

    /// <summary>What to send, or the peer's transport parameters.</summary>
    public ReadOnlyMemory<byte> Bytes { get; init; }

    /// <summary>32 bytes, overwritten when the session is disposed: derive keys from them when the event is taken.</summary>
    public ReadOnlyMemory<byte> ClientSecret { get; init; }

    /// <summary>32 bytes, overwritten when the session is disposed.</summary>
    public ReadOnlyMemory<byte> ServerSecret { get; init; }

    /// <summary>Of <see cref="TlsEventKind.Ticket"/>; without transport parameters, which TLS does not understand.</summary>
    public ResumableSession? Session { get; init; }
}
