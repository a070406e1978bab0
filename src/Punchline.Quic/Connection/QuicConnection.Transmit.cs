using Punchline.Quic.Crypto;
using Punchline.Quic.Paths;
using Punchline.Quic.Recovery;
using Punchline.Quic.Wire;

namespace Punchline.Quic;

/// <content>Packets out: datagrams of the current path, in batches (RFC 9000 sections 12, 13, 14).</content>
/// <remarks>
/// A batch is one buffer of equal datagrams. Packets are written and sealed one by one, and the header protection of all
/// 1-RTT packets of a batch is computed in one call at its end, as that call costs far more than a block.
/// </remarks>
public sealed partial class QuicConnection
{
    /// <summary>The largest UDP payload that we take, in bytes: what a receive buffer without jumbo frames can see.</summary>
    private const int MaxUdpPayload = 1500;

    /// <summary>A batch is never larger, in bytes: the limit of UDP segmentation offload.</summary>
    private const int MaxBatchBytes = 65_000;

    /// <summary>Datagrams in a batch: the kernel's limit (UDP_MAX_SEGMENTS).</summary>
    private const int MaxBatchDatagrams = 64;

    /// <summary>Packet number and payload together, so that a header protection sample exists (RFC 9001 section 5.4.2).</summary>
    private const int MinNumberAndPayload = 4;

    /// <summary>
    /// No packet is shorter: 22 bytes more than our connection ids, so that the peer, if it has forgotten us, can answer with a
    /// stateless reset that is shorter and has its whole token, and that looks like any packet (RFC 9000 section 10.3).
    /// </summary>
    private const int MinPacket = ConnectionIdFactory.Length + 22;

    /// <summary>
    /// Packet numbers end at 2^62-1, and with them the connection, without another word (RFC 9000 section 12.3): so many before, as
    /// a batch is begun, and numbers left out among them.
    /// </summary>
    private const ulong LastNumber = VarInt.MaxValue - (2 * MaxBatchDatagrams);

    /// <summary>
    /// Acknowledgements in a row that nobody acknowledges before one carries a PING: so a side that only receives learns which
    /// of its own ranges have been heard (RFC 9000 sections 13.2.1, 13.2.4 and 13.2.7).
    /// </summary>
    private const int PingAfterAcks = 32;

    /// <summary>Under an anti-amplification limit, room for less than a header, an acknowledgement and a tag is none.</summary>
    private const int LeastDatagram = 64;

    /// <summary>What we tell as max_ack_delay: RFC 9000's default.</summary>
    private static readonly TimeSpan MaxAckDelay = TimeSpan.FromMilliseconds(25);

    /// <summary>How long an acknowledgement waits: timers fire late, by a millisecond as a rule, and the promise includes that (RFC 9000 section 18.2).</summary>
    private static readonly TimeSpan AckTimer = MaxAckDelay - TimeSpan.FromMilliseconds(1);

    /// <summary>The first bidirectional stream: what has to work on every path (DESIGN decision 9).</summary>
    private static readonly StreamId ControlStream = StreamId.From(clientInitiated: true, bidirectional: true, ordinal: 0);

    private readonly BuiltPacket[] _datagram = new BuiltPacket[3];
    private readonly BatchedHeader[] _batch = new BatchedHeader[MaxBatchDatagrams];
    private readonly byte[] _samples = new byte[MaxBatchDatagrams * HeaderKey.SampleLength];
    private readonly byte[] _masks = new byte[MaxBatchDatagrams * HeaderKey.SampleLength];
    private int _batchCount;
    private Instant _pacedUntil = Instant.Never;
    private bool _owesPing;
    private bool _cannotSend;
    private bool _mark;
    private bool _discardInitialKeys;
    private int _acksOnly;
    private ulong _nextSkip;

    /// <summary>A packet of the datagram that is being built: where it lies, before it is sealed.</summary>
    private record struct BuiltPacket(PacketNumberSpace Space, int Start, int NumberOffset, int HeaderLength, int End, int LengthOffset, ulong Number, bool IsAckEliciting)
    {
        /// <summary>PADDING was added: it counts as in flight (RFC 9002 section 2).</summary>
        internal bool IsPadded { get; set; }

