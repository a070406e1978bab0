using Punchline.Quic.Crypto;
using Punchline.Quic.Paths;
using Punchline.Quic.Streams;
using Punchline.Quic.Tls;
using Punchline.Quic.Wire;

namespace Punchline.Quic;

/// <content>The handshake: TLS in CRYPTO frames, keys that come and go, transport parameters (RFC 9001 section 4, RFC 9000 section 7).</content>
public sealed partial class QuicConnection
{
    private readonly ConnectionId _firstLocalId;
    private TlsSession _tls = null!;
    private OneRttKeys? _oneRtt;
    private TransportParameters? _peer;
    private ConnectionId _originalDestination;
    private ConnectionId _handshakeDestination;
    private ConnectionId? _retrySource;
    private ReadOnlyMemory<byte> _initialToken;
    private bool _peerIdKnown;
    private bool _isConfirmed;
    private bool _owesHandshakeDone;

    /// <summary>A client's connection. Its token is for this server: the caller's matter (RFC 9000 section 8.1.3).</summary>
    internal static QuicConnection CreateClient(
        ConnectionContext context, QuicClientOptions client, NetworkPath path, Instant now)
    {
        QuicEndpointOptions options = context.Options;
        ArgumentOutOfRangeException.ThrowIfLessThan(client.InitialDestination.Length, 8, nameof(client)); // RFC 9000 section 7.2
        var connection = new QuicConnection(context, isClient: true, path, now)
        {
            _originalDestination = client.InitialDestination,
            _initialToken = client.Token,
        };
        connection.TraceState("started");
        connection.SetDestination(client.InitialDestination);
        connection.InstallInitialKeys(client.InitialDestination);
        connection._tls = new TlsSession(new TlsOptions
        {
            IsClient = true,
            Randomness = options.Randomness,
            KeyExchanges = options.KeyExchanges,
            Signer = options.Signer,
            ApplicationProtocol = options.Transport.ApplicationProtocol,
            TransportParameters = connection.WriteLocalParameters(),
            KeyLog = options.KeyLog,
            ExpectedPeerId = client.ExpectedPeerId,
            Offer = connection.OfferOf(client),
        });
        if (connection._tls.Start() is { } error)
            connection.CloseWith(error);
        connection.PumpTls();
        return connection;
    }

    internal static QuicConnection CreateServer(
        ConnectionContext context, in InitialFacts facts, in AdmissionVerdict verdict)
    {
        QuicEndpointOptions options = context.Options;
        var connection = new QuicConnection(context, isClient: false, facts.Path, facts.Now)
        {
            FirstDestination = facts.Destination,
            _originalDestination = verdict.OriginalDestination ?? facts.Destination,
            _retrySource = verdict.OriginalDestination is null ? null : facts.Destination,
            AdmissionTag = verdict.Tag,
        };
        connection.TraceState("started");
        if (verdict.AddressValidated)
            connection.OnFirstAddressValidated();
        connection.SetDestination(facts.Source);
        connection._peerIdKnown = true;
        connection.InstallInitialKeys(facts.Destination);
        connection._tls = new TlsSession(new TlsOptions
        {
            IsClient = false,
            Randomness = options.Randomness,
            KeyExchanges = options.KeyExchanges,
            Signer = options.Signer,
            ApplicationProtocol = options.Transport.ApplicationProtocol,
            TransportParameters = connection.WriteLocalParameters(),
            KeyLog = options.KeyLog,
            ExpectedPeerId = verdict.ExpectedPeerId,
            RequireClientCertificate = options.Transport.RequireClientCertificate,
            Tickets = options.Transport.TicketsPerConnection > 0
                ? new TicketDesk(connection, context.Tickets, verdict.ExpectedPeerId, verdict.TicketBinding)
                : null,
        });
        return connection;
    }

    /// <summary>On a server, the destination of the Initial packet that was admitted: the client's first packets lead here.</summary>
    internal ConnectionId FirstDestination { get; private init; }

