namespace Punchline.Quic.Tls;

/// <summary>
/// TLS 1.3 for one QUIC connection (RFC 9846, RFC 9001 sections 4 and 8), without I/O. The calling contract:
/// a client calls <see cref="Start"/> once; each side gives the bytes of CRYPTO frames, in order and level by level, to
/// <see cref="Receive"/>, and after each call takes events until there is none. The first error is final (RFC 9846 section 6): it closes the connection,
/// and every later call returns it again. Bytes for a level that has no keys yet stay with the caller (RFC 9001 section 4.1.3).
/// </summary>
internal sealed class TlsSession : IDisposable
{
    private readonly HandshakeContext _context;
    private readonly IHandshakeRole _role;
    private readonly MessageAssembler _assembler = new();
    private QuicError? _error;

    /// <exception cref="InvalidOperationException">The options contradict themselves.</exception>
    public TlsSession(TlsOptions options)
    {
        options.Validate();
        _context = new HandshakeContext(options);
        _role = options.IsClient ? new ClientHandshake(_context) : new ServerHandshake(_context);
    }

    /// <summary>True once the peer's Finished is verified and ours is sent.</summary>
    public bool IsComplete => _context.IsComplete;

    /// <summary>
    /// The SHA-256 of the peer's public key; empty until CertificateVerify proved it, and for a client that was not asked.
    /// </summary>
    public ReadOnlyMemory<byte> PeerId => _context.Peer.PeerId;

    /// <summary>The agreed ALPN name; null before it is agreed.</summary>
    public string? NegotiatedProtocol => _role.NegotiatedProtocol;

    /// <summary>True if the server asked for another key share.</summary>
    public bool UsedHelloRetryRequest => _context.UsedHelloRetryRequest;

    /// <summary>True if this connection resumes a session; decided with the server's hello.</summary>
    public bool IsResumed => _role.IsResumed;

    /// <summary>The level at which <see cref="Receive"/> takes bytes now.</summary>
    public EncryptionLevel ReceiveLevel => _context.ReceiveLevel;

    /// <summary>A client begins: queues its ClientHello.</summary>
    public QuicError? Start() => _error ??= _role.Start();

    /// <summary>Takes handshake bytes.</summary>
    /// <param name="level">The level of the packets that carried them.</param>
    /// <param name="data">The next bytes of that level's CRYPTO stream, cut anywhere.</param>
    /// <returns>Null, or the error that ends the connection.</returns>
    public QuicError? Receive(EncryptionLevel level, ReadOnlySpan<byte> data)
    {
        if (_error is not null || data.IsEmpty)
            return _error;
        if (level != _context.ReceiveLevel)
            return _error = QuicError.Transport(TransportErrorCode.ProtocolViolation, "handshake bytes at a wrong encryption level");

        bool isTooLong;
        while (_assembler.TryFill(ref data, out isTooLong))
        {
            _context.HasBytesAfterMessage = !data.IsEmpty;
            _error = _role.OnMessage(_assembler.Type, _assembler.Message, _assembler.Body);
            if (_error is not null)
                return _error;
            _assembler.Reset();
        }
        // RFC 9000 section 7.5: more CRYPTO data than we are willing to buffer.
        if (isTooLong)
            _error = QuicError.Transport(TransportErrorCode.CryptoBufferExceeded, "a handshake message that is too long");
        return _error;
    }

    /// <summary>Takes the next event, in the order in which they are to be acted upon.</summary>
    public bool TryTakeEvent(out TlsEvent tlsEvent) => _context.TryTakeEvent(out tlsEvent);

    /// <summary>The handshake is complete and its events are acted upon: overwrites the secrets of keys, those in events included.</summary>
    public void ForgetSecrets()
    {
        if (!IsComplete)
            throw new InvalidOperationException("The handshake still needs its secrets.");
        _context.ForgetSecrets();
    }

    /// <summary>Overwrites every secret, those in events included.</summary>
    public void Dispose()
    {
        _role.Dispose();
        _context.Dispose();
    }
}