        /// <summary>A 0-RTT packet: in the application's space, but with a long header.</summary>
        internal readonly bool IsEarly => Space == PacketNumberSpace.Application && LengthOffset != 0;
    }

    /// <summary>A sealed 1-RTT packet whose header is still in clear.</summary>
    private record struct BatchedHeader(int Start, int NumberOffset, int NumberLength);

    /// <summary>Writes the next batch: one or more datagrams for one path.</summary>
    /// <param name="now">The time.</param>
    /// <param name="buffer">At least 1,600 bytes; up to 65,000 are used.</param>
    /// <param name="transmit">Where it goes and how it is divided.</param>
    /// <returns>False if nothing is to be sent now.</returns>
    public bool TryTransmit(Instant now, Span<byte> buffer, out Transmit transmit)
    {
        _now = now;
        transmit = default;
        _pacedUntil = Instant.Never;
        _batchCount = 0;
        _cannotSend = false;
        if (!_close.IsOpen)
            return _close.OwesFrame && TryTransmitClose(buffer, out transmit);
        if (Space(PacketNumberSpace.Application).NextNumber >= LastNumber)
        {
            _close.Terminate(QuicError.Transport(TransportErrorCode.NoError, "all packet numbers are used up"));
            OnClosed();
            return false;
        }
        if (buffer.Length > MaxBatchBytes)
            buffer = buffer[..MaxBatchBytes];
        bool any = TryTransmitProbe(buffer, out transmit) || TryTransmitMtuProbe(buffer, out transmit) || TryTransmitData(buffer, out transmit);
        if (any)
            ProtectHeaders(buffer);
        return any;
    }

    private bool TryTransmitData(Span<byte> buffer, out Transmit transmit)
    {
        transmit = default;
        PathState path = _paths.Current;
        _mark = MayMark(path);
        int header = path.Network.HeaderLength;
        int size = path.Mtu.Current; // RFC 8899 section 3: never more, but in a probe.
        int datagrams = Math.Min(MaxBatchDatagrams, buffer.Length / (header + size));
        int length = 0;
        int segment = 0;
        for (int i = 0; i < datagrams; i++)
        {
            int written = BuildDatagram(path, buffer, length + header, size);
            if (written == 0)
                break;
            length += header + written;
            if (i == 0)
                segment = length;
            if (written < size || !_isConfirmed)
                break; // The rest of a batch must be of one size, and is not worth it during the handshake.
        }
        if (length == 0)
            return false;
        transmit = new Transmit(path.Network, length, segment, _mark, 0);
        return true;
    }

    /// <summary>Builds and seals one datagram, of packets of all levels that have something to say (RFC 9001 section 4).</summary>
    /// <returns>Its length, 0 if nothing is to be sent.</returns>
    private int BuildDatagram(PathState path, Span<byte> buffer, int start, int size)
    {
        // RFC 9000 section 8.1, RFC 9002 section 6.2.2.1. What would break the limit waits for the peer's next datagram; an acknowledgement may still fit.
        int least = _isConfirmed ? LeastDatagram : size;
        path.Recovery.IsAmplificationBlocked = path.AmplificationCredit < least;
        if (path.Recovery.IsAmplificationBlocked)
        {
            _cannotSend = true;
            return 0;
        }
        size = (int)Math.Min(size, path.AmplificationCredit);
        bool mayFill = MayFill(path, size);
        int packets = 0;
        int length = 0;
        bool pad = false;
        for (int i = 0; i < _spaces.Length; i++)
        {
            if (!HasWriteKeys(_spaces[i]) || !MayCoalesce(_spaces[i], path, packets))
                continue;
            if (!TryBuildPacket(_spaces[i], path, buffer.Slice(start + length, size - length), mayFill, ref _datagram[packets]))
                continue;
            ref BuiltPacket built = ref _datagram[packets];
            built = built with { Start = start + length };
            // RFC 9000 section 14.1, RFC 9001 section 9.3: every datagram with an Initial that a client sends, and the server's ack-eliciting ones.
            pad |= built.Space == PacketNumberSpace.Initial && (IsClient || built.IsAckEliciting);
            length += built.End + AeadTagLength;
            packets++;
        }
        return packets == 0 ? 0 : SealDatagram(path, buffer, packets, length, padTo: pad ? size : 0);
    }

