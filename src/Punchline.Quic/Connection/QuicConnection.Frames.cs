using Punchline.Quic.Paths;
using Punchline.Quic.Recovery;
using Punchline.Quic.Wire;

namespace Punchline.Quic;

/// <content>Frames in (RFC 9000 section 19), and what became of the frames that we sent.</content>
public sealed partial class QuicConnection : ILossHandler
{
    /// <summary>
    /// Datagrams above the base size that are lost in a row, while small ones pass, before the path is taken to have
    /// narrowed (RFC 8899 sections 3 and 4.3). Congestion seldom takes so many without letting one pass.
    /// </summary>
    private const int BlackHoleAfterLosses = 16;

    /// <summary>What is known of the packet whose frames are read.</summary>
    private ref struct PacketContext(PacketSpace space, PathState path, ConnectionId destination, bool full, bool isEarly)
    {
        internal readonly PacketSpace Space = space;
        internal readonly PathState Path = path;
        internal readonly ConnectionId Destination = destination;

        /// <summary>The datagram was of full size (RFC 9000 section 8.2.2).</summary>
        internal readonly bool Full = full;

        /// <summary>It is a 0-RTT packet.</summary>
        internal readonly bool IsEarly = isEarly;
        internal bool IsAckEliciting;

        /// <summary>What may stand in it.</summary>
        internal readonly EncryptionLevel Level => IsEarly ? EncryptionLevel.ZeroRtt : Space.Level;
        internal bool IsNonProbing;
    }

    /// <summary>Acts on all frames of a packet.</summary>
    /// <returns>The error that ends the connection, as exact as it can be (RFC 9000 section 11), or null.</returns>
    private QuicError? ReadFrames(ref PacketContext packet, ReadOnlySpan<byte> payload)
    {
        // RFC 9000 section 12.4: a packet without frames is a violation.
        if (payload.IsEmpty)
            return QuicError.Transport(TransportErrorCode.ProtocolViolation, "a packet without frames");
        var reader = new WireReader(payload);
        while (!reader.IsEmpty)
        {
            if (!FrameTypes.TryReadType(ref reader, out ulong type, out bool minimal))
                return QuicError.Transport(TransportErrorCode.FrameEncodingError, "a truncated frame type");
            if (!minimal) // RFC 9000 section 12.4
                return QuicError.Transport(TransportErrorCode.ProtocolViolation, "a frame type that is not in its shortest form", type);
            if (!FrameTypes.IsAllowedAt(type, packet.Level) || (FrameTypes.IsPunch(type) && !PunchAgreed))
            {
                return FrameTypes.IsKnown(type) && (PunchAgreed || !FrameTypes.IsPunch(type))
                    ? QuicError.Transport(TransportErrorCode.ProtocolViolation, "a frame that does not belong into this packet", type)
                    : QuicError.Transport(TransportErrorCode.FrameEncodingError, "an unknown frame type", type);
            }
            if (packet.IsEarly && !IsTakenEarly(type, reader))
                return QuicError.Transport(TransportErrorCode.ProtocolViolation, "0-RTT beyond the control stream", type);
            packet.IsAckEliciting |= FrameTypes.IsAckEliciting(type);
            packet.IsNonProbing |= !FrameTypes.IsProbing(type);
            if (ReadFrame(ref packet, ref reader, type) is { } error)
                return error.FrameType == 0 ? error with { FrameType = type } : error;
            if (!_close.IsOpen)
                return null;
        }
        return null;
    }

