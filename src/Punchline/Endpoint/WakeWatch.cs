using Punchline.Quic;

namespace Punchline.Endpoint;

/// <summary>
/// Notices that the machine slept. While it does, the wall clock goes on; the monotonic one stands still (Linux) or goes on as well,
/// and then a deadline is found far too late.
/// </summary>
/// <param name="wallClock">Read once a turn.</param>
internal sealed class WakeWatch(Func<DateTimeOffset> wallClock)
{
    /// <summary>
    /// Clocks that drift apart by more, or a deadline missed by more, mean sleep: no load delays a turn for so long, and a clock
    /// that is set by hand or by NTP costs a look around, no more.
    /// </summary>
    private static readonly TimeSpan Tolerance = TimeSpan.FromSeconds(3);

    private DateTimeOffset? _wall;
    private Instant _now;

    /// <summary>True if the machine slept since the last call.</summary>
    /// <param name="now">The monotonic clock.</param>
    /// <param name="due">When this turn should have begun at the latest; <see cref="Instant.Never"/> if nothing was waited for.</param>
    public bool HasSlept(Instant now, Instant due)
    {
        DateTimeOffset wall = wallClock();
        // Only forward: a wall clock that is set back says nothing of sleep.
        bool jumped = _wall is { } before && wall - before - (now - _now) > Tolerance;
        (_wall, _now) = (wall, now);
        return jumped || (due.IsSet && now - due > Tolerance);
    }
}
