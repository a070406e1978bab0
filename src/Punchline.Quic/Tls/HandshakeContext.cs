using System.Security.Cryptography;

namespace Punchline.Quic.Tls;

/// <summary>What both roles share while they shake hands: transcript, key schedule, secrets, the receiving level and the events.</summary>
internal sealed class HandshakeContext(TlsOptions options) : IDisposable
{
    private readonly Queue<TlsEvent> _events = new();
    private readonly byte[] _resumptionSecret = new byte[TlsCodes.HashLength];
    private KeySchedule _keySchedule = new(default);
    private TrafficSecrets? _earlySecrets;
    private TrafficSecrets? _handshakeSecrets;
    private TrafficSecrets? _applicationSecrets;

    public TlsOptions Options { get; } = options;

    public Transcript Transcript { get; } = new();

    public PeerAuthentication Peer { get; } = new(options);

    /// <summary>The level at which handshake bytes are read now.</summary>
    public EncryptionLevel ReceiveLevel { get; private set; } = EncryptionLevel.Initial;

    /// <summary>Set by the session for each message: true if bytes of the same level follow it.</summary>
    public bool HasBytesAfterMessage { get; set; }

    public byte[] ClientRandom { get; } = new byte[TlsCodes.RandomLength];

    public bool IsComplete { get; private set; }

    public bool UsedHelloRetryRequest { get; set; }

    public bool TryTakeEvent(out TlsEvent tlsEvent) => _events.TryDequeue(out tlsEvent);

    /// <summary>Queues bytes to send and adds them to the transcript.</summary>
    public void Send(EncryptionLevel level, byte[] message)
    {
        Transcript.Append(message);
        _events.Enqueue(new TlsEvent { Kind = TlsEventKind.Send, Level = level, Bytes = message });
    }

    /// <summary>Queues a flight whose messages stand in the transcript already.</summary>
    public void SendFlight(EncryptionLevel level, byte[] flight) =>
        _events.Enqueue(new TlsEvent { Kind = TlsEventKind.Send, Level = level, Bytes = flight });

    public void PublishTransportParameters(ReadOnlySpan<byte> parameters) =>
        _events.Enqueue(new TlsEvent { Kind = TlsEventKind.PeerTransportParameters, Bytes = parameters.ToArray() });

    public void PublishComplete()
    {
        IsComplete = true;
        _events.Enqueue(new TlsEvent { Kind = TlsEventKind.Complete });
    }

    public void PublishEarlyDataRejected() => _events.Enqueue(new TlsEvent { Kind = TlsEventKind.EarlyDataRejected });

    public void PublishTicket(ResumableSession session) => _events.Enqueue(new TlsEvent { Kind = TlsEventKind.Ticket, Session = session });

    /// <summary>Begins the key schedule anew: with the PSK of a session, or without one. Only before the handshake secrets.</summary>
    public void UsePreSharedKey(ReadOnlySpan<byte> preSharedKey)
    {
        _keySchedule.Dispose();
        _keySchedule = new KeySchedule(preSharedKey);
    }

    /// <summary>The binder under the PSK in use.</summary>
    /// <param name="transcriptHash">Up to the ClientHello without its binders.</param>
    /// <param name="binder">32 bytes to fill.</param>
    public void ComputeBinder(ReadOnlySpan<byte> transcriptHash, Span<byte> binder) => _keySchedule.ComputeBinder(transcriptHash, binder);

    /// <summary>Makes and publishes the secret of 0-RTT packets; the transcript must end with the one ClientHello.</summary>
    public void EnterEarlyData()
    {
        Span<byte> hash = stackalloc byte[TlsCodes.HashLength];
        Transcript.GetHash(hash);
        _earlySecrets = new TrafficSecrets();
        _keySchedule.DeriveEarlyTraffic(hash, _earlySecrets.Client);
        Options.KeyLog?.Invoke("CLIENT_EARLY_TRAFFIC_SECRET", ClientRandom, _earlySecrets.Client);
        _events.Enqueue(new TlsEvent { Kind = TlsEventKind.Secrets, Level = EncryptionLevel.ZeroRtt, ClientSecret = _earlySecrets.Client });
    }

    /// <summary>Makes the secret of later tickets; the transcript must end with the client's Finished.</summary>
    public void EnterResumption()
    {
        Span<byte> hash = stackalloc byte[TlsCodes.HashLength];
        Transcript.GetHash(hash);
        _keySchedule.DeriveResumption(hash, _resumptionSecret);
    }

    /// <summary>The PSK of a ticket of this connection, 32 bytes.</summary>
    public byte[] TicketKey(ReadOnlySpan<byte> nonce) => KeySchedule.TicketKey(_resumptionSecret, nonce);

    /// <summary>
    /// Called before the last message of a level takes effect. RFC 9001 section 4.1.3: bytes of the old level that follow it
    /// are a PROTOCOL_VIOLATION (RFC 9846 section 5.1 has it of records).
    /// </summary>
    public QuicError? LeaveReceiveLevel(EncryptionLevel next)
    {
        if (HasBytesAfterMessage)
            return QuicError.Transport(TransportErrorCode.ProtocolViolation, "handshake bytes of an earlier level follow a key change");
        ReceiveLevel = next;
        return null;
    }

