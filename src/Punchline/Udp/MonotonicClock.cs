using Punchline.Quic;

namespace Punchline.Udp;

/// <summary>The core's clock on top of a <see cref="TimeProvider"/>. Whoever drives reads it once per batch.</summary>
/// <param name="provider">The system's in production, a manual one in tests.</param>
internal sealed class MonotonicClock(TimeProvider provider)
{
    private readonly long _start = provider.GetTimestamp();

    /// <summary>The time since this clock was made.</summary>
    public Instant Now => new(provider.GetElapsedTime(_start).Ticks);
}