    private bool PunchAgreed => _options.Transport.Punch && _peer is { PunchCandidateLimit: > 0 };

    private void SetDestination(in ConnectionId id)
    {
        _handshakeDestination = id;
        _peerIds.SetFirst(id, _paths.First);
    }

    private void InstallInitialKeys(in ConnectionId destination)
    {
        Span<byte> client = stackalloc byte[32];
        Span<byte> server = stackalloc byte[32];
        QuicKeyDerivation.InitialSecrets(destination, client, server);
        Space(PacketNumberSpace.Initial).Install(
            read: LevelKeys.FromSecret(IsClient ? server : client), write: LevelKeys.FromSecret(IsClient ? client : server));
    }

    private byte[] WriteLocalParameters()
    {
        byte[] parameters = LocalParameters().Write();
        TraceParameters("local", parameters);
        return parameters;
    }

    private void TraceParameters(string whose, ReadOnlySpan<byte> bytes) => _options.Trace?.Record(
        this, new TraceEvent(TraceKind.Parameters, _now, IsClient, PacketNumberSpace.Initial, 0, 0, null, whose), bytes);

    /// <summary>
    /// Our own, the same for each connection but for ids and token: a ticket of an earlier one finds no smaller limit (RFC 9000 section
    /// 7.4.1, RFC 9221 section 3).
    /// </summary>
    private TransportParameters LocalParameters()
    {
        Span<byte> token = stackalloc byte[ConnectionIdFactory.ResetTokenLength];
        _ids.WriteResetToken(_firstLocalId, token);
        QuicTransportOptions transport = _options.Transport;
        return new TransportParameters
        {
            InitialSourceConnectionId = _firstLocalId,
            OriginalDestinationConnectionId = IsClient ? null : _originalDestination,
            RetrySourceConnectionId = IsClient ? null : _retrySource,
            StatelessResetToken = IsClient ? null : token.ToArray(),
            MaxIdleTimeoutMilliseconds = (ulong)transport.IdleTimeout.TotalMilliseconds,
            MaxUdpPayloadSize = MaxUdpPayload,
            InitialMaxData = (ulong)_limits.InitialMaxData,
            InitialMaxStreamDataBidiLocal = (ulong)_limits.InitialMaxStreamDataBidiLocal,
            InitialMaxStreamDataBidiRemote = (ulong)_limits.InitialMaxStreamDataBidiRemote,
            InitialMaxStreamDataUni = (ulong)_limits.InitialMaxStreamDataUni,
            InitialMaxStreamsBidi = (ulong)transport.MaxBidirectionalStreams,
            InitialMaxStreamsUni = (ulong)transport.MaxUnidirectionalStreams,
            MaxAckDelayMilliseconds = (ulong)MaxAckDelay.TotalMilliseconds,
            ActiveConnectionIdLimit = LocalConnectionIds.MaxActive,
            MaxDatagramFrameSize = MaxUdpPayload,
            PunchCandidateLimit = transport.Punch ? CandidateRules.MaxLive : 0,
        };
    }

    /// <summary>Takes CRYPTO bytes to TLS, and what TLS wants to where it belongs.</summary>
    private QuicError? ReadCrypto(PacketSpace space)
    {
        while (true)
        {
            ReadOnlySpan<byte> data = space.CryptoIn.Peek();
            if (data.IsEmpty)
            {
                // RFC 9001 section 4.1.3: nothing may be left, or come, at a level that TLS is done with, not even behind a gap.
                return space.CryptoIn.HasGap && space.Level != _tls.ReceiveLevel
                    ? QuicError.Transport(TransportErrorCode.ProtocolViolation, "handshake data of a level that is done", FrameTypes.Crypto)
                    : null;
            }
            if (_tls.Receive(space.Level, data) is { } error)
                return error;
            space.CryptoIn.Advance(data.Length);
            if (PumpTls() is { } consequence)
                return consequence;
        }
    }

