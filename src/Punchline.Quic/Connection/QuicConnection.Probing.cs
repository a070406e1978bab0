using System.Buffers.Binary;
using Punchline.Quic.Paths;
using Punchline.Quic.Recovery;
using Punchline.Quic.Wire;

namespace Punchline.Quic;

/// <content>Paths: candidates, probes, validation, nomination (RFC 9000 sections 8.2 and 9; docs/wire/punch.md).</content>
public sealed partial class QuicConnection
{
    private ulong _observedSequence;
    private UdpAddress _observedAddress;
    private bool _owesObservedAddress;

    private bool HasPunchFrames => PunchAgreed && _isConfirmed
        && (_localCandidates.HasFramesToSend || _puncher.OwesFrame || _owesObservedAddress);

    /// <summary>Tells the peer a candidate of ours, once the connection is confirmed; one that is known is ignored, and at most 16 live.</summary>
    public void AddLocalCandidate(Candidate candidate) =>
        _localCandidates.Add(candidate, Math.Min(CandidateRules.MaxLive, _peer?.PunchCandidateLimit is > 0 and int limit ? limit : CandidateRules.MaxLive));

    /// <summary>Tells the peer that an address of ours is gone.</summary>
    public void RemoveLocalCandidate(UdpAddress address) => _localCandidates.Remove(address);

    /// <summary>Adds a way to one of the peer's candidates; it is probed at once, and with each later round until it stands.</summary>
    /// <returns>False if the peer has no <c>punch</c>, or there are as many paths as may be.</returns>
    public bool TryAddPath(Instant now, NetworkPath path)
    {
        ArgumentNullException.ThrowIfNull(path);
        _now = now;
        if (!IsOpen || !PunchAgreed || path.Kind != PathKind.Direct)
            return false;
        if (_paths.Find(path) is not null)
            return true;
        PathState state = NewPath(path, PathStage.Opening, isPair: true);
        if (!AddPath(state))
            return false;
        _puncher.OnPathAdded(now);
        StartOpening(state);
        return true;
    }

    /// <summary>A way is gone: its socket was closed, or its server.</summary>
    public void RemovePath(Instant now, NetworkPath path)
    {
        _now = now;
        if (_paths.Find(path) is not { } state)
            return;
        state.IsSuspect = true;
        if (state == _paths.Current)
            ReconsiderPaths();
        if (state != _paths.Current && state != _paths.First)
            Forget(state);
    }

    /// <summary>The system refused a datagram as too large for this path.</summary>
    /// <param name="now">The time.</param>
    /// <param name="path">The path.</param>
    /// <param name="size">Its size in bytes, the path's own header left out.</param>
    public void OnDatagramTooLarge(Instant now, NetworkPath path, int size)
    {
        if (_paths.Find(path) is { } state)
        {
            state.Mtu.OnTooLarge(size, now);
            state.Recovery.OnDatagramSizeChanged(state.Mtu.Current);
        }
    }

    private PathState NewPath(NetworkPath network, PathStage stage, bool isPair)
    {
        int largest = Math.Min(MaxUdpPayload, network.MaxUdpPayload - network.HeaderLength);
        if (_peer is { MaxUdpPayloadSize: var peers } && peers < (ulong)largest)
            largest = (int)peers;
        return new PathState(network, stage, largest) { IsPair = isPair };
    }

    private bool AddPath(PathState state)
    {
        if (!_paths.TryAdd(state, out PathState? evicted))
            return false;
        if (evicted is not null)
            OnForgotten(evicted);
        TracePath(state, "added");
        return true;
    }

    private void Forget(PathState state)
    {
        _paths.Remove(state);
        OnForgotten(state);
    }

    private void OnForgotten(PathState state)
    {
        _peerIds.Release(state);
        _loss.AbandonPath(state.Recovery, _now);
        Emit(new QuicEvent { Kind = QuicEventKind.PathLost, Path = state.Network });
        TracePath(state, "forgotten");
    }