    /// <summary>Pads the last packet of a datagram and seals them all.</summary>
    /// <param name="path">Where it goes.</param>
    /// <param name="buffer">In which they were built.</param>
    /// <param name="packets">How many of <see cref="_datagram"/> it holds.</param>
    /// <param name="length">Its length so far, tags included.</param>
    /// <param name="padTo">The length that it must have at least.</param>
    /// <returns>Its length.</returns>
    private int SealDatagram(PathState path, Span<byte> buffer, int packets, int length, int padTo)
    {
        if (length < padTo)
        {
            ref BuiltPacket last = ref _datagram[packets - 1];
            int padding = padTo - length;
            buffer.Slice(last.Start + last.End, padding).Clear(); // PADDING frames are zeros.
            last.End += padding;
            last.IsPadded = true;
            length = padTo;
        }
        for (int i = 0; i < packets; i++)
            Seal(_datagram[i], path, path.Network, buffer, SentPacketFlags.None);
        Count(path, length);
        return length;
    }

    /// <summary>Whether congestion control and pacing let a datagram leave now (RFC 9002 section 7).</summary>
    private bool MayFill(PathState path, int size)
    {
        RecoveryPath recovery = path.Recovery;
        if (!recovery.CanSend(size))
        {
            recovery.IsApplicationLimited = false;
            return false;
        }
        if (recovery.Pacer.Budget(_now) >= size)
            return true;
        recovery.IsApplicationLimited = false;
        _pacedUntil = recovery.Pacer.NextSendTime(_now, size);
        return false;
    }

    private bool HasWriteKeys(PacketSpace space) => space.Id == PacketNumberSpace.Application
        // DESIGN: the host sends nothing before the client is verified, by its signature or by the ticket of a connection where it signed.
        ? SendsEarlyData || (_oneRtt is not null && (IsClient || IsEstablished || _takesEarlyData))
        : space.WriteKeys is not null;

    /// <summary>
    /// RFC 9000 section 12.2: all packets of a datagram have one destination connection id. The peer may have had us retire the
    /// handshake's, which its long headers keep; then 1-RTT packets leave apart.
    /// </summary>
    private bool MayCoalesce(PacketSpace space, PathState path, int before) => before == 0 || space.Id != PacketNumberSpace.Application
        || (_peerIds.TryGetFor(path, out ConnectionId id) && id == _handshakeDestination);

    /// <summary>Writes a packet without sealing it.</summary>
    private bool TryBuildPacket(PacketSpace space, PathState path, Span<byte> room, bool mayFill, ref BuiltPacket built)
    {
        bool probe = _loss.ProbesDue(space.Id) > 0;
        bool ackDue = space.Received.AckDue(_now);
        bool eliciting = mayFill || probe;
        if (probe && !HasElicitingFrames(space))
            RequeueOldest(space.Id);
        if (!ackDue && !probe && !(eliciting && HasElicitingFrames(space)))
            return false;

        SkipNumbers(space);
        int numberLength = NumberLength(space);
        if (!TryWriteHeader(space, path, room, numberLength, ref built, out WireWriter writer))
            return false;

        SentFrameList sent = space.Building;
        sent.Clear();
        int payloadStart = writer.Position;
        if (space.Received.HasAckToSend)
            WriteAck(space, ref writer, sent);
        int afterAck = writer.Position;
        if (eliciting)
        {
            WriteElicitingFrames(space, path, ref writer, sent);
            if ((probe || _acksOnly >= PingAfterAcks) && writer.Position == afterAck && writer.Remaining > 0)
                WritePing(ref writer, sent);
        }
        bool isAckEliciting = writer.Position > afterAck;
        // What does not fit beside the acknowledgement leaves in the next packet, so the acknowledgement leaves alone.
        bool isAwaited = ackDue || (eliciting && HasElicitingFrames(space));
        if (writer.Position == payloadStart || (!isAckEliciting && !isAwaited))
        {
            if (mayFill && space.Id == PacketNumberSpace.Application)
                path.Recovery.IsApplicationLimited = true;
            return false;
        }
        bool isPadded = FinishPayload(ref writer, payloadStart, numberLength);
        built = built with { End = writer.Position, IsAckEliciting = isAckEliciting, IsPadded = isPadded };
        return true;
    }

