using System.Threading.Channels;
using Punchline.Testing;

namespace Punchline.Tests.PortMapping;

/// <summary>A clock that the test moves, and that tells the test which waits have begun: so it moves no sooner.</summary>
internal sealed class WatchedTime : TimeProvider
{
    private readonly ManualTime _time = new();
    private readonly Channel<TimeSpan> _waits = Channel.CreateUnbounded<TimeSpan>();

    public override long TimestampFrequency => _time.TimestampFrequency;

    public override long GetTimestamp() => _time.GetTimestamp();

    public override ITimer CreateTimer(TimerCallback callback, object? state, TimeSpan dueTime, TimeSpan period)
    {
        // As the system's clock does: its timers hold 49 days.
        ArgumentOutOfRangeException.ThrowIfGreaterThan(dueTime, TimeSpan.FromMilliseconds(uint.MaxValue - 1));
        ITimer timer = _time.CreateTimer(callback, state, dueTime, period);
        _waits.Writer.TryWrite(dueTime);
        return timer;
    }

    /// <summary>Once somebody waits for this long, so much time passes.</summary>
    public async Task PassAsync(TimeSpan wait)
    {
        await BegunAsync(wait);
        _time.Advance(wait);
    }

    /// <summary>Somebody has begun to wait for this long.</summary>
    public Task BegunAsync(TimeSpan wait) => Hang.OrAsync(ReadAsync(wait), $"that somebody waits for {wait}");

    private async Task ReadAsync(TimeSpan wait)
    {
        while (await _waits.Reader.ReadAsync(Xunit.TestContext.Current.CancellationToken) != wait)
        {
        }
    }
}
