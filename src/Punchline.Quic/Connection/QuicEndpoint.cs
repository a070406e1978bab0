namespace Punchline.Quic;

#pragma warning disable CA1822, CS1591, CA1801, IDE0060
// SURFACE ONLY

/// <summary>Sorts datagrams to connections by connection id, asks the policy about new ones; no I/O. One driver loop owns it.</summary>
public sealed class QuicEndpoint
{
    public QuicEndpoint(QuicEndpointOptions options) { }

    /// <summary>A datagram arrived (decrypted in place: the buffer is ours during the call).</summary>
    /// <returns>The connection that took it (also a new one: look at its IsClient and Owner == null), or null.</returns>
    public QuicConnection? Receive(Instant now, NetworkPath path, bool ecnMarked, Span<byte> datagram) => throw new NotImplementedException();
    /// <summary>Answers that belong to no connection (Retry, version negotiation, stateless reset, refusal): each one datagram.</summary>
    public bool TryTransmit(Span<byte> buffer, out Transmit transmit) => throw new NotImplementedException();
    public QuicConnection Connect(Instant now, QuicClientOptions options, NetworkPath path) => throw new NotImplementedException();
    /// <summary>Forgets a terminated connection; the driver calls it when IsTerminated.</summary>
    public void Remove(QuicConnection connection) => throw new NotImplementedException();
}

public sealed class QuicEndpointOptions
{
    public required ISigner Signer { get; init; }
    public required IRandomness Randomness { get; init; }
    public required IReadOnlyList<IKeyExchange> KeyExchanges { get; init; }
    /// <summary>Null: accepts nobody (a client).</summary>
    public IAdmission? Admission { get; init; }
    /// <summary>32 secret bytes, persisted: connection id MACs and stateless reset tokens derive from it.</summary>
    public required ReadOnlyMemory<byte> ResetKey { get; init; }
    public QuicTransportOptions Transport { get; init; } = new();
    /// <summary>What of the local network the candidate rules need.</summary>
    public required ILocalNetwork Network { get; init; }
}

public sealed class QuicClientOptions
{
    /// <summary>32 bytes: the host's id, which its certificate must have.</summary>
    public required ReadOnlyMemory<byte> ExpectedPeerId { get; init; }
    /// <summary>The destination connection id of the first Initial: 20 random bytes (the token is bound to it).</summary>
    public required ConnectionId InitialDestination { get; init; }
    public ReadOnlyMemory<byte> Token { get; init; }
}

public sealed class QuicTransportOptions
{
    public TimeSpan IdleTimeout { get; init; } = TimeSpan.FromSeconds(60);
    public TimeSpan KeepAlive { get; init; } = TimeSpan.FromSeconds(5);
    public string ApplicationProtocol { get; init; } = "punchline/1";
    public long MaxStreamWindow { get; init; } = 8 << 20;
    public long MaxConnectionWindow { get; init; } = 24 << 20;
    public int MaxBidirectionalStreams { get; init; } = 1024;
    public int MaxUnidirectionalStreams { get; init; } = 16;
}

/// <summary>Decides about Initial packets that belong to no connection (DESIGN section 3).</summary>
public interface IAdmission
{
    AdmissionVerdict Admit(in InitialFacts facts);
    /// <summary>A connection that was admitted with this tag has ended, or its handshake has (then established is set).</summary>
    void OnHandshakeEnded(object? tag, bool established);
    void OnConnectionEnded(object? tag);
}

public readonly ref struct InitialFacts
{
    public Instant Now { get; init; }
    public NetworkPath Path { get; init; }
    public ConnectionId Destination { get; init; }
    public ConnectionId Source { get; init; }
    public ReadOnlySpan<byte> Token { get; init; }
}

public enum AdmissionAction { Ignore, Accept, Retry, Refuse }

public readonly struct AdmissionVerdict
{
    public AdmissionAction Action { get; init; }
    /// <summary>Accept: the id that the client's certificate must have (32 bytes); empty: any.</summary>
    public ReadOnlyMemory<byte> ExpectedPeerId { get; init; }
    /// <summary>Accept: kept on the connection.</summary>
    public object? Tag { get; init; }
    /// <summary>Retry: the token to send; Accept after a Retry: empty.</summary>
    public ReadOnlyMemory<byte> RetryToken { get; init; }
    /// <summary>Accept after a Retry: the first connection id that the client chose.</summary>
    public ConnectionId? OriginalDestination { get; init; }
    /// <summary>Accept: the token proves the path (no anti-amplification limit).</summary>
    public bool AddressValidated { get; init; }
    /// <summary>Refuse: application close code and text (one rate-limited CONNECTION_CLOSE in an Initial packet).</summary>
    public ulong RefusalCode { get; init; }
    public string RefusalReason { get; init; }
}

/// <summary>What the candidate rules ask of the machine's interfaces.</summary>
public interface ILocalNetwork
{
    /// <summary>In the prefix of one of our interfaces.</summary>
    bool IsOnLink(UdpAddress address);
    /// <summary>An address (with port) of one of our own sockets.</summary>
    bool IsOwn(UdpAddress address);
    /// <summary>True in demos and tests where the server itself is reached over loopback.</summary>
    bool AllowsLoopback { get; }
}