    private bool TryWriteHeader(PacketSpace space, PathState path, Span<byte> room, int numberLength, ref BuiltPacket built, out WireWriter writer)
    {
        writer = default;
        ConnectionId destination;
        int headerLength;
        ReadOnlySpan<byte> token = default;
        PacketType type = PacketType.OneRtt;
        if (space.Id == PacketNumberSpace.Application && !SendsEarlyData)
        {
            if (!_peerIds.TryGetFor(path, out destination))
            {
                _cannotSend = true;
                return false;
            }
            headerLength = PacketHeaderWriter.ShortLength(destination);
        }
        else
        {
            destination = _handshakeDestination;
            type = space.Id switch
            {
                PacketNumberSpace.Initial => PacketType.Initial,
                PacketNumberSpace.Handshake => PacketType.Handshake,
                _ => PacketType.ZeroRtt,
            };
            if (IsClient && type == PacketType.Initial) // RFC 9000 sections 8.1.2, 8.1.3 and 17.2.2: a client's all have it, a server's none.
                token = _initialToken.Span;
            headerLength = PacketHeaderWriter.LongLength(type, destination, _firstLocalId, token.Length);
        }
        if (room.Length < headerLength + numberLength + MinNumberAndPayload + AeadTagLength)
            return false;
        writer = new WireWriter(room[..^AeadTagLength]);
        int lengthOffset = 0;
        if (type == PacketType.OneRtt)
            PacketHeaderWriter.WriteShort(ref writer, destination, _oneRtt!.KeyPhase, numberLength);
        else
            PacketHeaderWriter.WriteLong(ref writer, type, destination, _firstLocalId, token, numberLength, out lengthOffset);
        int numberOffset = writer.Position;
        PacketNumberCodec.Write(ref writer, space.NextNumber, numberLength);
        built = new BuiltPacket(space.Id, 0, numberOffset, writer.Position, 0, lengthOffset, space.NextNumber, false);
        return true;
    }

    /// <summary>
    /// Bytes that the packet number takes. RFC 9000 section 17.1 wants a number to be recoverable however late the packet is:
    /// one that takes an 80 ms relay comes after thousands that took a 5 ms path, which two bytes would not span at high rates.
    /// </summary>
    private int NumberLength(PacketSpace space)
    {
        int needed = PacketNumberCodec.LengthFor(space.NextNumber, _loss.LargestAcked(space.Id));
        return space.Id == PacketNumberSpace.Application && _paths.Count > 1 ? Math.Max(3, needed) : needed;
    }

    /// <summary>Pads a packet that is too short for a header protection sample, or for a stateless reset to pass for one like it.</summary>
    /// <returns>True if it had to.</returns>
    private static bool FinishPayload(ref WireWriter writer, int payloadStart, int numberLength)
    {
        int missing = Math.Max(MinNumberAndPayload - numberLength - (writer.Position - payloadStart), MinPacket - AeadTagLength - writer.Position);
        missing = Math.Min(missing, writer.Remaining);
        if (missing <= 0)
            return false;
        writer.Reserve(missing).Clear();
        return true;
    }

