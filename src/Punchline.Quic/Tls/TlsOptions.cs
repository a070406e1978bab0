using System.Text;

namespace Punchline.Quic.Tls;

/// <summary>Takes a line of a key log in the terms of NSS (SSLKEYLOGFILE): for Wireshark, by the user's wish only.</summary>
/// <param name="label">For example CLIENT_HANDSHAKE_TRAFFIC_SECRET.</param>
/// <param name="clientRandom">The 32 bytes that name the connection.</param>
/// <param name="secret">The 32 bytes of the secret.</param>
internal delegate void TlsKeyLog(string label, ReadOnlySpan<byte> clientRandom, ReadOnlySpan<byte> secret);

/// <summary>What one TLS handshake is given. Everything that it needs from outside stands here.</summary>
internal sealed class TlsOptions
{
    /// <summary>The most groups that may be handed in: what a ClientHello of one datagram can list with ease.</summary>
    public const int MaxKeyExchanges = 8;

    public required bool IsClient { get; init; }

    public required IRandomness Randomness { get; init; }

    /// <summary>
    /// The groups, most preferred first. A client sends a share for the first and lists all; a server takes its first for which the
    /// client sent a share, and asks with a HelloRetryRequest only when there is none. No obsolete ones (RFC 9846 appendix B.3.1.4).
    /// </summary>
    public required IReadOnlyList<IKeyExchange> KeyExchanges { get; init; }

    /// <summary>Our identity. A server must have one; a client without one answers a request with an empty certificate list.</summary>
    public ISigner? Signer { get; init; }

    /// <summary>The one ALPN name that we speak, in ASCII, 1 to 255 bytes.</summary>
    public required string ApplicationProtocol { get; init; }

    /// <summary>The content of our quic_transport_parameters extension (RFC 9000 section 18).</summary>
    public required ReadOnlyMemory<byte> TransportParameters { get; init; }

    /// <summary>
    /// The only peer id to accept (RFC 9846 appendix C.5); empty accepts every P-256 key (whoever uses the session then judges <see
    /// cref="TlsSession.PeerId"/>).
    /// </summary>
    public ReadOnlyMemory<byte> ExpectedPeerId { get; init; }

    /// <summary>A server asks for the client's certificate and goes no further without one. Implied by an expected peer id.</summary>
    public bool RequireClientCertificate { get; init; }

    /// <summary>A client's: the session that it offers to resume, with <see cref="ExpectedPeerId"/>; or null.</summary>
    public OfferedSession? Offer { get; init; }

    /// <summary>A server's: looks at tickets and makes them; null neither takes nor gives any.</summary>
    public ITicketDesk? Tickets { get; init; }

    /// <summary>Given each traffic secret as it is made, or null.</summary>
    public TlsKeyLog? KeyLog { get; init; }

    /// <summary>The bytes of <see cref="ApplicationProtocol"/>.</summary>
    public byte[] ProtocolName => Encoding.ASCII.GetBytes(ApplicationProtocol);

    /// <summary>True if a server asks for the client's certificate.</summary>
    public bool AsksForClientCertificate => RequireClientCertificate || !ExpectedPeerId.IsEmpty;

    /// <summary>Throws if the options contradict themselves: a mistake of the caller, never of the peer.</summary>
    public void Validate()
    {
        if (KeyExchanges.Count is 0 or > MaxKeyExchanges)
            throw new InvalidOperationException($"1 to {MaxKeyExchanges} key exchange groups are needed.");
        // RFC 9846 section 4.3.7: supported_groups has no duplicates.
        if (KeyExchanges.DistinctBy(static k => k.Group).Count() != KeyExchanges.Count)
            throw new InvalidOperationException("A key exchange group is handed in twice.");
        if (!IsClient && Signer is null)
            throw new InvalidOperationException("A TLS server needs a signer.");
        if (ApplicationProtocol.Length is 0 or > byte.MaxValue || !Ascii.IsValid(ApplicationProtocol))
            throw new InvalidOperationException("An application protocol is 1 to 255 ASCII characters.");
        if (ExpectedPeerId.Length is not (0 or PeerIdentity.IdLength))
            throw new InvalidOperationException("A peer id has 32 bytes.");
        if (TransportParameters.Length > MessageAssembler.MaxMessageLength / 2)
            throw new InvalidOperationException("The transport parameters do not fit a handshake message.");
        if (Offer is { Session: var session } && (session.ApplicationProtocol != ApplicationProtocol || (!ExpectedPeerId.IsEmpty && !session.PeerId.AsSpan().SequenceEqual(ExpectedPeerId.Span))))
            throw new InvalidOperationException("A session can be resumed with its own server and protocol only.");
    }
}