    /// <summary>Reads one frame and acts on it: those of the packet exchange itself here, the others by what they are about.</summary>
    private QuicError? ReadFrame(ref PacketContext packet, ref WireReader reader, ulong type)
    {
        switch (type)
        {
            case FrameTypes.Padding:
            case FrameTypes.Ping:
                return null;
            case FrameTypes.Ack:
            case FrameTypes.AckEcn:
                return AckFrame.TryRead(ref reader, type, out AckFrame ack) ? OnAck(packet, ack) : Malformed(type);
            case FrameTypes.Crypto:
                return CryptoFrame.TryRead(ref reader, out CryptoFrame crypto) ? OnCrypto(packet.Space, crypto) : Malformed(type);
            case FrameTypes.Datagram:
            case FrameTypes.DatagramWithLength:
                int start = reader.Position - VarInt.Length(type);
                return DatagramFrame.TryRead(ref reader, type, out DatagramFrame datagram)
                    ? OnDatagram(datagram, reader.Position - start) : Malformed(type);
            case FrameTypes.ConnectionClose:
            case FrameTypes.ApplicationClose:
                return ConnectionCloseFrame.TryRead(ref reader, type, out ConnectionCloseFrame close) ? OnPeerClose(close) : Malformed(type);
            case FrameTypes.ResetStream or FrameTypes.StopSending or (>= FrameTypes.StreamFirst and <= FrameTypes.StreamLast):
                return ReadStreamFrame(ref reader, type);
            case >= FrameTypes.MaxData and <= FrameTypes.StreamsBlockedUnidirectional:
                return ReadFlowControlFrame(ref reader, type);
            case FrameTypes.NewConnectionId or FrameTypes.RetireConnectionId or FrameTypes.PathChallenge or FrameTypes.PathResponse:
                return ReadPathFrame(packet, ref reader, type);
            case FrameTypes.NewToken or FrameTypes.HandshakeDone:
                return ReadServerFrame(ref reader, type);
            default:
                return ReadPunchFrame(packet.Path.Network, ref reader, type);
        }
    }

    private QuicError? ReadStreamFrame(ref WireReader reader, ulong type)
    {
        switch (type)
        {
            case FrameTypes.ResetStream:
                return ResetStreamFrame.TryRead(ref reader, out ResetStreamFrame reset)
                    ? _streams.OnResetStream(reset.Id, reset.Code, reset.FinalSize, _now) : Malformed(type);
            case FrameTypes.StopSending:
                return StopSendingFrame.TryRead(ref reader, out StopSendingFrame stop) ? _streams.OnStopSending(stop.Id, stop.Code) : Malformed(type);
            default:
                return StreamFrame.TryRead(ref reader, type, out StreamFrame stream) ? _streams.OnStreamFrame(stream, _now) : Malformed(type);
        }
    }

    private QuicError? ReadFlowControlFrame(ref WireReader reader, ulong type)
    {
        switch (type)
        {
            case FrameTypes.MaxData:
                if (!MaxDataFrame.TryRead(ref reader, out MaxDataFrame maxData))
                    return Malformed(type);
                _streams.OnMaxData(maxData.Maximum);
                return null;
            case FrameTypes.MaxStreamData:
                return MaxStreamDataFrame.TryRead(ref reader, out MaxStreamDataFrame maxStreamData)
                    ? _streams.OnMaxStreamData(maxStreamData.Id, maxStreamData.Maximum) : Malformed(type);
            case FrameTypes.MaxStreamsBidirectional:
            case FrameTypes.MaxStreamsUnidirectional:
                return MaxStreamsFrame.TryRead(ref reader, type, out MaxStreamsFrame maxStreams)
                    ? _streams.OnMaxStreams(maxStreams.Bidirectional, maxStreams.Maximum) : Malformed(type);
            case FrameTypes.DataBlocked:
                if (!DataBlockedFrame.TryRead(ref reader, out DataBlockedFrame dataBlocked))
                    return Malformed(type);
                _streams.OnDataBlocked(dataBlocked.Maximum);
                return null;
            case FrameTypes.StreamDataBlocked:
                return StreamDataBlockedFrame.TryRead(ref reader, out StreamDataBlockedFrame blocked)
                    ? _streams.OnStreamDataBlocked(blocked.Id, blocked.Maximum) : Malformed(type);
            default:
                return StreamsBlockedFrame.TryRead(ref reader, type, out StreamsBlockedFrame streamsBlocked)
                    ? _streams.OnStreamsBlocked(streamsBlocked.Bidirectional, streamsBlocked.Maximum) : Malformed(type);
        }
    }

