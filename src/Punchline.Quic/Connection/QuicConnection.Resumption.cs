using System.Diagnostics.CodeAnalysis;
using Punchline.Quic.Crypto;
using Punchline.Quic.Streams;
using Punchline.Quic.Tls;
using Punchline.Quic.Wire;

namespace Punchline.Quic;

/// <content>
/// Sessions that are resumed, and 0-RTT (RFC 9001 section 4.6, RFC 9000 section 7.4.1, docs/adr/0012-resumption.md). 0-RTT carries
/// the control stream alone: a client can open no other stream before the handshake is complete, and a server takes no other.
/// </content>
public sealed partial class QuicConnection
{
    private readonly Queue<byte[]> _sessions = new();
    private readonly ChunkPool _chunks;
    private LevelKeys? _earlyKeys;
    private TransportParameters? _remembered;
    private byte[] _peerBytes = [];
    private ulong _firstOneRtt;
    private bool _earlyRejected;
    private bool _takesEarlyData;

    /// <summary>True if the connection resumed an earlier session instead of exchanging certificates; known once it is established.</summary>
    public bool IsResumed => IsEstablished && _tls.IsResumed;

    /// <summary>
    /// At a client, before the handshake is complete: the control stream, the first that it opens, may be written to at once. If the
    /// server does not take it, <see cref="QuicEventKind.EarlyDataRejected"/> comes before anything else.
    /// </summary>
    public bool IsEarlyDataOpen => IsClient && IsOpen && _earlyKeys is not null;

    /// <summary>True if packets in the application's space are 0-RTT packets for now.</summary>
    private bool SendsEarlyData => IsClient && _oneRtt is null && _earlyKeys is not null;

    /// <summary>
    /// Takes a session of this connection's server (<see cref="QuicEventKind.SessionReceived"/>): opaque and secret bytes for one
    /// later <see cref="QuicClientOptions.Session"/>.
    /// </summary>
    public bool TryTakeSession([NotNullWhen(true)] out byte[]? session) => _sessions.TryDequeue(out session);

    /// <summary>What a client's options ask to resume, if it is of use here: else the handshake is a full one.</summary>
    private OfferedSession? OfferOf(QuicClientOptions client)
    {
        if (client.Session.IsEmpty || ResumableSession.TryRead(client.Session.Span) is not { } session)
            return null;
        bool isTheirs = client.ExpectedPeerId.IsEmpty || client.ExpectedPeerId.Span.SequenceEqual(session.PeerId);
        if (!isTheirs || session.ApplicationProtocol != _options.Transport.ApplicationProtocol || !session.IsInTime(client.SessionAge))
            return null;
        // Section 7.4.1: without the limits of that time there is no sending before the limits of this one.
        if (session.AllowsEarlyData && _options.Transport.EarlyData
            && TransportParameters.TryRead(session.TransportParameters, fromClient: false, out TransportParameters? remembered, out _)
            && remembered is { InitialMaxData: > 0, InitialMaxStreamDataBidiRemote: > 0, InitialMaxStreamsBidi: > 0 })
            _remembered = remembered;
        return new OfferedSession(session, () => client.SessionAge + (_now - _startedAt), WithEarlyData: _remembered is not null);
    }

    /// <summary>The keys of 0-RTT packets: a client's to send with, a server's to read with.</summary>
    private void InstallEarlyKeys(ReadOnlySpan<byte> secret)
    {
        _earlyKeys = LevelKeys.FromSecret(secret);
        _takesEarlyData = !IsClient;
        if (_remembered is { } remembered)
        {
            // One stream: so nothing else can be written early, whatever the application tries.
            _streams.OnPeerParameters(remembered.InitialMaxData, 0, remembered.InitialMaxStreamDataBidiRemote, 0, maxStreamsBidi: 1, 0);
        }
    }

    /// <summary>0-RTT is over: at a client when it has 1-RTT keys, at a server with the first 1-RTT packet (RFC 9001 section 4.9.3).</summary>
    private void DiscardEarlyKeys()
    {
        if (_earlyKeys is null)
            return;
        _earlyKeys.Dispose();
        _earlyKeys = null;
        _options.Trace?.Record(this, new TraceEvent(TraceKind.Keys, _now, IsClient, PacketNumberSpace.Application, 0, 0, null, "discarded") { IsEarly = true }, default);
    }

    /// <summary>
    /// RFC 9001 section 4.6.2: everything that was assumed may be wrong, so the streams begin anew, and the application with them.
    /// </summary>
    private void OnEarlyDataRejected()
    {
        _earlyRejected = true;
        DiscardEarlyKeys();
        _remembered = null;
        _loss.GiveUpAll(PacketNumberSpace.Application, _now, this);
        _streams.Dispose();
        _streams = new StreamSet(IsClient, _limits, _chunks);
        TraceState("early data rejected");
        Emit(new QuicEvent { Kind = QuicEventKind.EarlyDataRejected });
    }

    /// <summary>RFC 9000 section 7.4.1, RFC 9221 section 3: a server that takes 0-RTT must not take back what it was sent under.</summary>
    private QuicError? CheckRemembered(TransportParameters now)
    {
        if (_remembered is not { } then)
            return null;
        bool reduced = now.ActiveConnectionIdLimit < then.ActiveConnectionIdLimit
            || now.InitialMaxData < then.InitialMaxData
            || now.InitialMaxStreamDataBidiLocal < then.InitialMaxStreamDataBidiLocal
            || now.InitialMaxStreamDataBidiRemote < then.InitialMaxStreamDataBidiRemote
            || now.InitialMaxStreamDataUni < then.InitialMaxStreamDataUni
            || now.InitialMaxStreamsBidi < then.InitialMaxStreamsBidi
            || now.InitialMaxStreamsUni < then.InitialMaxStreamsUni
            || now.MaxDatagramFrameSize < then.MaxDatagramFrameSize;
        return reduced
            ? QuicError.Transport(TransportErrorCode.ProtocolViolation, "0-RTT is taken, but under smaller limits than before")
            : null;
    }

