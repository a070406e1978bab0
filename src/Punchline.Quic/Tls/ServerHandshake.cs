using System.Security.Cryptography;

namespace Punchline.Quic.Tls;

/// <summary>
/// The server's half (RFC 9846 appendix A.2):
/// <code>
///   ClientHello → (HelloRetryRequest → ClientHello)? → our flight → Certificate, CertificateVerify if asked for
///               → Finished → Connected
/// </code>
/// A session that is resumed needs no certificates: whoever has the ticket's key was verified by the connection that gave it.
/// </summary>
internal sealed class ServerHandshake(HandshakeContext context) : IHandshakeRole
{
    private enum State
    {
        WaitClientHello,
        WaitSecondClientHello,
        WaitCertificate,
        WaitCertificateVerify,
        WaitFinished,
        Connected,
    }

    private readonly byte[] _protocolName = context.Options.ProtocolName;
    private State _state = State.WaitClientHello;
    private ushort _requestedGroup;
    private byte[] _firstHelloInvariants = [];
    private SealedSession? _resumed;
    private bool _takesTickets;

    public string? NegotiatedProtocol { get; private set; }

    public bool IsResumed => _resumed is not null;

    public QuicError? Start() => throw new InvalidOperationException("A server waits for the client.");

    public QuicError? OnMessage(HandshakeType type, ReadOnlySpan<byte> message, ReadOnlySpan<byte> body) => (_state, type) switch
    {
        (State.WaitClientHello or State.WaitSecondClientHello, HandshakeType.ClientHello) => OnClientHello(message, body),
        (State.WaitCertificate, HandshakeType.Certificate) => Then(context.OnCertificate(message, body), State.WaitCertificateVerify),
        (State.WaitCertificateVerify, HandshakeType.CertificateVerify) => Then(context.OnCertificateVerify(message, body), State.WaitFinished),
        (State.WaitFinished, HandshakeType.Finished) => OnFinished(message, body),
        // RFC 9001 section 6, RFC 9846 section 4.7.3: keys are updated by QUIC, never by TLS.
        (_, HandshakeType.KeyUpdate) => TlsAlert.UnexpectedMessage.Error("a TLS KeyUpdate"),
        // A client has nothing to say after its Finished: we never ask for post-handshake authentication (RFC 9001 section 4.4,
        // RFC 9846 section 4.3.6). All else is out of order (section 4).
        _ => TlsAlert.UnexpectedMessage.Error("a handshake message out of order"),
    };

    public void Dispose() { }

    private QuicError? OnClientHello(ReadOnlySpan<byte> message, ReadOnlySpan<byte> body)
    {
        if (!ClientHello.TryRead(body, out var hello, out var error))
            return error;
        // Every check that costs nothing comes before the first public-key operation.
        error = Negotiate(hello) ?? (_state == State.WaitSecondClientHello ? CheckSecondHello(hello, body) : null);
        if (error is not null)
            return error;
        error = ChooseKeyExchange(hello, out var keyExchange, out var clientShare, out bool retry);
        if (error is not null)
            return error;
        return retry ? SendRetry(keyExchange!.Group, message, body) : Accept(hello, message, keyExchange!, clientShare);
    }

    /// <summary>
    /// The choices in which we have no choice (RFC 9846 sections 4.2.1 and 4.5.1.2). Whatever else is offered is no obstacle (RFC 9001
    /// section 5.3).
    /// </summary>
    private QuicError? Negotiate(in ClientHello hello)
    {
        if (!ClientHello.ContainsCode(hello.CipherSuites, TlsCodes.Aes128GcmSha256))
            return TlsAlert.HandshakeFailure.Error("the client does not offer TLS_AES_128_GCM_SHA256");
        if (!ClientHello.ContainsCode(hello.SignatureAlgorithms, TlsCodes.EcdsaSecp256r1Sha256))
            return TlsAlert.HandshakeFailure.Error("the client does not take ecdsa_secp256r1_sha256");
        if (hello.FindProtocol(_protocolName, out bool found) is { } error)
            return error;
        // RFC 9001 section 8.1: no ALPN at all is the same failure.
        return found ? null : TlsAlert.NoApplicationProtocol.Error("the client does not offer our application protocol");
    }

