using Punchline.Quic.Paths;
using Punchline.Quic.Recovery;
using Punchline.Quic.Wire;

namespace Punchline.Quic;

/// <content>What the two sides tell each other of addresses and rounds: the frames of docs/wire/punch.md section 4.</content>
public sealed partial class QuicConnection
{
    /// <summary>OBSERVED_ADDRESS frames that count within a second: each may cost its owner a candidate.</summary>
    private static readonly TimeSpan ObservedInterval = TimeSpan.FromSeconds(1);

    private ulong _nextObserved;
    private ulong _peersNextObserved;
    private Instant? _observedAt;
    private UdpAddress _observedAddress;
    private bool _owesObservedAddress;

    // RFC 9000 section 19.21: only to who understands them.
    private bool HasPunchFrames => PunchAgreed && _isConfirmed
        && (_localCandidates.HasFramesToSend || _puncher.OwesFrame || _owesObservedAddress);

    /// <summary>Tells the peer a candidate of ours, once the connection is confirmed; one that is known is ignored, and at most 16 live.</summary>
    public void AddLocalCandidate(Candidate candidate) =>
        _localCandidates.Add(candidate, Math.Min(CandidateRules.MaxLive, _peer?.PunchCandidateLimit is > 0 and int limit ? limit : CandidateRules.MaxLive));

    /// <summary>Tells the peer that an address of ours is gone.</summary>
    public void RemoveLocalCandidate(UdpAddress address) => _localCandidates.Remove(address);

    private QuicError? ReadPunchFrame(NetworkPath path, ref WireReader reader, ulong type)
    {
        switch (type)
        {
            case FrameTypes.Candidate:
                if (!CandidateFrame.TryRead(ref reader, out CandidateFrame candidate))
                    return Malformed(type);
                if (_remoteCandidates.OnCandidate(candidate, _now, out bool probe) is { } error)
                    return error;
                if (probe)
                    Emit(new QuicEvent { Kind = QuicEventKind.CandidateReceived, Candidate = candidate.Candidate });
                return null;
            case FrameTypes.CandidateGone:
                if (!CandidateGoneFrame.TryRead(ref reader, out CandidateGoneFrame gone))
                    return Malformed(type);
                if (!_remoteCandidates.OnGone(gone.Sequence, out Candidate withdrawn))
                    return null;
                ForgetPairs(withdrawn.Address);
                Emit(new QuicEvent { Kind = QuicEventKind.CandidateGone, Candidate = withdrawn });
                return null;
            case FrameTypes.Punch:
                if (!PunchFrame.TryRead(ref reader, out PunchFrame punch))
                    return Malformed(type);
                if (_puncher.OnPunch(punch.Round, _now))
                    ProbeAllPairs();
                return null;
            case FrameTypes.ObservedAddress:
                if (!ObservedAddressFrame.TryRead(ref reader, out ObservedAddressFrame observed))
                    return Malformed(type);
                OnObservedAddress(observed, path);
                return null;
            default:
                return QuicError.Transport(TransportErrorCode.FrameEncodingError, "an unknown frame type", type);
        }
    }

    /// <summary>Paths to an address that the peer withdrew: pairs that have not shown that they work go, the others are left as soon as may be.</summary>
    private void ForgetPairs(UdpAddress address)
    {
        for (int i = _paths.Count - 1; i >= 0; i--)
        {
            PathState state = _paths[i];
            if (!state.IsDirect || state.Network.RemoteAddress != address)
                continue;
            if (state.IsPair && !state.IsValidated && state != _paths.Current)
            {
                Forget(state);
                continue;
            }
            // It serves until there is another; no round probes it after that.
            state.IsPair = false;
            state.IsLeaving = true;
            EndLeaving(state);
        }
        ReconsiderPaths();
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
}
