namespace Punchline.Quic.Tls;

/// <summary>
/// The client's half (RFC 9846 appendix A.1):
/// <code>
///   Start → ServerHello ⇄ (HelloRetryRequest) → EncryptedExtensions → CertificateRequest? → Certificate
///         → CertificateVerify → Finished → Connected
/// </code>
/// With a session that the server resumes, Finished follows EncryptedExtensions (RFC 9846 section 2.2).
/// </summary>
internal sealed class ClientHandshake(HandshakeContext context) : IHandshakeRole
{
    /// <summary>The most tickets that are kept of one connection: more than a server needs to give, and a bound on what it makes us hold.</summary>
    internal const int MaxTickets = 8;

    private enum State
    {
        Start,
        WaitServerHello,
        WaitEncryptedExtensions,
        WaitCertificateOrRequest,
        WaitCertificate,
        WaitCertificateVerify,
        WaitFinished,
        Connected,
    }

    private readonly byte[] _protocolName = context.Options.ProtocolName;
    private State _state = State.Start;
    private ushort _group;
    private IKeyShare? _share;
    private bool _certificateRequested;
    private bool _canSatisfyRequest;
    private bool _earlyDataIsOpen;
    private int _tickets;

    public string? NegotiatedProtocol { get; private set; }

    public bool IsResumed { get; private set; }

    public QuicError? Start()
    {
        if (_state != State.Start)
            throw new InvalidOperationException("The handshake has started already.");
        context.Options.Randomness.FillPublic(context.ClientRandom);
        CreateShare(context.Options.KeyExchanges[0]);
        if (context.Options.Offer is { } offer)
        {
            context.UsePreSharedKey(offer.Session.PreSharedKey);
            _earlyDataIsOpen = offer.WithEarlyData;
        }
        // RFC 9846 sections 4.2.2 and 4.3.2: first of all, and without a cookie.
        SendHello(cookie: default);
        if (_earlyDataIsOpen)
            context.EnterEarlyData();
        _state = State.WaitServerHello;
        return null;
    }

    public QuicError? OnMessage(HandshakeType type, ReadOnlySpan<byte> message, ReadOnlySpan<byte> body) => (_state, type) switch
    {
        (State.WaitServerHello, HandshakeType.ServerHello) => OnServerHello(message, body),
        (State.WaitEncryptedExtensions, HandshakeType.EncryptedExtensions) => OnEncryptedExtensions(message, body),
        (State.WaitCertificateOrRequest, HandshakeType.CertificateRequest) => OnCertificateRequest(message, body),
        (State.WaitCertificateOrRequest or State.WaitCertificate, HandshakeType.Certificate) => Then(context.OnCertificate(message, body), State.WaitCertificateVerify),
        (State.WaitCertificateVerify, HandshakeType.CertificateVerify) => Then(context.OnCertificateVerify(message, body), State.WaitFinished),
        (State.WaitFinished, HandshakeType.Finished) => OnFinished(message, body),
        (State.Connected, HandshakeType.NewSessionTicket) => OnTicket(body),
        // RFC 9001 section 4.4.
        (State.Connected, HandshakeType.CertificateRequest) =>
            QuicError.Transport(TransportErrorCode.ProtocolViolation, "a certificate request after the handshake"),
        // RFC 9001 section 6, RFC 9846 section 4.7.3: keys are updated by QUIC, never by TLS.
        (_, HandshakeType.KeyUpdate) => TlsAlert.UnexpectedMessage.Error("a TLS KeyUpdate"),
        // RFC 9846 section 4; QUIC has no EndOfEarlyData, and a server never (section 4.6).
        _ => TlsAlert.UnexpectedMessage.Error("a handshake message out of order"),
    };

    public void Dispose() => _share?.Dispose();

    private void CreateShare(IKeyExchange keyExchange)
    {
        _share?.Dispose();
        _share = keyExchange.CreateShare();
        _group = keyExchange.Group;
    }

    private void SendHello(ReadOnlySpan<byte> cookie)
    {
        OfferedSession? offer = context.Options.Offer;
        byte[] hello = ClientHello.Write(context.Options, context.ClientRandom, _group, _share!.PublicBytes, cookie, offer, _earlyDataIsOpen);
        if (offer is null)
        {
            context.Send(EncryptionLevel.Initial, hello);
            return;
        }
        // RFC 9846 section 4.3.11.2: the binder, which stands at the very end, is made of all that comes before the binders.
        Span<byte> hash = stackalloc byte[TlsCodes.HashLength];
        int before = hello.Length - OfferedKeys.OwnBindersLength;
        context.Transcript.Append(hello.AsSpan(0, before));
        context.Transcript.GetHash(hash);
        context.ComputeBinder(hash, hello.AsSpan(^TlsCodes.HashLength..));
        context.Transcript.Append(hello.AsSpan(before));
        context.SendFlight(EncryptionLevel.Initial, hello);
    }

    /// <summary>The server takes none: what was sent in 0-RTT is void (RFC 9001 section 4.6.2).</summary>
    private void RejectEarlyData()
    {
        if (!_earlyDataIsOpen)
            return;
        _earlyDataIsOpen = false;
        context.PublishEarlyDataRejected();
    }

    private QuicError? OnServerHello(ReadOnlySpan<byte> message, ReadOnlySpan<byte> body)
    {
        if (!ServerHello.TryRead(body, out var hello, out var error, offeredKey: context.Options.Offer is not null))
            return error;
        return hello.IsHelloRetryRequest ? OnHelloRetryRequest(message, hello) : OnRealServerHello(message, hello);
    }