    /// <summary>An authentic packet came on a path that nobody added: the peer is there (a peer-reflexive candidate).</summary>
    private PathState? AdoptPath(NetworkPath network, int datagramLength)
    {
        // RFC 9000 section 9: only the client moves, and only after the handshake; with "punch" both may be anywhere.
        if (!_isConfirmed || (IsClient && !PunchAgreed))
            return null;
        PathState state = NewPath(network, PathStage.Opening, isPair: false);
        if (!AddPath(state))
            return null;
        state.CountReceived(datagramLength);
        return state;
    }

    private void StartOpening(PathState state)
    {
        state.Stage = PathStage.Opening;
        state.Schedule.Start(_now, ProbeSchedule.OpeningProbes, ProbingRtt);
    }

    /// <summary>The round trip that probes go by: the current path's, until a path has its own.</summary>
    private TimeSpan ProbingRtt => _paths.Current.Recovery.Rtt.Smoothed;

    private void ProbeAllPairs()
    {
        for (int i = 0; i < _paths.Count; i++)
        {
            PathState state = _paths[i];
            if (state.IsPair && state.Stage is PathStage.Opening or PathStage.Failed)
                StartOpening(state);
        }
    }

    /// <summary>An authentic packet came on a path.</summary>
    private void OnHeardOnPath(PathState state)
    {
        state.IsSuspect = false;
        if (state.Stage == PathStage.Failed || (state.Stage == PathStage.Opening && !state.Schedule.HasProbesLeft && _isConfirmed))
            StartOpening(state);
        else if (state.Stage == PathStage.Opening && state.Schedule.HasProbesLeft)
            state.Schedule.Hasten(_now); // docs/wire/punch.md section 5.2: the answer to a hit is an opening probe as well.
    }

    /// <summary>PATH_RESPONSE (RFC 9000 section 8.2.3).</summary>
    private void OnPathResponse(ulong data)
    {
        for (int i = 0; i < _paths.Count; i++)
        {
            PathState state = _paths[i];
            if (!state.TryMatch(data, out Instant sentAt, out bool full))
                continue;
            state.IsAddressValidated = true;
            state.Recovery.IsAmplificationBlocked = false;
            if (!state.Recovery.Rtt.HasSample)
                state.Recovery.Rtt.Update(_now - sentAt, TimeSpan.Zero, _now);
            if (full)
                OnPathValidated(state);
            else if (state.Stage is PathStage.Opening or PathStage.Failed)
                StartValidating(state);
            return;
        }
    }

    private void StartValidating(PathState state)
    {
        state.Stage = PathStage.Validating;
        state.Schedule.Start(_now, ProbeSchedule.ValidationProbes, 3 * state.Recovery.Rtt.Smoothed);
        TracePath(state, "validating");
    }

    private void OnPathValidated(PathState state)
    {
        bool isNew = !state.IsValidated;
        state.Stage = PathStage.Validated;
        state.IsSuspect = false;
        state.Schedule.Stop();
        state.ForgetChallenges();
        if (!isNew)
            return;
        TracePath(state, "validated");
        Emit(new QuicEvent { Kind = QuicEventKind.PathValidated, Path = state.Network });
        if (state == _paths.Current)
            OnCurrentPathReady();
        ReconsiderPaths();
    }

    /// <summary>The client's choice: the best validated path (<see cref="PathChooser"/>).</summary>
    private void ReconsiderPaths()
    {
        if (!IsClient || !_isConfirmed)
            return;
        PathState best = _paths.Current;
        for (int i = 0; i < _paths.Count; i++)
        {
            if (PathChooser.ShouldSwitch(Rate(best), Rate(_paths[i])))
                best = _paths[i];
        }
        if (best != _paths.Current)
        {
            MoveTo(best);
            _owesPing = true; // The nomination itself: a non-probing packet that asks for an answer.
        }
        if (_paths.HasDirect)
            _puncher.Pause();
        else
            _puncher.Resume(_now);
    }