    /// <summary>The group: our first of which there is a share, else our first that is listed (RFC 9846 sections 2.1, 4.2.1 and 4.3.8).</summary>
    private QuicError? ChooseKeyExchange(
        in ClientHello hello, out IKeyExchange? keyExchange, out ReadOnlySpan<byte> clientShare, out bool retry)
    {
        keyExchange = null;
        clientShare = default;
        retry = false;
        IKeyExchange? listed = null;
        foreach (var candidate in context.Options.KeyExchanges)
        {
            if (hello.FindKeyShare(candidate.Group, out var share) is { } error)
                return error;
            if (!share.IsEmpty && keyExchange is null)
            {
                keyExchange = candidate;
                clientShare = share;
            }
            if (ClientHello.ContainsCode(hello.SupportedGroups, candidate.Group))
                listed ??= candidate;
        }
        if (keyExchange is not null)
            return null;
        retry = true;
        keyExchange = listed;
        return listed is null ? TlsAlert.HandshakeFailure.Error("no key exchange group in common") : null;
    }

    /// <summary>RFC 9846 sections 4.2.2 and 4.3.10: what a client may change after a HelloRetryRequest, and what it must.</summary>
    private QuicError? CheckSecondHello(in ClientHello hello, ReadOnlySpan<byte> body)
    {
        Span<byte> invariants = stackalloc byte[TlsCodes.HashLength];
        ClientHello.HashInvariants(body, invariants);
        if (!invariants.SequenceEqual(_firstHelloInvariants) || hello.HasEarlyData)
            return TlsAlert.IllegalParameter.Error("the second ClientHello differs from the first");
        if (hello.FindKeyShare(_requestedGroup, out var share) is { } error)
            return error;
        return share.IsEmpty || !hello.HasSingleKeyShare
            ? TlsAlert.IllegalParameter.Error("the second ClientHello has not the one key share that was asked for")
            : null;
    }

    private QuicError? SendRetry(ushort group, ReadOnlySpan<byte> message, ReadOnlySpan<byte> body)
    {
        _firstHelloInvariants = new byte[TlsCodes.HashLength];
        ClientHello.HashInvariants(body, _firstHelloInvariants);
        _requestedGroup = group;
        context.UsedHelloRetryRequest = true;
        context.Transcript.Append(message);
        context.Transcript.ReplaceWithMessageHash();
        context.Send(EncryptionLevel.Initial, ServerHello.WriteRetry(group));
        _state = State.WaitSecondClientHello;
        return null;
    }

    /// <summary>Our flight, in the order of RFC 9846 sections 2, 4.2.3, 4.4 and 4.5.</summary>
    private QuicError? Accept(
        in ClientHello hello, ReadOnlySpan<byte> message, IKeyExchange keyExchange, ReadOnlySpan<byte> clientShare)
    {
        if (context.LeaveReceiveLevel(EncryptionLevel.Handshake) is { } error)
            return error;
        if (!keyExchange.TryRespond(clientShare, out byte[] serverShare, out byte[] sharedSecret))
            return TlsAlert.IllegalParameter.Error("the client's key share is not valid");

        hello.Random.CopyTo(context.ClientRandom);
        _takesTickets = hello.TakesPskWithDiffieHellman;
        if (TryResume(hello, message) is { } mismatch)
        {
            CryptographicOperations.ZeroMemory(sharedSecret);
            return mismatch;
        }
        context.PublishTransportParameters(hello.TransportParameters);
        // RFC 9846 section 4.3.10. Suite, version and protocol are those of the ticket: there is one of each. Where it is rejected
        // there are no keys, so none of its packets is processed (RFC 9001 section 4.6.2).
        bool takesEarlyData = hello.HasEarlyData && !context.UsedHelloRetryRequest
            && _resumed is not null && context.Options.Tickets!.TakesEarlyData(_resumed, hello.OfferedKeys.ObfuscatedAge);
        if (takesEarlyData)
            context.EnterEarlyData();
        NegotiatedProtocol = context.Options.ApplicationProtocol;

        Span<byte> random = stackalloc byte[TlsCodes.RandomLength];
        context.Options.Randomness.FillPublic(random);
        context.Send(EncryptionLevel.Initial, ServerHello.Write(random, keyExchange.Group, serverShare, resumes: _resumed is not null));
        context.EnterHandshake(sharedSecret);

        var flight = new TlsWriter();
        bool asks = _resumed is null && context.Options.AsksForClientCertificate;
        EncryptedExtensions.Write(flight, _protocolName, context.Options.TransportParameters.Span, takesEarlyData);
        if (asks)
            CertificateRequest.Write(flight);
        context.Transcript.Append(flight.Written);
        if (_resumed is null)
            context.WriteCertificate(flight, context.Options.Signer!);
        context.WriteFinished(flight);
        context.SendFlight(EncryptionLevel.Handshake, flight.ToArray());

        context.EnterApplication();
        context.PublishApplicationSecrets();
        _state = asks ? State.WaitCertificate : State.WaitFinished;
        return null;
    }

