using Punchline.Quic.Crypto;
using Punchline.Quic.Paths;
using Punchline.Quic.Wire;

namespace Punchline.Quic;

/// <content>Packets in: which keys, authentic or not, new or not (RFC 9000 sections 5.2, 12; RFC 9001 section 5).</content>
public sealed partial class QuicConnection
{
    /// <summary>Bytes that an AEAD tag takes.</summary>
    private const int AeadTagLength = 16;

    /// <summary>The smallest datagram that may carry an Initial packet (RFC 9000 section 14.1).</summary>
    internal const int MinInitialDatagram = 1200;

    private Instant _now;
    private ulong _newestNonProbing;
    private ulong _failedBefore;

    /// <summary>A datagram for this connection. It is decrypted where it lies.</summary>
    internal void Receive(Instant now, NetworkPath network, EcnCodepoint ecn, Span<byte> datagram)
    {
        _now = now;
        if (!_close.IsOpen)
        {
            ReceiveWhileClosing(datagram);
            return;
        }
        PathState? path = _paths.Find(network);
        path?.CountReceived(datagram.Length);
        bool opened = false;
        ConnectionId first = default;
        int offset = 0;
        while (offset < datagram.Length && _close.IsOpen)
        {
            Span<byte> rest = datagram[offset..];
            if (!PacketHeader.TryRead(rest, ConnectionIdFactory.Length, out PacketHeader header))
                break;
            // RFC 9000 section 12.2: packets for another connection id do not belong into one datagram.
            if (offset == 0)
                first = header.Destination;
            else if (header.Destination != first)
                break;
            offset += header.PacketLength;
            opened |= ReceivePacket(header, rest[..header.PacketLength], network, ref path, ecn, datagram.Length);
        }
        // RFC 9000 section 10.3.1: then it drains.
        if (!opened && _close.IsOpen && _peerIds.IsStatelessReset(datagram))
        {
            _close.Drain(QuicError.Transport(TransportErrorCode.NoError, "the peer has forgotten this connection (stateless reset)") with { IsRemote = true },
                now, ProbeTimeout);
            OnClosed();
        }
    }

    /// <summary>True if the datagram ends with a stateless reset token of the peer's.</summary>
    internal bool IsStatelessReset(ReadOnlySpan<byte> datagram) => _peerIds.IsStatelessReset(datagram);

    /// <returns>True if a packet authenticated.</returns>
    private bool ReceivePacket(
        in PacketHeader header, Span<byte> packet, NetworkPath network, ref PathState? path, EcnCodepoint ecn, int datagramLength)
    {
        switch (header.Type)
        {
            case PacketType.Initial:
                // RFC 9000 sections 14 and 14.1: a server discards an Initial in a datagram that is too small, and goes on.
                if (!IsClient && datagramLength < MinInitialDatagram)
                    return Drop(PacketNumberSpace.Initial, "small Initial", packet.Length);
                if (IsClient && !header.Token.IsEmpty) // RFC 9000 section 17.2.2
                    return Drop(PacketNumberSpace.Initial, "token from a server", packet.Length);
                return ReceiveHandshakePacket(Space(PacketNumberSpace.Initial), header, packet, path, ecn);
            case PacketType.Handshake:
                return ReceiveHandshakePacket(Space(PacketNumberSpace.Handshake), header, packet, path, ecn);
            case PacketType.OneRtt:
                return ReceiveOneRtt(header, packet, network, ref path, ecn, datagramLength);
            case PacketType.Retry:
                OnRetry(header, packet);
                return false;
            case PacketType.VersionNegotiation:
                OnVersionNegotiation(packet);
                return false;
            case PacketType.ZeroRtt:
                return ReceiveEarly(header, packet, path, ecn);
            default:
                return Drop(PacketNumberSpace.Application, "unsupported packet type", packet.Length);
        }
    }