    private static PathChooser.Rating Rate(PathState state) => new(
        state.IsValidated && !state.IsSuspect, state.IsDirect, state.Network.RemoteAddress.IsIPv6, state.Recovery.Rtt.Smoothed);

    /// <summary>The server follows the client's newest non-probing packet (RFC 9000 section 9.3).</summary>
    private void FollowTo(PathState state, in ConnectionId destination)
    {
        MoveTo(state);
        if (!state.IsValidated && state.Stage != PathStage.Validating && !state.Schedule.HasProbesLeft)
            StartOpening(state);
    }

    private void MoveTo(PathState state)
    {
        PathState old = _paths.Current;
        _paths.Current = state;
        _loss.AbandonPath(old.Recovery, _now);
        _loss.ResumePath(state.Recovery, _now);
        _loss.ResetPtoCount();
        if (state.IsValidated)
            OnCurrentPathReady();
        Emit(new QuicEvent { Kind = QuicEventKind.PathChanged, Path = state.Network });
        TracePath(state, "current");
    }

    private void OnCurrentPathReady()
    {
        PathState current = _paths.Current;
        current.Mtu.IsEnabled = current.IsDirect;
        current.Recovery.OnDatagramSizeChanged(current.Mtu.Current);
        _streams.OnRttUpdate(current.Recovery.Rtt.Smoothed);
        ObserveAddress(current);
    }

    /// <summary>Tells the peer under which address it is seen on the path in use.</summary>
    private void ObserveAddress(PathState state)
    {
        if (!PunchAgreed || !state.IsDirect || state.Network.RemoteAddress == _observedAddress)
            return;
        _observedAddress = state.Network.RemoteAddress;
        _observedSequence++;
        _owesObservedAddress = true;
    }

    private void WritePunchFrames(scoped ref WireWriter writer, SentFrameList sent)
    {
        if (!HasPunchFrames)
            return;
        _localCandidates.WriteFrames(ref writer, sent);
        var punch = new PunchFrame(_puncher.Round);
        if (_puncher.OwesFrame && punch.Length <= writer.Remaining)
        {
            punch.Write(ref writer);
            sent.Add(new SentFrame(SentFrameKind.Punch, punch.Round, 0, 0, false));
            _puncher.OwesFrame = false;
        }
        var observed = new ObservedAddressFrame(_observedSequence, _observedAddress);
        if (_owesObservedAddress && observed.Length <= writer.Remaining)
        {
            observed.Write(ref writer);
            sent.Add(new SentFrame(SentFrameKind.ObservedAddress, _observedSequence, 0, 0, false));
            _owesObservedAddress = false;
        }
    }

    /// <summary>Answers and challenges, each on its own path: one datagram that is not part of the data's flow.</summary>
    private bool TryTransmitProbe(Span<byte> buffer, out Transmit transmit)
    {
        transmit = default;
        if (!_isConfirmed)
            return false;
        for (int i = 0; i < _paths.Count; i++)
        {
            PathState state = _paths[i];
            bool challenge = state.Schedule.HasProbesLeft && state.Schedule.NextAt <= _now;
            if ((state.HasResponses || challenge) && TryBuildProbe(state, challenge, buffer, out int length))
            {
                transmit = new Transmit(state.Network, length, length, false, 0);
                return true;
            }
        }
        return false;
    }