    /// <summary>
    /// Adds the ClientHello to the transcript, and resumes the session that it offers if there is one and its binder is right. A ticket
    /// that is of no use is ignored (RFC 9846 section 4.3.11), as is one of a client that does not list our mode (sections 4.2.1 and
    /// 4.3.9): then the handshake is a full one.
    /// </summary>
    /// <returns>The error of a binder that is not right, else null.</returns>
    private QuicError? TryResume(in ClientHello hello, ReadOnlySpan<byte> message)
    {
        SealedSession? session = null;
        bool found = hello.HasPreSharedKey && hello.TakesPskWithDiffieHellman
            && context.Options.Tickets is { } desk && desk.TryOpen(hello.OfferedKeys.Identity, out session);
        if (!found)
        {
            context.Transcript.Append(message);
            return null;
        }
        Span<byte> hash = stackalloc byte[TlsCodes.HashLength];
        Span<byte> binder = stackalloc byte[TlsCodes.HashLength];
        context.Transcript.AppendWithBinders(message, hello.OfferedKeys.BindersLength, hash);
        context.UsePreSharedKey(session!.PreSharedKey);
        context.ComputeBinder(hash, binder);
        // The key schedule has it now. The connection may last for days, and whoever found it later could read what came in 0-RTT.
        CryptographicOperations.ZeroMemory(session.PreSharedKey);
        // RFC 9846 section 4.3.11: before anything else, and the end if it does not fit.
        if (!CryptographicOperations.FixedTimeEquals(binder, hello.OfferedKeys.Binder))
            return TlsAlert.DecryptError.Error("the binder does not fit the ticket");
        // Section 8.2: what is remembered of it is a part of the hello that is proved by now.
        if (context.Options.Tickets!.TrySpend(session))
        {
            _resumed = session;
            context.Peer.OnResumed(session.PeerId);
        }
        else
        {
            context.UsePreSharedKey(default);
        }
        return null;
    }

    /// <summary>
    /// Gives the client tickets for later, if it can use them (RFC 9846 sections 4.3.9 and 4.7.1): in each connection new ones (appendix C.4).
    /// </summary>
    private void SendTickets()
    {
        if (!_takesTickets || context.Options.Tickets is not { } desk)
            return;
        context.EnterResumption();
        var flight = new TlsWriter();
        for (byte i = 0; i < desk.TicketsPerConnection; i++)
        {
            byte[] key = context.TicketKey([i]);
            if (desk.TryIssue(key, context.Peer.PeerId.Span, _resumed, out IssuedTicket issued))
                NewSessionTicket.Write(flight, issued, [i], desk.OffersEarlyData);
            CryptographicOperations.ZeroMemory(key);
        }
        if (!flight.Written.IsEmpty)
            context.SendFlight(EncryptionLevel.Application, flight.ToArray());
    }

    private QuicError? Then(QuicError? error, State next)
    {
        if (error is null)
            _state = next;
        return error;
    }

    private QuicError? OnFinished(ReadOnlySpan<byte> message, ReadOnlySpan<byte> body)
    {
        if ((context.CheckFinished(body) ?? context.LeaveReceiveLevel(EncryptionLevel.Application)) is { } error)
            return error;
        context.Transcript.Append(message);
        context.PublishComplete();
        SendTickets();
        _state = State.Connected;
        return null;
    }
}