    private void OnTicket(ResumableSession session)
    {
        _sessions.Enqueue((session with { TransportParameters = _peerBytes }).Write());
        Emit(new QuicEvent { Kind = QuicEventKind.SessionReceived });
    }

    /// <summary>RFC 9001 section 4.6.2: who rejected 0-RTT packets cannot acknowledge them.</summary>
    private QuicError? CheckAckOfEarlyData(in AckFrame ack)
    {
        if (!_earlyRejected)
            return null;
        foreach (PacketRange range in ack)
        {
            if (range.Smallest < _firstOneRtt)
                return QuicError.Transport(TransportErrorCode.ProtocolViolation, "an acknowledgement of 0-RTT packets that were rejected");
        }
        return null;
    }

    /// <summary>
    /// What a server takes in 0-RTT: the control stream, what concerns the limits of streams, and a close. No DATAGRAM, no other stream, and
    /// nothing about paths and connection ids, which begin with the confirmed handshake.
    /// </summary>
    private static bool IsTakenEarly(ulong type, WireReader frame)
    {
        switch (type)
        {
            case FrameTypes.ResetStream or FrameTypes.StopSending or FrameTypes.MaxStreamData or FrameTypes.StreamDataBlocked
                or (>= FrameTypes.StreamFirst and <= FrameTypes.StreamLast):
                // The stream id stands first in each of them; one that is cut short fails where it is read.
                return !frame.TryReadVarInt(out ulong stream) || stream == ControlStream.Value;
            default:
                return type is FrameTypes.Padding or FrameTypes.Ping or FrameTypes.ConnectionClose or FrameTypes.ApplicationClose
                    or (>= FrameTypes.MaxData and <= FrameTypes.StreamsBlockedUnidirectional);
        }
    }

    /// <summary>A 0-RTT packet (RFC 9000 section 17.2.3).</summary>
    private bool ReceiveEarly(in PacketHeader header, Span<byte> packet, Paths.PathState? path, EcnCodepoint ecn)
    {
        // A server has keys once it has taken 0-RTT, and a client's are not for reading (RFC 9001 section 5.6).
        PacketSpace space = Space(PacketNumberSpace.Application);
        if (IsClient || path is null || _earlyKeys is not { } keys)
            return DropEarly("no keys", packet.Length);
        if (!keys.Header.TryUnprotect(packet, header.PacketNumberOffset, out int numberLength))
            return DropEarly("too short", packet.Length);
        ulong number = ReadPacketNumber(packet, header.PacketNumberOffset, numberLength, space);
        int headerLength = header.PacketNumberOffset + numberLength;
        if (!keys.Aead.TryOpen(packet, headerLength, number))
        {
            CountForgery();
            return DropEarly("not authentic", packet.Length);
        }
        if (FirstByte.HasReservedBits(packet[0])) // RFC 9000 section 17.2
        {
            CloseWith(QuicError.Transport(TransportErrorCode.ProtocolViolation, "reserved bits are set"));
            return true;
        }
        if (header.Source != _handshakeDestination || space.Received.IsDuplicate(number))
        {
            DropEarly(header.Source != _handshakeDestination ? "changed source connection id" : "duplicate", packet.Length);
            return true;
        }
        Process(space, number, packet[headerLength..^AeadTagLength], path, header.Destination, ecn, packet.Length, full: true, isEarly: true);
        return true;
    }

    private bool DropEarly(string reason, int size)
    {
        _statistics.PacketsDropped++;
        _options.Trace?.Record(
            this, new TraceEvent(TraceKind.PacketDropped, _now, IsClient, PacketNumberSpace.Application, 0, size, null, reason) { IsEarly = true }, default);
        return false;
    }

    /// <summary>What a server's TLS asks about tickets: with the time, the door and the client that the door expects.</summary>
    private sealed class TicketDesk(QuicConnection connection, TicketKeeper keeper, ReadOnlyMemory<byte> expectedPeer, ReadOnlyMemory<byte> binding) : ITicketDesk
    {
        private QuicTransportOptions Transport => connection._options.Transport;

        public int TicketsPerConnection => Transport.TicketsPerConnection;

        public bool OffersEarlyData => Transport.EarlyData;

        public bool TryOpen(ReadOnlySpan<byte> ticket, [NotNullWhen(true)] out SealedSession? session)
        {
            if (!keeper.TryOpen(connection._now, ticket, out session))
                return false;
            bool isExpected = expectedPeer.IsEmpty
                ? session.PeerId.Length > 0 || !Transport.RequireClientCertificate
                : expectedPeer.Span.SequenceEqual(session.PeerId);
            if (!isExpected || !connection._options.Admission!.MayResume(connection.AdmissionTag, session.Binding))
                session = null;
            return session is not null;
        }

        public bool TrySpend(SealedSession session) => keeper.TrySpend(session);

        public bool TakesEarlyData(SealedSession session, uint obfuscatedAge) =>
            Transport.EarlyData && TicketKeeper.IsFresh(connection._now, session, obfuscatedAge);

        public bool TryIssue(ReadOnlySpan<byte> preSharedKey, ReadOnlySpan<byte> peerId, SealedSession? resumed, out IssuedTicket ticket) =>
            keeper.TryIssue(connection._now, resumed?.ProvedAt ?? connection._now, preSharedKey, peerId, binding.Span, out ticket);
    }
}