    private bool ReceiveHandshakePacket(
        PacketSpace space, in PacketHeader header, Span<byte> packet, PathState? path, EcnCodepoint ecn)
    {
        // RFC 9000 section 9: no other path before the handshake is confirmed.
        if (space.ReadKeys is not { } keys || path is null)
            return Drop(space.Id, "no keys", packet.Length);
        if (!keys.Header.TryUnprotect(packet, header.PacketNumberOffset, out int numberLength))
            return Drop(space.Id, "too short", packet.Length);
        ulong number = ReadPacketNumber(packet, header.PacketNumberOffset, numberLength, space);
        int headerLength = header.PacketNumberOffset + numberLength;
        if (!keys.Aead.TryOpen(packet, headerLength, number))
        {
            CountForgery();
            return Drop(space.Id, "not authentic", packet.Length);
        }
        if (FirstByte.HasReservedBits(packet[0])) // RFC 9000 section 17.2
        {
            CloseWith(QuicError.Transport(TransportErrorCode.ProtocolViolation, "reserved bits are set"));
            return true;
        }
        if (space.Received.IsDuplicate(number))
        {
            Drop(space.Id, "duplicate", packet.Length);
            return true;
        }
        if (IsClient && !_peerIdKnown)
        {
            // RFC 9000 section 7.2: from the first packet on, we send to the id that the server chose.
            _peerIdKnown = true;
            SetDestination(header.Source);
        }
        else if (header.Source != _handshakeDestination)
        {
            return Drop(space.Id, "changed source connection id", packet.Length); // RFC 9000 section 7.2
        }
        if (!IsClient && space.Id == PacketNumberSpace.Handshake)
        {
            OnFirstAddressValidated();
            DiscardSpace(PacketNumberSpace.Initial); // RFC 9001 section 4.9.1
        }
        Process(space, number, packet[headerLength..^AeadTagLength], path, header.Destination, ecn, packet.Length, full: true);
        return true;
    }

    private bool ReceiveOneRtt(
        in PacketHeader header, Span<byte> packet, NetworkPath network, ref PathState? path, EcnCodepoint ecn, int datagramLength)
    {
        // RFC 9001 section 5.7: a server opens no 1-RTT packet before its handshake is complete.
        if (_oneRtt is not { } keys || (!IsClient && !IsEstablished))
            return Drop(PacketNumberSpace.Application, "no keys", packet.Length);
        if (!keys.ReadHeader.TryUnprotect(packet, header.PacketNumberOffset, out int numberLength))
            return Drop(PacketNumberSpace.Application, "too short", packet.Length);
        PacketSpace space = Space(PacketNumberSpace.Application);
        ulong number = ReadPacketNumber(packet, header.PacketNumberOffset, numberLength, space);
        int headerLength = header.PacketNumberOffset + numberLength;
        bool keyPhase = FirstByte.KeyPhase(packet[0]);
        bool writePhase = keys.KeyPhase;
        switch (keys.TryOpen(packet, headerLength, number, keyPhase, _now, 3 * ProbeTimeout))
        {
            case OpenResult.Opened:
                break;
            case OpenResult.KeyUpdateError:
                CloseWith(QuicError.Transport(TransportErrorCode.KeyUpdateError, "keys were updated out of turn"));
                return true;
            case OpenResult.IntegrityLimit:
                CloseWith(QuicError.Transport(TransportErrorCode.AeadLimitReached, "too many forged packets"));
                return false;
            default:
                return Drop(PacketNumberSpace.Application, "not authentic", packet.Length);
        }
        if (!IsClient)
            DiscardEarlyKeys(); // RFC 9001 section 4.9.3: it may do so at once; what is still on its way comes again in 1-RTT.
        if (keys.KeyPhase != writePhase) // RFC 9001 section 6.2: we have followed an update of the peer's.
            _options.Trace?.Record(this, new TraceEvent(TraceKind.Keys, _now, IsClient, PacketNumberSpace.Application, 0, 0, null, "updated by the peer"), default);
        if (FirstByte.HasReservedBits(packet[0])) // RFC 9000 section 17.3.1
        {
            CloseWith(QuicError.Transport(TransportErrorCode.ProtocolViolation, "reserved bits are set"));
            return true;
        }
        // Only now, or the time would tell whether the number was known (RFC 9001 section 9.5).
        if (space.Received.IsDuplicate(number))
        {
            Drop(PacketNumberSpace.Application, "duplicate", packet.Length);
            return true;
        }
        path ??= AdoptPath(network, datagramLength);
        if (path is null)
        {
            Drop(PacketNumberSpace.Application, "unknown path", packet.Length);
            return true;
        }
        Process(space, number, packet[headerLength..^AeadTagLength], path, header.Destination, ecn, packet.Length,
            full: datagramLength >= MtuDiscovery.BaseSize);
        return true;
    }

