namespace Punchline.Quic;

/// <summary>
/// A point on a monotonic clock, in ticks of 100 nanoseconds since an arbitrary start.
/// The core never reads a clock: every call that depends on time is given an instant.
/// </summary>
/// <param name="Ticks">Ticks of 100 ns, as in <see cref="TimeSpan.Ticks"/>; never negative.</param>
public readonly record struct Instant(long Ticks) : IComparable<Instant>
{
    /// <summary>Later than every real instant: "no deadline".</summary>
    public static Instant Never => new(long.MaxValue);

    /// <summary>The start of the clock.</summary>
    public static Instant Zero => default;

    /// <summary>True for every instant but <see cref="Never"/>.</summary>
    public bool IsSet => Ticks != long.MaxValue;

    /// <summary>The instant after a span of time; saturates at <see cref="Never"/>.</summary>
    public static Instant operator +(Instant instant, TimeSpan span) =>
        span.Ticks > long.MaxValue - instant.Ticks ? Never : new Instant(instant.Ticks + span.Ticks);

    /// <summary>The instant before a span of time; not earlier than <see cref="Zero"/>.</summary>
    public static Instant operator -(Instant instant, TimeSpan span) => new(Math.Max(0, instant.Ticks - span.Ticks));

    /// <summary>The time from one instant to another; negative if <paramref name="left"/> is the earlier one.</summary>
    public static TimeSpan operator -(Instant left, Instant right) => new(left.Ticks - right.Ticks);

    /// <summary>True if the left instant is earlier.</summary>
    public static bool operator <(Instant left, Instant right) => left.Ticks < right.Ticks;

    /// <summary>True if the left instant is later.</summary>
    public static bool operator >(Instant left, Instant right) => left.Ticks > right.Ticks;

    /// <summary>True if the left instant is not later.</summary>
    public static bool operator <=(Instant left, Instant right) => left.Ticks <= right.Ticks;

    /// <summary>True if the left instant is not earlier.</summary>
    public static bool operator >=(Instant left, Instant right) => left.Ticks >= right.Ticks;

    /// <summary>The earlier of two instants.</summary>
    public static Instant Min(Instant left, Instant right) => left < right ? left : right;

    /// <summary>The later of two instants.</summary>
    public static Instant Max(Instant left, Instant right) => left > right ? left : right;

    /// <inheritdoc/>
    public int CompareTo(Instant other) => Ticks.CompareTo(other.Ticks);

    /// <summary>Seconds since the start of the clock, for logs.</summary>
    public override string ToString() =>
        IsSet ? string.Create(System.Globalization.CultureInfo.InvariantCulture, $"{Ticks / 1e7:0.000000}s") : "never";
}