    private QuicError? PumpTls()
    {
        while (_tls.TryTakeEvent(out TlsEvent tls))
        {
            QuicError? error = null;
            switch (tls.Kind)
            {
                case TlsEventKind.Send:
                    SpaceOf(tls.Level).CryptoOut.Append(tls.Bytes.Span);
                    break;
                case TlsEventKind.Secrets:
                    InstallSecrets(tls);
                    break;
                case TlsEventKind.PeerTransportParameters:
                    error = ApplyPeerParameters(tls.Bytes.Span);
                    break;
                case TlsEventKind.EarlyDataRejected:
                    OnEarlyDataRejected();
                    break;
                case TlsEventKind.Ticket:
                    OnTicket(tls.Session!);
                    break;
                case TlsEventKind.Complete:
                    OnHandshakeComplete();
                    break;
            }
            if (error is not null)
                return error;
        }
        return null;
    }

    private PacketSpace SpaceOf(EncryptionLevel level) => Space(level switch
    {
        EncryptionLevel.Initial => PacketNumberSpace.Initial,
        EncryptionLevel.Handshake => PacketNumberSpace.Handshake,
        _ => PacketNumberSpace.Application,
    });

    private void InstallSecrets(in TlsEvent tls)
    {
        ReadOnlySpan<byte> read = (IsClient ? tls.ServerSecret : tls.ClientSecret).Span;
        ReadOnlySpan<byte> write = (IsClient ? tls.ClientSecret : tls.ServerSecret).Span;
        if (tls.Level == EncryptionLevel.Handshake)
        {
            Space(PacketNumberSpace.Handshake).Install(LevelKeys.FromSecret(read), LevelKeys.FromSecret(write));
            _loss.HasHandshakeKeys = true;
        }
        else if (tls.Level == EncryptionLevel.ZeroRtt)
        {
            InstallEarlyKeys(tls.ClientSecret.Span);
        }
        else
        {
            // RFC 9001 section 5.7: a client has these only when it is complete; a server opens nothing with them before it is.
            _oneRtt = new OneRttKeys(write, read) { Failed = _failedBefore };
            _firstOneRtt = Space(PacketNumberSpace.Application).NextNumber;
            if (IsClient)
                DiscardEarlyKeys(); // RFC 9001 section 4.9.3
        }
        _options.Trace?.Record(
            this,
            new TraceEvent(TraceKind.Keys, _now, IsClient, SpaceOf(tls.Level).Id, 0, 0, null, "installed") { IsEarly = tls.Level == EncryptionLevel.ZeroRtt },
            default);
    }

    private QuicError? ApplyPeerParameters(ReadOnlySpan<byte> bytes)
    {
        if (!TransportParameters.TryRead(bytes, fromClient: !IsClient, out TransportParameters? peer, out string? why) || peer is null)
            return QuicError.Transport(TransportErrorCode.TransportParameterError, why ?? "malformed transport parameters");
        // RFC 9000 section 7.3: the connection ids of the handshake are authenticated here.
        if (peer.InitialSourceConnectionId != _handshakeDestination)
            return ParameterError("initial_source_connection_id does not match the packets");
        if (IsClient && peer.OriginalDestinationConnectionId != _originalDestination)
            return ParameterError("original_destination_connection_id does not match ours");
        if (IsClient && peer.RetrySourceConnectionId != _retrySource)
            return ParameterError("retry_source_connection_id does not match the Retry");
        if (peer.PreferredAddress is not null && _handshakeDestination.Length == 0) // RFC 9000 section 18.2
            return ParameterError("a preferred_address from a server without connection ids");
        if (CheckRemembered(peer) is { } reduced)
            return reduced;
        _peer = peer;
        if (IsClient)
            _peerBytes = bytes.ToArray();
        TraceParameters("remote", bytes);
        if (peer.PreferredAddress is { } preferred)
            _peerIds.AddPreferred(preferred);
        if (peer.StatelessResetToken is { } token)
            _peerIds.SetFirstResetToken(token);
        _paths.First.Mtu.Limit((int)Math.Min(peer.MaxUdpPayloadSize, MaxUdpPayload));
        _liveness.OnPeerTimeout(TimeSpan.FromMilliseconds(Math.Min(peer.MaxIdleTimeoutMilliseconds, int.MaxValue)));
        _loss.PeerMaxAckDelay = TimeSpan.FromMilliseconds(peer.MaxAckDelayMilliseconds);
        return _streams.OnPeerParameters(peer.InitialMaxData, peer.InitialMaxStreamDataBidiLocal, peer.InitialMaxStreamDataBidiRemote,
            peer.InitialMaxStreamDataUni, peer.InitialMaxStreamsBidi, peer.InitialMaxStreamsUni);
    }

