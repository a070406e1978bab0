using System.Buffers.Binary;
using Punchline.Quic.Paths;
using Punchline.Quic.Recovery;
using Punchline.Quic.Wire;

namespace Punchline.Quic;

/// <content>Paths: candidates, probes, validation, nomination (RFC 9000 sections 8.2 and 9; docs/wire/punch.md).</content>
public sealed partial class QuicConnection
{
    /// <summary>OBSERVED_ADDRESS frames that count within a second: each may cost its owner a candidate.</summary>
    private static readonly TimeSpan ObservedInterval = TimeSpan.FromSeconds(1);

    /// <summary>Probe timeouts without an answer after which the validation of a path that is in use is given up (RFC 9000 section 8.2.4).</summary>
    private const int AbandonAfterTimeouts = 3;

    private ulong _nextObserved;
    private ulong _peersNextObserved;
    private Instant? _observedAt;
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
        state.IsRemoved = true;
        if (state == _paths.Current)
            ReconsiderPaths();
        if (state != _paths.Current && state != _paths.First)
            Forget(state);
    }

    /// <summary>
    /// The machine slept, or its network is another one: what was learnt of the paths may be past. Each direct one has to prove
    /// itself again, the one in use by its next acknowledgement, and a new round of probing opens the NATs on the way.
    /// </summary>
    public void OnNetworkChanged(Instant now)
    {
        _now = now;
        if (!IsOpen || !_isConfirmed)
            return;
        _owesPing = true;
        for (int i = 0; i < _paths.Count; i++)
        {
            PathState state = _paths[i];
            // What was opened within the time of a round has just proved itself, and may not be probed anew so soon.
            if (state.IsValidated && state.IsDirect && state != _paths.Current && !(now - state.OpenedAt < Puncher.RoundInterval))
                StartOpening(state);
        }
        _puncher.Restart(now);
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
        if (PunchAgreed && state.IsDirect)
            _puncher.OnPathAdded(_now);
        return state;
    }

    private void StartOpening(PathState state) => StartOpening(state, Instant.Never);

    private void StartOpening(PathState state, Instant endsAt)
    {
        state.Stage = PathStage.Opening;
        state.OpenedAt = _now;
        state.Schedule.Start(_now, ProbeSchedule.OpeningProbes, ProbingRtt, endsAt);
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
            else if (state.IsValidated && state.IsDirect && state != _paths.Current && !state.Schedule.HasProbesLeft)
                state.Schedule.Start(_now, 1, ProbingRtt); // docs/wire/punch.md section 5.3: what we know to work, the peer may not yet.
        }
        if (_paths.HasDirect)
            _puncher.Pause(); // The round was asked for; no other has to follow it.
    }

    /// <summary>An authentic packet came on a path.</summary>
    private void OnHeardOnPath(PathState state)
    {
        if (state.IsSuspect)
        {
            state.IsSuspect = false;
            ReconsiderPaths();
        }
        // Who is heard is probed again, but no more often than a round may begin: a forged source address must not pay.
        bool isSpent = state.Stage == PathStage.Failed || (state.Stage == PathStage.Opening && !state.Schedule.HasProbesLeft);
        if (isSpent && _isConfirmed && !(_now - state.OpenedAt < Puncher.RoundInterval))
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
            // The answer to a challenge leaves at once, so that each is a sample. The first of a path may have waited in the
            // peer for its very first packet from there; the choice of a path goes by the shortest.
            if (!state.IsValidated)
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
            // RFC 9000 section 9.5: a path needs an id of its own. Moving to one without would leave no way even to ask for more.
            if (PathChooser.ShouldSwitch(Rate(best), Rate(_paths[i])) && _peerIds.CanGetFor(_paths[i]))
                best = _paths[i];
        }
        // Where nothing is usable, the server's path is the best guess: it needs nothing but that packets pass.
        if (best.IsSuspect && best != _paths.First)
            best = _paths.First;
        if (best != _paths.Current)
        {
            // What died must prove itself again before it is chosen again: the next rounds probe it.
            if (_paths.Current is { IsSuspect: true, IsDirect: true } dead)
                dead.Stage = PathStage.Failed;
            MoveTo(best);
            _owesPing = true; // The nomination itself: a non-probing packet that asks for an answer.
        }
        if (_paths.HasDirect)
            _puncher.Pause();
        else
            _puncher.Resume(_now);
    }

    /// <summary>A path is as long as its shortest sample: queues, ours above all, are no reason to leave it.</summary>
    private static PathChooser.Rating Rate(PathState state) => new(
        state.IsValidated && !state.IsSuspect, state.IsDirect, state.Network.RemoteAddress.IsIPv6, state.Recovery.Rtt.Minimum);

    /// <summary>The server follows the client's newest non-probing packet (RFC 9000 section 9.3).</summary>
    private void FollowTo(PathState state)
    {
        PathState old = _paths.Current;
        if (old.IsValidated)
            _lastValidated = old;
        // RFC 9000 section 9.5: an id of its own; where the peer left none to spare, the one of the path that it left.
        if (!_peerIds.TryGetFor(state, out _))
            _peerIds.Move(old, state);
        MoveTo(state);
        if (state.IsValidated)
            return;
        // RFC 9000 section 8.2.4: given up after three probe timeouts, of the old path or of the new one, whichever is longer.
        if (state.Stage != PathStage.Validating)
        {
            StartOpening(state, _now + (AbandonAfterTimeouts * Larger(ProbeTimeoutOf(old), ProbeTimeoutOf(state))));
        }
        // RFC 9000 section 9.3.3: an attacker may have carried the packet; a client that is still at the old address
        // answers there, with a packet that brings us back.
        if (old.IsValidated && !old.Schedule.HasProbesLeft)
            old.Schedule.Start(_now, 1, ProbingRtt);
    }

    private TimeSpan ProbeTimeoutOf(PathState state) => state.Recovery.Rtt.ProbeTimeout(_loss.PeerMaxAckDelay);

    private static TimeSpan Larger(TimeSpan a, TimeSpan b) => a > b ? a : b;

    /// <summary>RFC 9000 section 9.3.2: the new path does not validate, so the last one that did serves again.</summary>
    private void FallBack()
    {
        if (!IsClient && _lastValidated is { IsValidated: true } last && _paths.Find(last.Network) is not null)
            MoveTo(last);
    }

    private PathState? _lastValidated;

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
        if (old.IsRemoved && old != _paths.First)
            Forget(old);
    }

    private void OnCurrentPathReady()
    {
        PathState current = _paths.Current;
        current.Mtu.IsEnabled = current.IsDirect;
        current.Recovery.OnDatagramSizeChanged(current.Mtu.Current);
        _streams.OnRttUpdate(current.Recovery.Rtt.Smoothed);
        ObserveAddress(current);
    }

    /// <summary>OBSERVED_ADDRESS: the newest counts, and no more than one in a second.</summary>
    private void OnObservedAddress(in ObservedAddressFrame observed, NetworkPath path)
    {
        if (observed.Sequence < _peersNextObserved || _now - _observedAt < ObservedInterval)
            return;
        _peersNextObserved = observed.Sequence + 1;
        _observedAt = _now;
        Emit(new QuicEvent
        {
            Kind = QuicEventKind.ObservedAddress,
            Path = path,
            Candidate = new Candidate(observed.Address, CandidateKind.PeerReflexive),
        });
    }

    /// <summary>Tells the peer under which address it is seen on the path in use.</summary>
    private void ObserveAddress(PathState state)
    {
        if (!PunchAgreed || !state.IsDirect || state.Network.RemoteAddress == _observedAddress)
            return;
        _observedAddress = state.Network.RemoteAddress;
        _nextObserved++;
        _owesObservedAddress = true;
    }

    private void WritePunchFrames(scoped ref WireWriter writer, SentFrameList sent)
    {
        if (!HasPunchFrames)
            return;
        _localCandidates.WriteFrames(ref writer, sent, _peer!.PunchCandidateLimit);
        var punch = new PunchFrame(_puncher.Round);
        if (_puncher.OwesFrame && punch.Length <= writer.Remaining)
        {
            punch.Write(ref writer);
            sent.Add(new SentFrame(SentFrameKind.Punch, punch.Round, 0, 0, false));
            _puncher.OwesFrame = false;
        }
        if (!_owesObservedAddress)
            return;
        var observed = new ObservedAddressFrame(_nextObserved - 1, _observedAddress);
        if (observed.Length <= writer.Remaining)
        {
            observed.Write(ref writer);
            sent.Add(new SentFrame(SentFrameKind.ObservedAddress, observed.Sequence, 0, 0, false));
            _owesObservedAddress = false;
        }
    }

    /// <summary>Answers and challenges, each on its own path: one datagram that is not part of the data's flow.</summary>
    private bool TryTransmitProbe(Span<byte> buffer, out Transmit transmit)
    {
        transmit = default;
        if (!_isConfirmed)
            return false;
        _mark = false;
        for (int i = 0; i < _paths.Count; i++)
        {
            PathState state = _paths[i];
            bool challenge = state.Schedule.HasProbesLeft && state.Schedule.NextAt <= _now;
            if (challenge && state.Stage == PathStage.Opening && !_puncher.TryTakeProbe(_now))
            {
                state.Schedule.Postpone(_now);
                challenge = false;
            }
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
        // RFC 9000 sections 8.2.1 and 8.2.2: full-sized where the credit allows; docs/wire/punch.md: small until answered.
        bool full = hasCredit && ((challenge && (!PunchAgreed || state.IsAddressValidated || !state.IsDirect)) || state.OwesFullResponse);
        if (!_peerIds.TryGetForProbe(state, fresh: full, out ConnectionId destination))
        {
            if (challenge)
                state.Schedule.Postpone(_now);
            return false;
        }
        if (!full && !state.IsPair && state.AmplificationCredit < SmallProbeBytes)
        {
            // No credit: nothing can be said before the peer says more.
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
        if (state.HasResponses)
        {
            new PathResponseFrame(state.TakeResponse().Data).Write(ref writer);
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
        // A probe timeout's packet must not be one that may be too large.
        bool mayProbe = _isConfirmed && path.IsAddressValidated && _loss.ProbesDue(PacketNumberSpace.Application) == 0;
        int size = mayProbe ? path.Mtu.DueProbe : 0;
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

    /// <summary>Pairs with an address that the peer withdrew, unless it has shown that the path works.</summary>
    private void ForgetPairs(UdpAddress address)
    {
        for (int i = _paths.Count - 1; i >= 0; i--)
        {
            PathState state = _paths[i];
            if (!state.IsPair || state.Network.RemoteAddress != address)
                continue;
            if (state.IsValidated || state == _paths.Current)
                state.IsPair = false; // It lives on until it fails; no round probes it after that.
            else
                Forget(state);
        }
    }

    /// <summary>Nothing large arrives on a path (RFC 8899 section 4.3).</summary>
    private void OnBlackHole(PathState state)
    {
        state.LargeLost = 0;
        state.Mtu.OnBlackHole(_now);
        state.Recovery.OnDatagramSizeChanged(state.Mtu.Current);
    }

    private void TracePath(PathState state, string text) =>
        _options.Trace?.Record(new TraceEvent(TraceKind.Path, _now, IsClient, PacketNumberSpace.Application, 0, 0, state.Network, text));
}