    /// <summary>Makes and publishes the handshake secrets; the transcript must end with ServerHello.</summary>
    /// <param name="sharedSecret">Overwritten here.</param>
    public void EnterHandshake(Span<byte> sharedSecret)
    {
        Span<byte> hash = stackalloc byte[TlsCodes.HashLength];
        Transcript.GetHash(hash);
        _handshakeSecrets = _keySchedule.EnterHandshake(sharedSecret, hash);
        CryptographicOperations.ZeroMemory(sharedSecret);
        Publish(EncryptionLevel.Handshake, _handshakeSecrets, "CLIENT_HANDSHAKE_TRAFFIC_SECRET", "SERVER_HANDSHAKE_TRAFFIC_SECRET");
    }

    /// <summary>Makes the application secrets; the transcript must end with the server's Finished.</summary>
    public void EnterApplication()
    {
        Span<byte> hash = stackalloc byte[TlsCodes.HashLength];
        Transcript.GetHash(hash);
        _applicationSecrets = _keySchedule.EnterApplication(hash);
    }

    public void PublishApplicationSecrets() =>
        Publish(EncryptionLevel.Application, _applicationSecrets!, "CLIENT_TRAFFIC_SECRET_0", "SERVER_TRAFFIC_SECRET_0");

    /// <summary>
    /// Overwrites the secrets of which keys have been made (RFC 9846 sections 7.1 and 7.2): nobody needs them any more, and who
    /// finds the first one later could follow all key updates. A server has made its tickets by now; to a client more may come, so it
    /// keeps the secret of their keys.
    /// </summary>
    public void ForgetSecrets()
    {
        _keySchedule.Dispose();
        _earlySecrets?.Dispose();
        _handshakeSecrets?.Dispose();
        _applicationSecrets?.Dispose();
        if (!Options.IsClient)
            CryptographicOperations.ZeroMemory(_resumptionSecret);
    }

    /// <summary>Writes our Certificate and CertificateVerify after what the writer holds, and adds them to the transcript.</summary>
    public void WriteCertificate(TlsWriter writer, ISigner signer)
    {
        int start = writer.Written.Length;
        CertificateMessage.Write(writer, signer.Certificate.Span);
        Transcript.Append(writer.Written[start..]);

        start = writer.Written.Length;
        Span<byte> hash = stackalloc byte[TlsCodes.HashLength];
        Transcript.GetHash(hash);
        CertificateVerify.Write(writer, signer.Sign(CertificateVerify.ContentToSign(Options.IsClient, hash)));
        Transcript.Append(writer.Written[start..]);
    }

    /// <summary>The peer's Certificate (RFC 9846 section 4.5.1).</summary>
    public QuicError? OnCertificate(ReadOnlySpan<byte> message, ReadOnlySpan<byte> body)
    {
        if (Peer.OnCertificate(body) is { } error)
            return error;
        Transcript.Append(message);
        return null;
    }

    /// <summary>The peer's CertificateVerify, over the transcript before it (RFC 9846 section 4.5.2).</summary>
    public QuicError? OnCertificateVerify(ReadOnlySpan<byte> message, ReadOnlySpan<byte> body)
    {
        Span<byte> hash = stackalloc byte[TlsCodes.HashLength];
        Transcript.GetHash(hash);
        if (Peer.OnCertificateVerify(body, hash) is { } error)
            return error;
        Transcript.Append(message);
        return null;
    }

    /// <summary>Writes our Finished after what the writer holds, and adds it to the transcript.</summary>
    public void WriteFinished(TlsWriter writer)
    {
        Span<byte> verifyData = stackalloc byte[TlsCodes.HashLength];
        ComputeFinished(Options.IsClient, verifyData);
        int start = writer.Written.Length;
        using (writer.Message(HandshakeType.Finished))
            writer.Bytes(verifyData);
        Transcript.Append(writer.Written[start..]);
    }

    /// <summary>Checks the peer's Finished against the transcript before it (RFC 9846 section 4.5.3).</summary>
    public QuicError? CheckFinished(ReadOnlySpan<byte> body)
    {
        if (body.Length != TlsCodes.HashLength)
            return TlsAlert.DecodeError.Error("a Finished of a wrong length");
        Span<byte> expected = stackalloc byte[TlsCodes.HashLength];
        ComputeFinished(!Options.IsClient, expected);
        return CryptographicOperations.FixedTimeEquals(expected, body)
            ? null
            : TlsAlert.DecryptError.Error("the peer's Finished does not fit the handshake");
    }

    public void Dispose()
    {
        Transcript.Dispose();
        ForgetSecrets();
        CryptographicOperations.ZeroMemory(_resumptionSecret);
    }

    private void ComputeFinished(bool ofClient, Span<byte> verifyData)
    {
        Span<byte> hash = stackalloc byte[TlsCodes.HashLength];
        Transcript.GetHash(hash);
        KeySchedule.ComputeFinished(ofClient ? _handshakeSecrets!.Client : _handshakeSecrets!.Server, hash, verifyData);
    }

    private void Publish(EncryptionLevel level, TrafficSecrets secrets, string clientLabel, string serverLabel)
    {
        Options.KeyLog?.Invoke(clientLabel, ClientRandom, secrets.Client);
        Options.KeyLog?.Invoke(serverLabel, ClientRandom, secrets.Server);
        _events.Enqueue(new TlsEvent
        {
            Kind = TlsEventKind.Secrets,
            Level = level,
            ClientSecret = secrets.Client,
            ServerSecret = secrets.Server,
        });
    }
}