    /// <summary>Seals a built packet where it lies and records it.</summary>
    private void Seal(in BuiltPacket built, PathState path, NetworkPath network, Span<byte> buffer, SentPacketFlags flags)
    {
        PacketSpace space = Space(built.Space);
        int length = built.End + AeadTagLength;
        Span<byte> packet = buffer.Slice(built.Start, length);
        int numberLength = built.HeaderLength - built.NumberOffset;
        // Before it is sealed, as the frames are still in clear.
        _options.Trace?.Record(this, new TraceEvent(TraceKind.PacketSent, _now, IsClient, built.Space, built.Number, length, network, null) { IsEarly = built.IsEarly },
            packet[built.HeaderLength..^AeadTagLength]);
        if (built.Space == PacketNumberSpace.Application && !built.IsEarly)
        {
            _oneRtt!.Seal(packet, built.HeaderLength, built.Number);
            _batch[_batchCount++] = new BatchedHeader(built.Start, built.NumberOffset, numberLength);
        }
        else
        {
            PacketHeaderWriter.PatchLength(packet, built.LengthOffset, length - built.NumberOffset);
            LevelKeys keys = (built.IsEarly ? _earlyKeys : space.WriteKeys)!;
            keys.Aead.Seal(packet, built.HeaderLength, built.Number);
            keys.Header.Protect(packet, built.NumberOffset, numberLength);
        }
        space.NextNumber++;
        // RFC 9002 section 2: what is ack-eliciting or padded counts as in flight; acknowledgements alone do not.
        if (built.IsAckEliciting)
            flags |= SentPacketFlags.AckEliciting | SentPacketFlags.InFlight;
        if (built.IsPadded)
            flags |= SentPacketFlags.InFlight;
        if (_mark)
            flags |= SentPacketFlags.EcnMarked;
        _loss.OnPacketSent(built.Space, built.Number, _now, length, path.Recovery, flags, space.Building.AsSpan());
        if (built.IsAckEliciting && (flags & SentPacketFlags.Probe) == SentPacketFlags.None)
        {
            _loss.OnProbeSent(built.Space);
            _liveness.OnAckElicitingSent(_now);
        }
        if (built.Space == PacketNumberSpace.Application)
            _acksOnly = built.IsAckEliciting ? 0 : _acksOnly + 1;
        ReadOnlySpan<SentFrame> frames = space.Building.AsSpan();
        if (!frames.IsEmpty && frames[0].Kind == SentFrameKind.Ack)
            space.Received.OnAckSent();
        _statistics.PacketsSent++;
        // RFC 9001 section 4.9.1: a client's Initial keys go when it first sends a Handshake packet.
        if (IsClient && built.Space == PacketNumberSpace.Handshake)
            _discardInitialKeys = true;
        if (built.Space == PacketNumberSpace.Application && _oneRtt is { NeedsUpdate: true })
            UpdateKeys();
    }

    /// <summary>RFC 9001 sections 5.3 and 6.6: fresh keys before the old ones have sealed too much; where the peer prevents that, the end.</summary>
    private void UpdateKeys()
    {
        if (_oneRtt!.TryUpdate())
            _options.Trace?.Record(this, new TraceEvent(TraceKind.Keys, _now, IsClient, PacketNumberSpace.Application, 0, 0, null, "updated"), default);
        else if (_oneRtt.IsExhausted)
            CloseWith(QuicError.Transport(TransportErrorCode.AeadLimitReached, "the peer lets no key update happen"));
    }

    private void Count(PathState path, int length)
    {
        path.CountSent(length);
        _statistics.BytesSent += (ulong)length;
        if (_discardInitialKeys)
        {
            _discardInitialKeys = false;
            DiscardSpace(PacketNumberSpace.Initial);
        }
    }

