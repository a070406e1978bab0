using Punchline.Quic;

namespace Punchline.Traversal.Lifetime;

/// <summary>
/// Whether the NAT ends mappings at an age, whatever their traffic: some carriers do at 50 to 75 s. Seen from one socket whose address a server
/// tells again and again: mappings that end two times in a row at the same age, and neither before nor after, end by age.
/// </summary>
/// <remarks>
/// Each end gives bounds: the mapping was at least as old as when it was seen last, and it was born after its predecessor was seen last. Ends that
/// are not by age (a router that restarts, an address that changes) have bounds that do not meet; those that came after a silence, which may have
/// been too long for the NAT, have bounds that are too far apart to count.
/// </remarks>
internal sealed class AgeDetector
{
    /// <summary>While ends are looked for, the server is asked so often.</summary>
    public static readonly TimeSpan FineInterval = TimeSpan.FromSeconds(2);

    /// <summary>In a network that is not known, one looks closely for so long: longer than the ages seen in the field, 50 to 75 s.</summary>
    private static readonly TimeSpan FirstLook = TimeSpan.FromSeconds(90);

    /// <summary>After an end one looks closely until a mapping is half as old again, but no longer than this.</summary>
    private static readonly TimeSpan LongestLook = TimeSpan.FromMinutes(3);

    /// <summary>Bounds further apart say too little: two of <see cref="FineInterval"/>, one at each end of a life, each with the binding that follows on slow networks.</summary>
    private static readonly TimeSpan Narrow = TimeSpan.FromSeconds(8);

    /// <summary>Clocks of routers tick in seconds.</summary>
    private static readonly TimeSpan Tolerance = TimeSpan.FromSeconds(1);

    /// <summary>Sockets are not taken over more often than this; a NAT that ends mappings sooner is left to the relay.</summary>
    private static readonly TimeSpan ShortestAge = TimeSpan.FromSeconds(8);

    /// <summary>What lives longer is lost so seldom that mending it is enough.</summary>
    private static readonly TimeSpan LongestAge = TimeSpan.FromMinutes(10);

    /// <summary>Ends at the same age that make it known.</summary>
    private const int EndsThatCount = 2;

    private UdpAddress _mapped;
    private Instant _bornAfter;
    private Instant _seenFirst;
    private Instant _seenLast;
    private (TimeSpan From, TimeSpan To) _bounds;
    private Instant _looksUntil;
    private int _ends;

    /// <summary>At this age mappings still live, and soon after it they end; null if it is not known, or they don't.</summary>
    public TimeSpan? Age { get; private set; }

    /// <summary>At this age they have ended; only with <see cref="Age"/>.</summary>
    public TimeSpan EndedBy => _bounds.To + Tolerance;

    /// <summary>Since when the mapping in use exists, at the earliest.</summary>
    public Instant BornAfter => _bornAfter;

    /// <summary>True while the server is to be asked every <see cref="FineInterval"/>.</summary>
    public bool LooksClosely(Instant now) => Age is null && now < _looksUntil;

    /// <summary>Another network: nothing is known.</summary>
    public void Reset(Instant now)
    {
        Forget();
        OnGap(now);
        _looksUntil = now + FirstLook;
    }

    /// <summary>An unknown time has passed: the next mapping that is seen may be a new one, and its end is nobody's.</summary>
    public void OnGap(Instant now) => Begin(default, now, now);

    /// <summary>A fresh socket has taken over: the next mapping that is seen is its.</summary>
    public void OnTakeOver(Instant boundAt) => Begin(default, boundAt, boundAt);

    /// <summary>What was known is not true: a mapping lived on.</summary>
    public void Forget()
    {
        Age = null;
        _ends = 0;
        _bounds = default;
    }

    /// <summary>The server sees the socket at this address.</summary>
    /// <param name="now">The time.</param>
    /// <param name="mapped">The address.</param>
    public void OnSeen(Instant now, in UdpAddress mapped)
    {
        if (!_mapped.IsNone && _mapped != mapped)
        {
            OnEnd(_seenLast - _seenFirst, now - _bornAfter, now);
            Begin(mapped, _seenLast, now);
        }
        else if (_mapped.IsNone)
        {
            Begin(mapped, _bornAfter, now);
        }
        _seenLast = now;
        if (Age is not null && now - _seenFirst > EndedBy + Tolerance)
            Forget();
    }

    private void OnEnd(TimeSpan from, TimeSpan to, Instant now)
    {
        if (from > LongestAge)
            return;
        TimeSpan look = to + (to / 2);
        _looksUntil = now + (look < LongestLook ? look : LongestLook);
        if (to - from > Narrow)
            return;
        bool meets = _ends > 0 && from <= _bounds.To + Tolerance && to >= _bounds.From - Tolerance;
        // Bounds that meet only within the tolerance are turned round: then the lower one is the safe one.
        _bounds = !meets ? (from, to) : (Max(_bounds.From, from), Min(_bounds.To, to));
        if (_bounds.From > _bounds.To)
            _bounds = (_bounds.To, _bounds.From);
        _ends = meets ? _ends + 1 : 1;
        Age = _ends >= EndsThatCount && _bounds.From >= ShortestAge ? _bounds.From : null;
    }

    private void Begin(in UdpAddress mapped, Instant bornAfter, Instant now) => (_mapped, _bornAfter, _seenFirst, _seenLast) = (mapped, bornAfter, now, now);

    private static TimeSpan Max(TimeSpan a, TimeSpan b) => a > b ? a : b;

    private static TimeSpan Min(TimeSpan a, TimeSpan b) => a < b ? a : b;
}
