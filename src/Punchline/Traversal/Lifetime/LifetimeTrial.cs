using System.Buffers.Binary;
using Punchline.Quic;
using Punchline.Relay;
using Punchline.Udp;

namespace Punchline.Traversal.Lifetime;

/// <summary>What a trial showed.</summary>
internal enum TrialOutcome
{
    /// <summary>It still runs.</summary>
    Pending,

    /// <summary>The answer came after the silence: the mapping lives for so long, and its filter lets the server in.</summary>
    Held,

    /// <summary>The server answers, but what it sent after the silence did not arrive.</summary>
    Failed,

    /// <summary>The server does not answer, makes no promises, or keeps them too early: nothing is shown.</summary>
    Unknown,
}

/// <summary>What went through the mapping before the silence: NATs treat the two differently (Linux: 30 and 120 s).</summary>
internal enum MappingUse
{
    /// <summary>A question and its answer, as of a mapping that has just been opened.</summary>
    Brief,

    /// <summary>Traffic in both directions for some seconds, as of a path in use.</summary>
    Stream,
}

/// <summary>
/// One trial of a mapping's lifetime (docs/wire/relay.md): has the server promise an answer after a silence, and looks whether it comes. Belongs
/// to a socket of its own, on which nothing else travels.
/// <code>
///  Cookie ──(Stream: once more after 3 s)──▶ Asking ──PROMISED──▶ Silence ──KEPT──▶ Held
///                                                                  └─ late ─▶ Checking ──COOKIE──▶ Failed
///  any: attempts used up, REFUSED, KEPT too early ──▶ Unknown
/// </code>
/// </summary>
internal sealed class LifetimeTrial : IDatagramClient
{
    /// <summary>Linux takes for a stream what still has traffic two seconds after it began.</summary>
    public static readonly TimeSpan StreamAge = TimeSpan.FromSeconds(3);

    /// <summary>An answer that is late by more than the slowest networks' delay does not come.</summary>
    public static readonly TimeSpan Patience = TimeSpan.FromSeconds(3);

    /// <summary>
    /// The answer may be early by so much: two clocks run apart, and of two questions the server may have heard the first alone. Less than what
    /// keep-alives stay below the shortest silence that is tried.
    /// </summary>
    public static readonly TimeSpan Earliness = TimeSpan.FromSeconds(1);

    private static readonly TimeSpan FirstDelay = TimeSpan.FromMilliseconds(250);
    private static readonly TimeSpan MaxDelay = TimeSpan.FromSeconds(4);

    /// <summary>With doubling delays some 16 seconds.</summary>
    private const int MaxAttempts = 7;

    private readonly IRandomness _randomness;
    private readonly TimeSpan _silence;
    private readonly byte[] _cookie = new byte[RelayFrame.CookieLength];
    private Phase _phase;
    private bool _mustWarmUp;
    private ulong _token;
    private int _attempts;
    private TimeSpan _delay = FirstDelay;
    private Instant _askedAt;

    private enum Phase
    {
        Cookie,
        WarmingUp,
        Asking,
        Silence,
        Checking,
        Ended,
    }

    /// <summary>Prepares a trial; it begins with the first <see cref="TryTransmit"/>.</summary>
    /// <param name="server">The server's main UDP address.</param>
    /// <param name="silence">Whole seconds, at most <see cref="LaterFrame.MaxSeconds"/>.</param>
    /// <param name="use">What goes through the mapping before.</param>
    /// <param name="randomness">For tokens.</param>
    public LifetimeTrial(in UdpAddress server, TimeSpan silence, MappingUse use, IRandomness randomness)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(silence, TimeSpan.FromSeconds(1));
        ArgumentOutOfRangeException.ThrowIfGreaterThan(silence, TimeSpan.FromSeconds(LaterFrame.MaxSeconds));
        Server = server;
        _silence = silence;
        _mustWarmUp = use == MappingUse.Stream;
        _randomness = randomness;
        Begin(Phase.Cookie, Instant.Zero);
    }

    /// <inheritdoc/>
    public UdpAddress Server { get; }

    /// <inheritdoc/>
    public Instant NextTimeout { get; private set; }

    public TrialOutcome Outcome { get; private set; }

    /// <inheritdoc/>
    public bool TryTransmit(Instant now, Span<byte> buffer, out int length)
    {
        length = 0;
        if (now < NextTimeout)
            return false;
        if (_phase == Phase.WarmingUp)
            Begin(Phase.Cookie, now);
        else if (_phase == Phase.Silence)
            Begin(Phase.Checking, now);
        if (_attempts++ == MaxAttempts)
        {
            End(TrialOutcome.Unknown);
            return false;
        }
        length = _phase == Phase.Asking
            ? LaterFrame.WriteAsk(buffer, new AskLater(_token, (ushort)_silence.TotalSeconds), _cookie)
            : RelayFrame.WriteCookieRequest(buffer, _token);
        if (_phase == Phase.Asking)
            _askedAt = now;
        NextTimeout = now + _delay;
        _delay = _delay + _delay < MaxDelay ? _delay + _delay : MaxDelay;
        return true;
    }

    /// <inheritdoc/>
    public bool TryReceive(Instant now, in UdpAddress from, ReadOnlySpan<byte> datagram)
    {
        if (from != Server)
            return false;
        if (RelayFrame.TryReadCookie(datagram, out ulong echo, out ReadOnlySpan<byte> cookie))
        {
            if (echo == _token)
                OnCookie(now, cookie);
            return true;
        }
        if (!LaterFrame.TryReadAnswer(datagram, out Later answer))
            return false;
        if (answer.Token == _token)
            OnAnswer(now, answer.Status);
        return true;
    }

    private void OnCookie(Instant now, ReadOnlySpan<byte> cookie)
    {
        cookie.CopyTo(_cookie);
        switch (_phase)
        {
            case Phase.Cookie when _mustWarmUp:
                _mustWarmUp = false;
                _phase = Phase.WarmingUp;
                NextTimeout = now + StreamAge;
                break;
            case Phase.Cookie:
                Begin(Phase.Asking, now);
                break;
            case Phase.Asking:
                // The server's key changed meanwhile. Its answers to what is under way count as attempts.
                NextTimeout = now;
                break;
            case Phase.Checking:
                End(TrialOutcome.Failed);
                break;
        }
    }

    private void OnAnswer(Instant now, LaterStatus status)
    {
        switch (_phase, status)
        {
            case (Phase.Asking, LaterStatus.Promised):
                _phase = Phase.Silence;
                NextTimeout = now + _silence + Patience;
                break;
            case (Phase.Asking, LaterStatus.Refused):
                End(TrialOutcome.Unknown);
                break;
            case (Phase.Silence, LaterStatus.Kept):
                // One that comes early shows nothing, whatever it claims: a server could have us be silent for longer than our NAT bears.
                End(now >= _askedAt + (_silence - Earliness) ? TrialOutcome.Held : TrialOutcome.Unknown);
                break;
        }
    }

    private void Begin(Phase phase, Instant now)
    {
        _phase = phase;
        _attempts = 0;
        _delay = FirstDelay;
        Span<byte> token = stackalloc byte[8];
        _randomness.FillPublic(token);
        _token = BinaryPrimitives.ReadUInt64BigEndian(token);
        NextTimeout = now;
    }

    private void End(TrialOutcome outcome)
    {
        _phase = Phase.Ended;
        Outcome = outcome;
        NextTimeout = Instant.Never;
    }
}