    /// <summary>Header protection for all 1-RTT packets of the batch at once (RFC 9001 section 5.4): the time tells of no single number (section 9.5).</summary>
    private void ProtectHeaders(Span<byte> buffer)
    {
        if (_batchCount == 0)
            return;
        for (int i = 0; i < _batchCount; i++)
        {
            int sample = _batch[i].Start + _batch[i].NumberOffset + PacketNumberCodec.MaxLength; // RFC 9001 section 5.4.2
            buffer.Slice(sample, HeaderKey.SampleLength).CopyTo(_samples.AsSpan(i * HeaderKey.SampleLength));
        }
        _oneRtt!.WriteHeader.GetMasks(_samples, _batchCount, _masks);
        for (int i = 0; i < _batchCount; i++)
        {
            HeaderKey.Apply(buffer[_batch[i].Start..], _batch[i].NumberOffset, _batch[i].NumberLength,
                _masks.AsSpan(i * HeaderKey.SampleLength, HeaderKey.MaskLength));
        }
    }

    private bool HasElicitingFrames(PacketSpace space)
    {
        if (space.CryptoOut.HasPending)
            return true;
        if (space.Id == PacketNumberSpace.Application && !IsEstablished)
            return _streams.HasFramesFor(allowApplicationData: false, ControlStream); // 0-RTT, and what a server answers to it
        return space.Id == PacketNumberSpace.Application
            && (_owesHandshakeDone || _owesPing || _localIds.HasFramesToSend || _peerIds.HasFramesToSend || HasPunchFrames
                || _streams.HasFramesFor(_paths.Current.Network.CarriesData, ControlStream) || (_datagramsOut.Count > 0 && _paths.Current.Network.CarriesData));
    }

    /// <summary>
    /// What a level has to say; of anything new, only the highest level (RFC 9001 section 4.9). Congestion control has a say in all
    /// of it, the extensions' frames included (RFC 9000 section 19.21).
    /// </summary>
    private void WriteElicitingFrames(PacketSpace space, PathState path, ref WireWriter writer, SentFrameList sent)
    {
        while (space.CryptoOut.HasPending && space.CryptoOut.TryWriteFrame(ref writer, sent))
        {
        }
        if (space.Id != PacketNumberSpace.Application)
            return;
        if (!IsEstablished)
        {
            _streams.WriteFrames(ref writer, sent, allowApplicationData: false, control: ControlStream);
            return;
        }
        if (_owesHandshakeDone && writer.Remaining > 0)
        {
            writer.WriteVarInt(FrameTypes.HandshakeDone);
            sent.Add(new SentFrame(SentFrameKind.HandshakeDone, 0, 0, 0, false));
            _owesHandshakeDone = false;
        }
        if (_owesPing && writer.Remaining > 0)
        {
            WritePing(ref writer, sent);
            _owesPing = false;
        }
        _localIds.WriteFrames(ref writer, sent);
        _peerIds.WriteFrames(ref writer, sent);
        WritePunchFrames(ref writer, sent);
        bool data = path.Network.CarriesData;
        // Neither kind of data may starve the other: they take turns at the front of a packet.
        bool datagramsFirst = (space.NextNumber & 1) == 0;
        if (data && datagramsFirst)
            WriteDatagrams(ref writer, sent);
        _streams.WriteFrames(ref writer, sent, allowApplicationData: data, control: ControlStream);
        if (data && !datagramsFirst)
            WriteDatagrams(ref writer, sent);
    }

    /// <summary>DATAGRAM frames (RFC 9221 section 5): as soon as the congestion window lets a packet out.</summary>
    private void WriteDatagrams(ref WireWriter writer, SentFrameList sent)
    {
        while (_datagramsOut.FirstLength is >= 0 and int length)
        {
            int needed = DatagramFrame.HeaderLength(length) + length;
            if (needed > writer.Remaining)
            {
                // The path has become smaller since it was queued: it can never leave.
                if (length > MaxDatagramPayload)
                {
                    _datagramsOut.TryDequeue(default, out _);
                    _statistics.DatagramsDropped++;
                    continue;
                }
                return;
            }
            DatagramFrame.WriteHeader(ref writer, length);
            _datagramsOut.TryDequeue(writer.Reserve(length), out _);
            sent.Add(new SentFrame(SentFrameKind.Datagram, 0, 0, length, false));
        }
    }

