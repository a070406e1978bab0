using Punchline.Quic.Tls;

namespace Punchline.Quic;

/// <summary>What an endpoint is made of: everything that the core may not make itself is handed in.</summary>
public sealed class QuicEndpointOptions
{
    /// <summary>Our identity.</summary>
    public required ISigner Signer { get; init; }

    /// <summary>Where random bytes come from.</summary>
    public required IRandomness Randomness { get; init; }

    /// <summary>The key exchange groups, the preferred one first.</summary>
    public required IReadOnlyList<IKeyExchange> KeyExchanges { get; init; }

    /// <summary>32 secret bytes that outlive the process: the marks in our connection ids and the stateless reset tokens derive from them.</summary>
    public required ReadOnlyMemory<byte> ResetKey { get; init; }

    /// <summary>What the candidate rules ask of the machine's interfaces.</summary>
    public required ILocalNetwork Network { get; init; }

    /// <summary>Who may open a connection; null takes nobody, as a client.</summary>
    public IAdmission? Admission { get; init; }

    /// <summary>Limits and timers.</summary>
    public QuicTransportOptions Transport { get; init; } = new();

    /// <summary>Is told each thing that happens, for logs and tests; null costs nothing.</summary>
    public ITrace? Trace { get; init; }

    /// <summary>Keeps tickets; null makes the endpoint's own. Tests let several endpoints share one.</summary>
    internal TicketKeeper? Tickets { get; init; }

    /// <summary>Is given each TLS secret, so that captured traffic can be read; null, as it should be but for the user's own wish.</summary>
    internal TlsKeyLog? KeyLog { get; init; }
}