    private QuicError? ReadPathFrame(in PacketContext packet, ref WireReader reader, ulong type)
    {
        switch (type)
        {
            case FrameTypes.NewConnectionId:
                if (!NewConnectionIdFrame.TryRead(ref reader, out NewConnectionIdFrame newId))
                    return Malformed(type);
                if (_peerIds.OnNewConnectionId(newId, _paths.Current) is { } refusal)
                    return refusal;
                ReconsiderPaths(); // A better path may have waited for an id.
                return null;
            case FrameTypes.RetireConnectionId:
                return RetireConnectionIdFrame.TryRead(ref reader, out RetireConnectionIdFrame retire)
                    ? _localIds.OnRetire(retire.Sequence, packet.Destination, _peer!.ActiveConnectionIdLimit) : Malformed(type);
            case FrameTypes.PathChallenge:
                if (!PathChallengeFrame.TryRead(ref reader, out PathChallengeFrame challenge))
                    return Malformed(type);
                // RFC 9000 sections 8.2.1 and 8.2.2: whatever its size it is answered, full-sized; docs/wire/punch.md: as large as the challenge was.
                packet.Path.QueueResponse(challenge.Data, packet.Full || !PunchAgreed);
                packet.Path.Tally.OnChallenged();
                if (packet.Path != _paths.Current)
                    OnAskedElsewhere();
                return null;
            default:
                if (!PathResponseFrame.TryRead(ref reader, out PathResponseFrame response))
                    return Malformed(type);
                OnPathResponse(response.Data);
                return null;
        }
    }

    /// <summary>What only servers send (RFC 9000 sections 19.7 and 19.20).</summary>
    private QuicError? ReadServerFrame(ref WireReader reader, ulong type)
    {
        // Our tokens come with invites, so a server's is read and not kept.
        if (type == FrameTypes.NewToken && !NewTokenFrame.TryRead(ref reader, out _))
            return Malformed(type);
        if (!IsClient)
        {
            return QuicError.Transport(TransportErrorCode.ProtocolViolation,
                type == FrameTypes.NewToken ? "NEW_TOKEN from a client" : "HANDSHAKE_DONE from a client");
        }
        if (type == FrameTypes.HandshakeDone && IsEstablished)
            Confirm();
        return null;
    }

    private static QuicError Malformed(ulong type) => QuicError.Transport(TransportErrorCode.FrameEncodingError, "a malformed frame", type);

    private QuicError? OnAck(in PacketContext packet, in AckFrame ack)
    {
        PacketNumberSpace space = packet.Space.Id;
        TimeSpan delay = TimeSpan.Zero;
        if (space == PacketNumberSpace.Application)
        {
            // RFC 9000 section 19.3: in units of 2^ack_delay_exponent microseconds. A value beyond a minute is none.
            ulong microseconds = ack.Delay > 60_000_000 ? 60_000_000 : ack.Delay << (int)(_peer?.AckDelayExponent ?? 3);
            delay = TimeSpan.FromMicroseconds(Math.Min(microseconds, 60_000_000));
        }
        if (space == PacketNumberSpace.Application && CheckAckOfEarlyData(ack) is { } impossible)
            return impossible;
        if (_loss.OnAckReceived(space, ack, delay, packet.Path.Recovery, _now, this) is { } error)
            return error;
        if (space == PacketNumberSpace.Application)
        {
            _streams.OnRttUpdate(_paths.Current.Recovery.Rtt.Smoothed);
            if (_loss.LargestAcked(space) is { } largest)
                _oneRtt!.OnAcked(largest);
        }
        NetworkPath current = _paths.Current.Network;
        _options.Trace?.Record(this, new TraceEvent(TraceKind.Recovery, _now, IsClient, space, 0, 0, current, null), default);
        return null;
    }

    private QuicError? OnCrypto(PacketSpace space, in CryptoFrame crypto) =>
        space.CryptoIn.Receive(crypto.Offset, crypto.Data) ?? ReadCrypto(space);

    private QuicError? OnPeerClose(in ConnectionCloseFrame close)
    {
        var error = new QuicError
        {
            IsRemote = true,
            IsApplication = close.IsApplication,
            Code = close.Code,
            FrameType = close.FrameType,
            Reason = PrintableText.From(close.Reason),
        };
        _close.Drain(error, _now, ProbeTimeout);
        OnClosed();
        return null;
    }

