using Punchline.Quic.Tls;

namespace Punchline.Quic;

/// <summary>
/// What an endpoint allows its peers and itself; the same for all its connections, and fixed for its life, as its ticket keys are: so no
/// ticket remembers other limits (RFC 9000 section 7.4.1).
/// </summary>
public sealed class QuicTransportOptions
{
    /// <summary>The most <see cref="TicketsPerConnection"/>: as many as a client of ours keeps.</summary>
    internal const int MaxTicketsPerConnection = ClientHandshake.MaxTickets;

    /// <summary>The application protocol that both sides must speak (RFC 7301).</summary>
    public string ApplicationProtocol { get; init; } = "punchline/1";

    /// <summary>Silence after which a connection is over (RFC 9000 section 10.1); the smaller of both sides' values counts.</summary>
    public TimeSpan IdleTimeout { get; init; } = TimeSpan.FromSeconds(60);

    /// <summary>A PING after this much silence, so that NAT mappings live and a dead peer is noticed; zero sends none.</summary>
    public TimeSpan KeepAlive { get; init; } = TimeSpan.FromSeconds(5);

    /// <summary>Silence after which the peer is reported unreachable: a little more than one keep-alive and its answer.</summary>
    public TimeSpan UnreachableAfter { get; init; } = TimeSpan.FromSeconds(6.5);

    /// <summary>The largest receive window of one stream, in bytes; windows start small and grow with the reader's pace.</summary>
    public long MaxStreamWindow { get; init; } = 8 << 20;

    /// <summary>The largest receive window of a connection, in bytes.</summary>
    public long MaxConnectionWindow { get; init; } = 24 << 20;

    /// <summary>Bidirectional streams that the peer may have open at once.</summary>
    public int MaxBidirectionalStreams { get; init; } = 1024;

    /// <summary>Unidirectional streams that the peer may have open at once.</summary>
    public int MaxUnidirectionalStreams { get; init; } = 16;

    /// <summary>Offers the <c>punch</c> extension (docs/wire/punch.md); without it connections are plain RFC 9000.</summary>
    public bool Punch { get; init; } = true;

    /// <summary>
    /// Tickets that the server side gives each client, for as many later connections, 0 to 8; with 0 it takes none either, and there is no
    /// 0-RTT, which an application has to want (RFC 9846 appendix F.5).
    /// </summary>
    public int TicketsPerConnection { get; init; }

    /// <summary>Whether tickets allow 0-RTT, and a client that has one makes use of it: for the control stream alone.</summary>
    public bool EarlyData { get; init; } = true;

    /// <summary>Whether the server side asks clients for a certificate and refuses those without.</summary>
    public bool RequireClientCertificate { get; init; } = true;

    /// <summary>
    /// Whether strangers hear nothing at all: no Version Negotiation, no stateless reset but to ids of our making
    /// (docs/deviations.md). Plain QUIC, for interoperation, sets it to false.
    /// </summary>
    public bool SilentToStrangers { get; init; } = true;
}