    private static QuicError ParameterError(string reason) => QuicError.Transport(TransportErrorCode.TransportParameterError, reason);

    /// <summary>TLS is complete on this side: the peer is verified.</summary>
    private void OnHandshakeComplete()
    {
        IsEstablished = true;
        _tls.ForgetSecrets();
        TraceState("established");
        _localIds.Replenish(_peer!.ActiveConnectionIdLimit);
        if (!IsClient)
        {
            _owesHandshakeDone = true; // RFC 9000 section 19.20: not before.
            Confirm(); // RFC 9001 section 4.1.2: the server's handshake is confirmed when it is complete.
            _options.Admission?.OnHandshakeEnded(AdmissionTag, established: true);
        }
        Emit(new QuicEvent { Kind = QuicEventKind.Established });
    }

    /// <summary>The handshake is confirmed: its keys go (RFC 9001 section 4.9.2), and paths may be probed (RFC 9000 section 9).</summary>
    private void Confirm()
    {
        if (_isConfirmed)
            return;
        _isConfirmed = true;
        _loss.HandshakeConfirmed = true;
        _oneRtt!.OnConfirmed();
        TraceState("confirmed");
        DiscardSpace(PacketNumberSpace.Initial);
        DiscardSpace(PacketNumberSpace.Handshake);
        _paths.Current.Mtu.IsEnabled = true;
        ObserveAddress(_paths.Current);
    }

    private void DiscardSpace(PacketNumberSpace space)
    {
        if (Space(space).IsDiscarded)
            return;
        Space(space).Discard();
        _loss.DiscardSpace(space, _now);
        _options.Trace?.Record(this, new TraceEvent(TraceKind.Keys, _now, IsClient, space, 0, 0, null, "discarded"), default);
    }

    /// <summary>The server knows that the client receives what is sent to its address (RFC 9000 section 8.1).</summary>
    private void OnFirstAddressValidated()
    {
        PathState first = _paths.First;
        if (first.IsAddressValidated)
            return;
        first.IsAddressValidated = true;
        first.Stage = PathStage.Validated;
        first.Recovery.IsAmplificationBlocked = false;
    }

    /// <summary>
    /// Retry (RFC 9000 sections 8.1.3, 17.2.5.1, 17.2.5.2 and 17.2.5.3): once, and only before the server's first other packet. What was
    /// sent in 0-RTT is sent again, under new numbers (section 17.2.3).
    /// </summary>
    private void OnRetry(in PacketHeader header, ReadOnlySpan<byte> packet)
    {
        if (!IsClient || _peerIdKnown || _retrySource is not null)
            return;
        if (header.Token.IsEmpty || header.Source == _originalDestination || !RetryPacket.Verify(packet, _originalDestination))
            return;
        _retrySource = header.Source;
        _initialToken = header.Token.ToArray();
        SetDestination(header.Source);
        InstallInitialKeys(header.Source);
        _loss.OnRetry(_now, this);
    }
}
