using System.Buffers.Binary;
using Punchline.Quic.Paths;
using Punchline.Quic.Recovery;
using Punchline.Quic.Wire;

namespace Punchline.Quic;

/// <content>What finds out about paths: opening probes, validation, the size of datagrams (RFC 9000 section 8.2; RFC 8899; docs/wire/punch.md section 5).</content>
public sealed partial class QuicConnection
{
    /// <summary>Room for a short header, two frames of nine bytes, and a tag.</summary>
    private const int SmallProbeBytes = 1 + ConnectionId.MaxLength + 4 + 9 + 9 + AeadTagLength;

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

    private void StartOpening(PathState state) => StartOpening(state, _now);

    private void StartOpening(PathState state, Instant at)
    {
        state.Stage = PathStage.Opening;
        state.OpenedAt = at;
        state.WasHit = false;
        state.Schedule.Start(at, ProbeSchedule.OpeningProbes, ProbingRtt);
    }

    /// <summary>The round trip that probes go by: the current path's, until a path has its own.</summary>
    private TimeSpan ProbingRtt => _paths.Current.Recovery.Rtt.Smoothed;

    /// <summary>Its opening probes began less than the time of a round ago: it may not have others yet (docs/wire/punch.md section 7).</summary>
    private bool WasJustOpened(PathState state) => state.OpenedAt is { } openedAt && _now - openedAt < Puncher.RoundInterval;

    private void ProbeAllPairs()
    {
        for (int i = 0; i < _paths.Count; i++)
        {
            PathState state = _paths[i];
            if (IsPaused(state))
                continue;
            if (state.IsPair && state.Stage is PathStage.Opening or PathStage.Failed)
                StartOpening(state);
            else if (state.IsValidated && state.IsDirect && state != _paths.Current && !state.Schedule.HasProbesLeft)
                state.Schedule.Start(_now, 1, ProbingRtt); // docs/wire/punch.md section 5.3: what we know to work, the peer may not yet.
        }
        PaceRounds();
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
        if (isSpent && _isConfirmed && !WasJustOpened(state) && !IsPaused(state))
            StartOpening(state);
        else if (state is { Stage: PathStage.Opening, Schedule.HasProbesLeft: true, WasHit: false })
        {
            // docs/wire/punch.md section 5.2: the answer to a hit is an opening probe as well. Only the first one hastens it: a
            // stream of packets must not use the probes up within one round trip.
            state.WasHit = true;
            state.Schedule.Hasten(_now);
        }
    }