    /// <summary>DATAGRAM (RFC 9221 section 5): for the application at once, as long as it can be kept.</summary>
    private QuicError? OnDatagram(in DatagramFrame datagram, int frameLength)
    {
        // RFC 9221 section 3: no larger than what our max_datagram_frame_size says.
        if (frameLength > MaxUdpPayload)
            return QuicError.Transport(TransportErrorCode.ProtocolViolation, "a DATAGRAM frame larger than we take");
        if (!_datagramsIn.TryEnqueue(datagram.Data))
        {
            _statistics.DatagramsDropped++;
            return null;
        }
        if (!_datagramEventPending)
        {
            _datagramEventPending = true;
            Emit(new QuicEvent { Kind = QuicEventKind.DatagramReceived });
        }
        return null;
    }

    void ILossHandler.OnPacketAcked(PacketNumberSpace space, in SentPacket packet, ReadOnlySpan<SentFrame> frames)
    {
        var path = (PathState)packet.Path.Owner!;
        path.IsSuspect = false;
        if (packet.Size > MtuDiscovery.BaseSize)
            path.LargeLost = 0;
        if (packet.IsMtuProbe)
        {
            path.Mtu.OnProbeAcknowledged(packet.Size, _now);
            path.Recovery.OnDatagramSizeChanged(path.Mtu.Current);
        }
        foreach (ref readonly SentFrame frame in frames)
        {
            switch (frame.Kind)
            {
                case SentFrameKind.Crypto:
                    Space(space).CryptoOut.OnAcked(frame);
                    break;
                case SentFrameKind.Ack:
                    Space(space).Received.OnAckAcknowledged(frame.Id);
                    break;
                case SentFrameKind.Candidate or SentFrameKind.CandidateGone:
                    _localCandidates.OnAcked(frame);
                    break;
                case SentFrameKind.RetireConnectionId:
                    _peerIds.OnRetirementAcked(frame.Id);
                    break;
                default:
                    _streams.OnAcked(frame);
                    break;
            }
        }
    }

    void ILossHandler.OnPacketLost(PacketNumberSpace space, in SentPacket packet, ReadOnlySpan<SentFrame> frames)
    {
        var path = (PathState)packet.Path.Owner!;
        if (packet.IsMtuProbe)
        {
            path.Mtu.OnProbeLost(_now);
        }
        else
        {
            _statistics.PacketsLost++;
            if (packet.Size > MtuDiscovery.BaseSize && ++path.LargeLost >= BlackHoleAfterLosses)
                OnBlackHole(path);
            _options.Trace?.Record(this, new TraceEvent(TraceKind.PacketLost, _now, IsClient, space, packet.Number, packet.Size, path.Network, null)
            {
                IsEarly = IsClient && space == PacketNumberSpace.Application && (_oneRtt is null || packet.Number < _firstOneRtt),
            }, default);
        }
        Requeue(space, frames);
    }

    /// <summary>What was in a packet has to be sent again, in its newest form (RFC 9000 section 13.3).</summary>
    private void Requeue(PacketNumberSpace space, ReadOnlySpan<SentFrame> frames)
    {
        foreach (ref readonly SentFrame frame in frames)
        {
            switch (frame.Kind)
            {
                case SentFrameKind.Crypto:
                    Space(space).CryptoOut.OnLost(frame);
                    break;
                case SentFrameKind.NewConnectionId:
                    _localIds.OnLost(frame.Id);
                    break;
                case SentFrameKind.RetireConnectionId:
                    _peerIds.OnRetirementLost(frame.Id);
                    break;
                case SentFrameKind.HandshakeDone:
                    _owesHandshakeDone = true;
                    break;
                case SentFrameKind.Candidate or SentFrameKind.CandidateGone:
                    _localCandidates.OnLost(frame);
                    break;
                case SentFrameKind.Punch:
                    _puncher.OwesFrame |= frame.Id == _puncher.Round;
                    break;
                case SentFrameKind.ObservedAddress:
                    _owesObservedAddress |= frame.Id + 1 == _nextObserved;
                    break;
                // Never repeated as they were: acknowledgements, probes of a path, pings, DATAGRAMs (RFC 9221 section 5.2).
                case SentFrameKind.Ack or SentFrameKind.Ping or SentFrameKind.Padding or SentFrameKind.PathChallenge
                    or SentFrameKind.PathResponse or SentFrameKind.Datagram:
                    break;
                default:
                    _streams.OnLost(frame);
                    break;
            }
        }
    }
}