    private static void WritePing(ref WireWriter writer, SentFrameList sent)
    {
        writer.WriteVarInt(FrameTypes.Ping);
        sent.Add(new SentFrame(SentFrameKind.Ping, 0, 0, 0, false));
    }

    /// <summary>What was received in a space is acknowledged in the same (RFC 9000 sections 13.2.6 and 17.2.3).</summary>
    private void WriteAck(PacketSpace space, ref WireWriter writer, SentFrameList sent)
    {
        // RFC 9000 section 13.2.5: the delay counts in the application's space alone.
        ulong delay = space.Id == PacketNumberSpace.Application
            ? (ulong)space.Received.Delay(_now).TotalMicroseconds >> (int)TransportParameters.DefaultAckDelayExponent
            : 0;
        if (AckFrame.TryWrite(ref writer, space.Received.Ranges, delay, space.Received.Ecn))
            sent.Add(new SentFrame(SentFrameKind.Ack, space.Received.AckSerial, 0, 0, false));
    }

    /// <summary>A probe has nothing new to carry: it carries what has waited longest (RFC 9002 section 6.2.4).</summary>
    private void RequeueOldest(PacketNumberSpace space)
    {
        if (_loss.TryGetOldestUnacked(space, out ReadOnlySpan<SentFrame> frames))
            Requeue(space, frames);
    }

    /// <summary>Now and then a number is left out; who acknowledges it lies (RFC 9000 section 21.4).</summary>
    private void SkipNumbers(PacketSpace space)
    {
        if (space.Id != PacketNumberSpace.Application || space.NextNumber < _nextSkip)
            return;
        _loss.OnPacketNumberSkipped(space.Id, space.NextNumber);
        space.NextNumber++;
        _nextSkip = space.NextNumber + DrawSkip();
    }

    private ulong DrawSkip()
    {
        Span<byte> random = stackalloc byte[2];
        _options.Randomness.FillPublic(random);
        return 256 + (ulong)((random[0] << 4) | (random[1] >> 4)); // every 256 to 4,351 packets
    }

    private bool MayMark(PathState path) => _isConfirmed && path.IsDirect && path.Recovery.Ecn.MayMark;

    private bool TryTransmitClose(Span<byte> buffer, out Transmit transmit)
    {
        transmit = default;
        PathState path = _paths.Current;
        int header = path.Network.HeaderLength;
        int size = (int)Math.Min(MtuDiscovery.BaseSize, path.AmplificationCredit); // RFC 9000 section 10.2.1
        _close.OnFrameSent(0);
        _mark = false;
        int length = 0;
        int packets = 0;
        foreach (PacketSpace space in _spaces)
        {
            // RFC 9000 section 10.2.3: at every level that the peer may be able to read.
            if (!HasWriteKeys(space) || !MayCoalesce(space, path, packets))
                continue;
            ref BuiltPacket built = ref _datagram[packets];
            if (!TryWriteHeader(space, path, buffer.Slice(header + length, Math.Max(0, size - length)), PacketNumberCodec.MaxLength, ref built, out WireWriter writer))
                continue;
            ConnectionCloseFrame frame = _close.FrameFor(space.Id);
            if (frame.Length > writer.Remaining)
                continue;
            int payloadStart = writer.Position;
            frame.Write(ref writer);
            FinishPayload(ref writer, payloadStart, PacketNumberCodec.MaxLength);
            space.Building.Clear();
            built = built with { Start = header + length, End = writer.Position };
            length += built.End + AeadTagLength;
            packets++;
        }
        if (packets == 0)
            return false;
        // RFC 9000 section 14.1, as for every datagram with an Initial that a client sends.
        length = SealDatagram(path, buffer, packets, length, padTo: IsClient && _datagram[0].Space == PacketNumberSpace.Initial ? size : 0);
        ProtectHeaders(buffer);
        _close.OnFrameSent(length);
        transmit = new Transmit(path.Network, header + length, header + length, false, 0);
        return true;
    }
}