    /// <summary>PATH_RESPONSE (RFC 9000 section 8.2.3).</summary>
    private void OnPathResponse(ulong data)
    {
        for (int i = 0; i < _paths.Count; i++)
        {
            PathState state = _paths[i];
            if (!state.TryMatch(data, out Instant sentAt, out bool full))
                continue;
            state.Tally.OnAnswered(sentAt, _now);
            state.IsAddressValidated = true;
            state.Recovery.IsAmplificationBlocked = false;
            // The answer to a challenge leaves at once, so that each is a sample; the path in use has better ones. The first of a path may have
            // waited for a neighbour's address, for a radio that slept, or in the peer for its very first packet from there; the choice of a
            // path goes by the shortest, and is made again when there is another.
            if (!state.IsValidated || state != _paths.Current)
                state.Recovery.Rtt.Update(_now - sentAt, TimeSpan.Zero, _now);
            if (full)
                OnPathValidated(state);
            else if (state.Stage is PathStage.Opening or PathStage.Failed)
                StartValidating(state);
            else
                ReconsiderPaths();
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
        state.WasValidated = true;
        state.IsSuspect = false;
        state.Schedule.Stop();
        state.ForgetChallenges();
        if (!isNew)
        {
            ReconsiderPaths();
            return;
        }
        TracePath(state, "validated");
        Emit(new QuicEvent { Kind = QuicEventKind.PathValidated, Path = state.Network });
        if (state == _paths.Current)
            OnCurrentPathReady();
        ReconsiderPaths();
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
        bool hasCredit = state.AmplificationCredit >= MtuDiscovery.BaseSize;
        // RFC 9000 sections 8.2.1 and 8.2.2: full-sized where the credit allows; docs/wire/punch.md: small until answered.
        bool full = hasCredit && ((challenge && !state.IsKeptOpen && (!PunchAgreed || state.IsAddressValidated || !state.IsDirect)) || state.OwesFullResponse);
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

        ulong? response = state.HasResponses ? state.TakeResponse().Data : null;
        ulong? data = challenge ? DrawChallenge() : null;
        length = WriteProbe(state, state.Network, destination, full, response, data, buffer);
        if (data is { } sent)
        {
            state.RecordChallenge(sent, _now, full);
            state.Tally.OnSent(_now);
            state.IsKeptOpen = false;
            state.Schedule.OnProbeSent(_now);
        }
        return true;
    }

    private ulong DrawChallenge()
    {
        Span<byte> random = stackalloc byte[8];
        _options.Randomness.FillPublic(random);
        return BinaryPrimitives.ReadUInt64BigEndian(random);
    }

    /// <summary>Writes and seals one datagram with PATH_RESPONSE, PATH_CHALLENGE or both.</summary>
    /// <param name="state">The path that keeps account of it.</param>
    /// <param name="network">Where it goes.</param>
    /// <param name="destination">The peer's connection id.</param>
    /// <param name="full">Whether it has the size that validates.</param>
    /// <param name="response">The data of a PATH_RESPONSE.</param>
    /// <param name="challenge">The data of a PATH_CHALLENGE.</param>
    /// <param name="buffer">Room for it.</param>
    /// <returns>Its length, the path's own header included.</returns>
    private int WriteProbe(
        PathState state, NetworkPath network, in ConnectionId destination, bool full, ulong? response, ulong? challenge, Span<byte> buffer)
    {
        int header = network.HeaderLength;
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
            new PathResponseFrame(answer).Write(ref writer);
            sent.Add(new SentFrame(SentFrameKind.PathResponse, 0, 0, 0, false));
        }
        if (challenge is { } question)
        {
            new PathChallengeFrame(question).Write(ref writer);
            sent.Add(new SentFrame(SentFrameKind.PathChallenge, 0, 0, 0, false));
        }
        if (full)
            writer.Reserve(writer.Remaining).Clear();
        else
            FinishPayload(ref writer, headerLength, numberLength);
        var built = new BuiltPacket(space.Id, header, numberOffset, headerLength, writer.Position, 0, space.NextNumber, IsAckEliciting: true);
        Seal(built, state, network, buffer, SentPacketFlags.Probe);
        Count(state, writer.Position + AeadTagLength);
        return header + writer.Position + AeadTagLength;
    }

    /// <summary>One datagram of the size that the search wants to try: PING and padding, nothing to be sent again (RFC 8899 sections 3 and 4.1).</summary>
    private bool TryTransmitMtuProbe(Span<byte> buffer, out Transmit transmit)
    {
        transmit = default;
        PathState path = _paths.Current;
        // Where no data goes, nothing is gained. A probe timeout's packet must not be one that may be too large.
        bool mayProbe = _isConfirmed && path.Network.CarriesData && path.IsAddressValidated && _loss.ProbesDue(PacketNumberSpace.Application) == 0;
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
        Seal(built with { Start = header, End = writer.Position, IsAckEliciting = true }, path, path.Network, buffer, SentPacketFlags.MtuProbe);
        path.Mtu.OnProbeSent();
        Count(path, size);
        transmit = new Transmit(path.Network, header + size, header + size, false, 0);
        return true;
    }

    /// <summary>Nothing large arrives on a path (RFC 8899 section 4.3).</summary>
    private void OnBlackHole(PathState state)
    {
        state.LargeLost = 0;
        state.Mtu.OnBlackHole(_now);
        state.Recovery.OnDatagramSizeChanged(state.Mtu.Current);
    }
}
