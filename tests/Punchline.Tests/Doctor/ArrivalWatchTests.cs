using Punchline.Doctor;
using Punchline.Testing;
using Xunit;

namespace Punchline.Tests.Doctor;

/// <summary>Whether packets that nobody received came as far as this machine, by counters of the test's.</summary>
public sealed class ArrivalWatchTests
{
    private static readonly TimeSpan Work = TimeSpan.FromSeconds(1);

    [Theory]
    [InlineData(10, 0, 0, false)]
    [InlineData(10, 10, 0, true)]
    [InlineData(10, 8, 0, true)]
    [InlineData(10, 7, 0, false)]
    [InlineData(10, 25, 25, false)] // others' packets, which come all the time
    [InlineData(10, 35, 25, true)]
    [InlineData(4, 3, 0, true)]
    [InlineData(4, 2, 0, false)]
    public async Task Packets_are_told_from_what_else_is_dropped(int sent, int during, int after, bool expected)
    {
        Queue<long?> counts = new([1_000, 1_000 + during, 1_000 + during + after]);
        Assert.Equal((false, expected), await WatchAsync(counts, came: false, sent));
        Assert.Empty(counts);
    }

    [Fact]
    public async Task What_came_was_not_dropped() => Assert.Equal((true, null), await WatchAsync(new([1_000]), came: true));

    [Fact]
    public async Task Where_the_system_does_not_count_nothing_is_known() => Assert.Equal((false, null), await WatchAsync(new([null, null, null]), came: false));

    private static async Task<(bool Came, bool? DroppedHere)> WatchAsync(Queue<long?> counts, bool came, int sent = 10)
    {
        var time = new ManualTime();
        var watch = new ArrivalWatch(time, isIPv4: true, _ => counts.Dequeue());
        Task<(bool, bool?)> watching = watch.DuringAsync(
            () =>
            {
                time.Advance(Work);
                return Task.FromResult(came);
            },
            static answer => answer, sent, TestContext.Current.CancellationToken);
        // As long again without.
        time.Advance(Work);
        return await watching;
    }
}
