using Punchline.Quic.Paths;
using Xunit;

namespace Punchline.Quic.Tests.Paths;

/// <summary>The account of a path's probes.</summary>
public sealed class ProbeTallyTests
{
    private static readonly Instant Start = Instant.Zero + TimeSpan.FromSeconds(1);

    [Fact]
    public void First_times_stay_and_the_shortest_answer_counts()
    {
        ProbeTally tally = default;
        tally.OnSent(At(1));
        tally.OnSent(At(2));
        tally.OnHeard(At(3));
        tally.OnChallenged();
        tally.OnHeard(At(4));
        tally.OnAnswered(At(1), At(31));
        tally.OnAnswered(At(2), At(22));
        tally.OnAnswered(At(2), At(42));
        Assert.Equal((2u, At(1)), (tally.Sent, tally.FirstSentAt));
        Assert.Equal((1u, At(3)), (tally.Received, tally.FirstHeardAt));
        Assert.Equal((3u, At(31), TimeSpan.FromMilliseconds(20)), (tally.Answered, tally.FirstAnsweredAt, tally.RoundTrip));
    }

    [Fact]
    public void Two_accounts_of_one_way_add_up()
    {
        ProbeTally first = default;
        first.OnSent(At(1));
        ProbeTally second = default;
        second.OnSent(At(5));
        second.OnHeard(At(6));
        second.OnChallenged();
        second.OnAnswered(At(5), At(8));
        ProbeTally sum = first.Plus(second);
        Assert.Equal((2u, At(1)), (sum.Sent, sum.FirstSentAt));
        Assert.Equal((1u, At(6)), (sum.Received, sum.FirstHeardAt));
        Assert.Equal((1u, At(8), TimeSpan.FromMilliseconds(3)), (sum.Answered, sum.FirstAnsweredAt, sum.RoundTrip));
        Assert.Equal(sum.RoundTrip, second.Plus(first).RoundTrip);
        Assert.Equal(default(ProbeTally).Plus(second), second);
    }

    private static Instant At(int milliseconds) => Start + TimeSpan.FromMilliseconds(milliseconds);
}