    private bool TryBuildProbe(PathState state, bool challenge, Span<byte> buffer, out int length)
    {
        length = 0;
        int header = state.Network.HeaderLength;
        bool hasCredit = state.AmplificationCredit >= MtuDiscovery.BaseSize;
        PathState.PathResponse? response = state.HasResponses ? state.TakeResponse() : null;
        // RFC 9000 sections 8.2.1 and 8.2.2: full-sized where the credit allows; docs/wire/punch.md: small until answered.
        bool full = hasCredit && ((challenge && (!PunchAgreed || state.IsAddressValidated || !state.IsDirect)) || response is { Full: true });
        if (!_peerIds.TryGetForProbe(state, fresh: full, out ConnectionId destination))
        {
            if (challenge)
                state.Schedule.Postpone(_now);
            return false;
        }
        if (!full && !state.IsPair && state.AmplificationCredit < SmallProbeBytes)
        {
            if (challenge)
                state.Schedule.OnProbeSent(_now);
            return false;
        }

        PacketSpace space = Space(PacketNumberSpace.Application);
        SkipNumbers(space);
        int numberLength = NumberLength(space);
        int size = full ? MtuDiscovery.BaseSize : SmallProbeBytes;
        var writer = new WireWriter(buffer.Slice(header, size - AeadTagLength));
        PacketHeaderWriter.WriteShort(ref writer, destination, _oneRtt!.KeyPhase, numberLength);
        int numberOffset = writer.Position;
        PacketNumberCodec.Write(ref writer, space.NextNumber, numberLength);
        int headerLength = writer.Position;
        SentFrameList sent = space.Building;
        sent.Clear();
        if (response is { } answer)
        {
            new PathResponseFrame(answer.Data).Write(ref writer);
            sent.Add(new SentFrame(SentFrameKind.PathResponse, 0, 0, 0, false));
        }
        if (challenge)
        {
            Span<byte> random = stackalloc byte[8];
            _options.Randomness.FillPublic(random);
            ulong data = BinaryPrimitives.ReadUInt64BigEndian(random);
            new PathChallengeFrame(data).Write(ref writer);
            sent.Add(new SentFrame(SentFrameKind.PathChallenge, 0, 0, 0, false));
            state.RecordChallenge(data, _now, full);
            state.Schedule.OnProbeSent(_now);
        }
        if (full)
            writer.Reserve(writer.Remaining).Clear();
        var built = new BuiltPacket(space.Id, header, numberOffset, headerLength, writer.Position, 0, space.NextNumber, IsAckEliciting: true);
        Seal(built, state, buffer, SentPacketFlags.Probe);
        Count(state, writer.Position + AeadTagLength);
        length = header + writer.Position + AeadTagLength;
        return true;
    }

    /// <summary>Room for a short header, two frames of nine bytes, and a tag.</summary>
    private const int SmallProbeBytes = 1 + ConnectionId.MaxLength + 4 + 9 + 9 + AeadTagLength;

    /// <summary>One datagram of the size that the search wants to try (RFC 8899).</summary>
    private bool TryTransmitMtuProbe(Span<byte> buffer, out Transmit transmit)
    {
        transmit = default;
        PathState path = _paths.Current;
        int size = _isConfirmed && path.IsAddressValidated ? path.Mtu.DueProbe : 0;
        int header = path.Network.HeaderLength;
        if (size == 0 || size + header > buffer.Length || !MayFill(path, size))
            return false;
        PacketSpace space = Space(PacketNumberSpace.Application);
        SkipNumbers(space);
        int numberLength = NumberLength(space);
        BuiltPacket built = default;
        if (!TryWriteHeader(space, path, buffer.Slice(header, size), numberLength, ref built, out WireWriter writer))
            return false;
        space.Building.Clear();
        WritePing(ref writer, space.Building);
        writer.Reserve(writer.Remaining).Clear();
        Seal(built with { Start = header, End = writer.Position, IsAckEliciting = true }, path, buffer, SentPacketFlags.MtuProbe);
        path.Mtu.OnProbeSent();
        Count(path, size);
        transmit = new Transmit(path.Network, header + size, header + size, false, 0);
        return true;
    }

    private void TracePath(PathState state, string text) =>
        _options.Trace?.Record(new TraceEvent(TraceKind.Path, _now, IsClient, PacketNumberSpace.Application, 0, 0, state.Network, text));
}
