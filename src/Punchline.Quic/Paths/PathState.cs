using Punchline.Quic.Recovery;

namespace Punchline.Quic.Paths;

/// <summary>How far a path has come.</summary>
internal enum PathStage : byte
{
    /// <summary>Probes open our own NAT and look for an answer.</summary>
    Opening,

    /// <summary>A small challenge was answered: the address is real. Full-sized ones ask whether the path carries data.</summary>
    Validating,

    /// <summary>The peer answered a full-sized challenge.</summary>
    Validated,

    /// <summary>No answer came in time. A later round may try again.</summary>
    Failed,
}

/// <summary>
/// One path of one connection: what it has shown, and everything that belongs to a network and not to the connection
/// (round-trip time, congestion, pacing: RFC 9000 section 9.4; MTU: section 14.2; anti-amplification credit).
/// </summary>
/// <remarks>
/// <code>
///          small challenge answered       full one answered
/// Opening ------------------------> Validating -----------> Validated
///  ^  |  '------------- full one answered -------------------^  |
///  |  | no answer                       | no answer              | dead
///  |  '--------------> Failed &lt;---------+------------------------'
///  '-- next round, or a packet --'
/// </code>
/// A challenge is full-sized (1,200 bytes) when the anti-amplification credit allows it, so that a plain RFC 9000
/// migration is validated in one round trip, and small otherwise (RFC 9000 section 8.2.1). The path of the handshake
/// is Validated from the start on the client, and on the server once the client's address is (section 8.1).
/// </remarks>
internal sealed class PathState
{
    /// <summary>How many times as much as we received may leave for an address that is not validated (RFC 9000 section 8.1).</summary>
    private const int AmplificationFactor = 3;

    /// <summary>Challenges that are remembered: a late answer to an earlier one still counts.</summary>
    private const int MaxOutstandingChallenges = 8;

    /// <summary>Answers that may wait; who challenges faster gets the newest answered (RFC 9000 section 8.2.2 asks for one each).</summary>
    private const int MaxPendingResponses = 4;

    private readonly Challenge[] _challenges = new Challenge[MaxOutstandingChallenges];
    private readonly PathResponse[] _responses = new PathResponse[MaxPendingResponses];
    private ProbeTally _tally;
    private int _nextChallenge;
    private int _responseCount;
    private long _received;
    private long _sent;

    private record struct Challenge(ulong Data, Instant SentAt, bool Full, bool IsSet);

    /// <summary>An answer that waits, and whether its challenge came in a full-sized datagram: then so does the answer.</summary>
    internal readonly record struct PathResponse(ulong Data, bool Full);

    internal PathState(NetworkPath network, PathStage stage, int maxDatagram)
    {
        Network = network;
        Stage = stage;
        Recovery = new RecoveryPath(MtuDiscovery.BaseSize) { Owner = this };
        Mtu = new MtuDiscovery(maxDatagram);
    }

    internal NetworkPath Network { get; }

    internal RecoveryPath Recovery { get; }

    internal MtuDiscovery Mtu { get; }

    internal PathStage Stage { get; set; }

    /// <summary>When a packet that authenticated last came this way; <see cref="Instant.Zero"/> if none has.</summary>
    internal Instant HeardAt { get; set; }

    /// <summary>The timing of the probes that <see cref="Stage"/> calls for.</summary>
    internal ProbeSchedule Schedule { get; } = new();

    internal bool IsDirect => Network.Kind == PathKind.Direct;

    internal bool IsValidated => Stage == PathStage.Validated;

    /// <summary>A packet came since the opening probes began: the next of them was sent at once.</summary>
    internal bool WasHit { get; set; }

    /// <summary>When the opening probes last began; null if they never have.</summary>
    internal Instant? OpenedAt { get; set; }

    /// <summary>The next answer belongs into a full-sized datagram (RFC 9000 section 8.2.2).</summary>
    internal bool OwesFullResponse => _responseCount > 0 && _responses[_responseCount - 1].Full;

    internal bool HasResponses => _responseCount > 0;

    /// <summary>True if we are asked to probe this path (a pair), false if the peer's packet made it known or its candidate is gone.</summary>
    internal bool IsPair { get; set; }

    /// <summary>True once the peer answered a challenge, however small: nobody else's address is hit.</summary>
    internal bool IsAddressValidated { get; set; }

    /// <summary>True once the peer answered a full-sized challenge, whatever became of the path since.</summary>
    internal bool WasValidated { get; set; }

    /// <summary>Its owner took it away: it goes as soon as it is not in use.</summary>
    internal bool IsRemoved { get; set; }

    /// <summary>Datagrams above the base size that were lost since one was acknowledged.</summary>
    internal int LargeLost { get; set; }

    /// <summary>True while data sent on it goes unacknowledged for too long: not a path to choose.</summary>
    internal bool IsSuspect { get; set; }

    /// <summary>When it last became so: whatever is heard clears it, and a path that is dead one way only must not be suspected with every packet.</summary>
    internal Instant SuspectedAt { get; set; } = Instant.Zero;

    /// <summary>
    /// One of its ends will be gone soon: our socket, whose mapping comes to its age, or the peer's address, which it has withdrawn. It serves
    /// until another direct path stands.
    /// </summary>
    internal bool IsLeaving { get; set; }

    /// <summary>Its next challenge only keeps it open: a small one, which proves nothing new.</summary>
    internal bool IsKeptOpen { get; set; }

    /// <summary>What was tried on it.</summary>
    internal ref ProbeTally Tally => ref _tally;

    /// <summary>What its deaths say of it.</summary>
    internal PathTrust Trust { get; } = new();

    /// <summary>Bytes that may leave before the peer's address is validated; no limit afterwards (RFC 9000 sections 8 and 9.3).</summary>
    internal long AmplificationCredit => IsAddressValidated ? long.MaxValue : Math.Max(0, (AmplificationFactor * _received) - _sent);

    // RFC 9000 section 8.1: all bytes of a datagram, those that did not decrypt included.
    internal void CountReceived(int bytes) => _received += bytes;

    internal void CountSent(int bytes) => _sent += bytes;

    /// <summary>The peer challenged us on this path: the answer leaves on this path, too.</summary>
    internal void QueueResponse(ulong data, bool full)
    {
        if (_responseCount == MaxPendingResponses)
        {
            Array.Copy(_responses, 1, _responses, 0, MaxPendingResponses - 1);
            _responseCount--;
        }
        _responses[_responseCount++] = new PathResponse(data, full);
    }

    internal PathResponse TakeResponse() => _responses[--_responseCount];

    internal void RecordChallenge(ulong data, Instant now, bool full)
    {
        _challenges[_nextChallenge] = new Challenge(data, now, full, IsSet: true);
        _nextChallenge = (_nextChallenge + 1) % MaxOutstandingChallenges;
    }

    /// <summary>Looks for the challenge that this answer belongs to.</summary>
    /// <param name="data">The data of the PATH_RESPONSE.</param>
    /// <param name="sentAt">When the challenge left.</param>
    /// <param name="full">Whether it left in a full-sized datagram.</param>
    internal bool TryMatch(ulong data, out Instant sentAt, out bool full)
    {
        foreach (ref Challenge challenge in _challenges.AsSpan())
        {
            if (challenge.IsSet && challenge.Data == data)
            {
                (sentAt, full) = (challenge.SentAt, challenge.Full);
                challenge.IsSet = false;
                return true;
            }
        }
        (sentAt, full) = (default, false);
        return false;
    }

    internal void ForgetChallenges() => Array.Clear(_challenges);

    public override string ToString() => $"{Network} {Stage}";
}