    private QuicError? OnHelloRetryRequest(ReadOnlySpan<byte> message, ServerHello request)
    {
        if (context.UsedHelloRetryRequest)
            return TlsAlert.UnexpectedMessage.Error("a second HelloRetryRequest");
        // RFC 9846 section 4.2.4: it must change something.
        if (request.Group is null && request.Cookie.IsEmpty)
            return TlsAlert.IllegalParameter.Error("a HelloRetryRequest that asks for nothing");
        if (request.Group is { } group)
        {
            // RFC 9846 section 4.3.8: a group that we listed and sent no share for.
            var keyExchange = group == _group ? null : context.Options.KeyExchanges.FirstOrDefault(k => k.Group == group);
            if (keyExchange is null)
                return TlsAlert.IllegalParameter.Error("a HelloRetryRequest for a group that was not offered or has a share");
            CreateShare(keyExchange);
        }
        context.UsedHelloRetryRequest = true;
        RejectEarlyData(); // RFC 9846 section 4.3.10: the second hello must not offer it.
        context.Transcript.ReplaceWithMessageHash();
        context.Transcript.Append(message);
        SendHello(request.Cookie);
        return null;
    }

    private QuicError? OnRealServerHello(ReadOnlySpan<byte> message, ServerHello hello)
    {
        if (hello.Group is not { } group)
        {
            // RFC 9846 section 4.3.11: with a PSK it goes against psk_key_exchange_modes, of which we sent psk_dhe_ke alone (section 4.3.9).
            return (hello.SelectedKey is null ? TlsAlert.MissingExtension : TlsAlert.IllegalParameter).Error("a ServerHello without a key share");
        }
        // RFC 9846 section 4.3.8: the group of our one share, which after a HelloRetryRequest is the one it named.
        if (group != _group)
            return TlsAlert.IllegalParameter.Error("a key share for a group that has none of ours");
        // RFC 9846 section 4.3.11: we offered one PSK.
        if (hello.SelectedKey is > 0)
            return TlsAlert.IllegalParameter.Error("the server chose a PSK that was not offered");
        if (context.LeaveReceiveLevel(EncryptionLevel.Handshake) is { } error)
            return error;
        if (!_share!.TryFinish(hello.KeyShare, out byte[] sharedSecret))
            return TlsAlert.IllegalParameter.Error("the server's key share is not valid");

        _share.Dispose();
        _share = null;
        context.Transcript.Append(message);
        IsResumed = hello.SelectedKey is not null;
        if (context.Options.Offer is not null && !IsResumed)
            context.UsePreSharedKey(default);
        context.EnterHandshake(sharedSecret);
        _state = State.WaitEncryptedExtensions;
        return null;
    }

    private QuicError? OnEncryptedExtensions(ReadOnlySpan<byte> message, ReadOnlySpan<byte> body)
    {
        if (!EncryptedExtensions.TryRead(body, _protocolName, out var extensions, out var error, _earlyDataIsOpen))
            return error;
        // RFC 9846 section 4.3.11: 0-RTT is under the PSK that the server chose, or not at all.
        if (extensions.AcceptsEarlyData && !IsResumed)
            return TlsAlert.IllegalParameter.Error("0-RTT is taken without its PSK");
        if (!extensions.AcceptsEarlyData)
            RejectEarlyData();
        NegotiatedProtocol = context.Options.ApplicationProtocol;
        context.PublishTransportParameters(extensions.TransportParameters);
        context.Transcript.Append(message);
        _state = IsResumed ? State.WaitFinished : State.WaitCertificateOrRequest;
        return null;
    }

    private QuicError? OnCertificateRequest(ReadOnlySpan<byte> message, ReadOnlySpan<byte> body)
    {
        if (CertificateRequest.Read(body, out _canSatisfyRequest) is { } error)
            return error;
        _certificateRequested = true;
        context.Transcript.Append(message);
        _state = State.WaitCertificate;
        return null;
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
        if (IsResumed)
            context.Peer.OnResumed(context.Options.Offer!.Session.PeerId);
        // The application secrets cover the handshake to the server's Finished, so they are made before our own messages.
        context.EnterApplication();

        // RFC 9846 sections 2 and 4.5.1: a Certificate if one was asked for, and Finished in any case, before any data. No
        // EndOfEarlyData comes before them (RFC 9001 section 8.3).
        var flight = new TlsWriter();
        if (_certificateRequested && _canSatisfyRequest && context.Options.Signer is { } signer)
        {
            context.WriteCertificate(flight, signer);
        }
        else if (_certificateRequested)
        {
            CertificateMessage.Write(flight, default);
            context.Transcript.Append(flight.Written);
        }
        context.WriteFinished(flight);
        context.SendFlight(EncryptionLevel.Handshake, flight.ToArray());
        context.EnterResumption();
        context.PublishApplicationSecrets();
        context.PublishComplete();
        _state = State.Connected;
        return null;
    }

    private QuicError? OnTicket(ReadOnlySpan<byte> body)
    {
        if (!NewSessionTicket.TryRead(body, out var ticket, out var error))
            return error;
        // RFC 9846 section 4.7.1: a lifetime of zero says that it is to be discarded.
        if (ticket.LifetimeSeconds == 0 || ticket.Ticket.Length > ResumableSession.MaxTicket || _tickets == MaxTickets)
            return null;
        _tickets++;
        context.PublishTicket(new ResumableSession
        {
            Lifetime = TimeSpan.FromSeconds(ticket.LifetimeSeconds),
            AgeAdd = ticket.AgeAdd,
            AllowsEarlyData = ticket.AllowsEarlyData,
            PreSharedKey = context.TicketKey(ticket.Nonce),
            PeerId = context.Peer.PeerId.ToArray(),
            ApplicationProtocol = context.Options.ApplicationProtocol,
            Ticket = ticket.Ticket.ToArray(),
        });
        return null;
    }
}