    /// <summary>
    /// RFC 9001 section 6.6 counts over all keys; the 1-RTT keys hold the count once they are there. No handshake lasts long
    /// enough to reach the limit before.
    /// </summary>
    private void CountForgery()
    {
        if (_oneRtt is { } keys)
            keys.Failed++;
        else
            _failedBefore++;
    }

    private static ulong ReadPacketNumber(ReadOnlySpan<byte> packet, int offset, int length, PacketSpace space) =>
        PacketNumberCodec.Decode(space.Received.Largest, PacketNumberCodec.ReadTruncated(packet.Slice(offset, length)), length);

    /// <summary>A packet that is authentic and new.</summary>
    private void Process(PacketSpace space, ulong number, ReadOnlySpan<byte> payload, PathState path,
        in ConnectionId destination, EcnCodepoint ecn, int size, bool full, bool isEarly = false)
    {
        _statistics.PacketsReceived++;
        _statistics.BytesReceived += (ulong)size;
        _options.Trace?.Record(this, new TraceEvent(TraceKind.PacketReceived, _now, IsClient, space.Id, number, size, path.Network, null) { IsEarly = isEarly }, payload);
        if (_liveness.OnHeard(_now))
            Emit(new QuicEvent { Kind = QuicEventKind.PeerReachable });
        path.HeardAt = _now;
        path.Tally.OnHeard(_now);

        var packet = new PacketContext(space, path, destination, full, isEarly);
        if (ReadFrames(ref packet, payload) is { } error)
        {
            // RFC 9000 sections 11 and 11.1: what was done cannot be undone, so the connection ends, and the peer is told why.
            CloseWith(error);
            return;
        }
        // RFC 9000 section 13.1: only now, as all its frames are processed.
        space.Received.OnReceived(number, packet.IsAckEliciting, ecn, _now, AckTimer,
            immediate: space.Id != PacketNumberSpace.Application);
        if (space.Id != PacketNumberSpace.Application || !_close.IsOpen)
            return;
        OnHeardOnPath(path);
        // RFC 9000 section 9.3: the server follows the client's highest-numbered non-probing packet.
        if (IsClient || !packet.IsNonProbing || number < _newestNonProbing)
            return;
        _newestNonProbing = number;
        if (path != _paths.Current)
            FollowTo(path);
    }

    private void ReceiveWhileClosing(Span<byte> datagram)
    {
        if (_close.Current == CloseState.Phase.Closing && !datagram.IsEmpty)
            _close.OnHeard(datagram.Length);
    }

    /// <summary>Version Negotiation (RFC 9000 section 6.2).</summary>
    private void OnVersionNegotiation(ReadOnlySpan<byte> packet)
    {
        if (!IsClient || _peerIdKnown || _retrySource is not null)
            return;
        if (!VersionNegotiationPacket.TryRead(packet, out VersionNegotiationPacket negotiation) || negotiation.Contains(QuicVersion.Version1))
            return;
        if (!negotiation.Destination.SequenceEqual(_firstLocalId.Span) || !negotiation.Source.SequenceEqual(_originalDestination.Span))
            return;
        _close.Terminate(QuicError.Transport(TransportErrorCode.ConnectionRefused, "the peer does not speak QUIC version 1") with { IsRemote = true });
        OnClosed();
    }

    private bool Drop(PacketNumberSpace space, string reason, int size)
    {
        _statistics.PacketsDropped++;
        _options.Trace?.Record(this, new TraceEvent(TraceKind.PacketDropped, _now, IsClient, space, 0, size, null, reason), default);
        return false;
    }
}
