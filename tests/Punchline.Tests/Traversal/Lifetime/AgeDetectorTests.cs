using System.Net;
using Punchline.Quic;
using Punchline.Testing;
using Punchline.Traversal.Lifetime;
using Xunit;

namespace Punchline.Tests.Traversal.Lifetime;

/// <summary>What is taken for a NAT that ends mappings by age, and what is not: a socket under a NAT that each test makes up, in virtual time.</summary>
public sealed class AgeDetectorTests
{
    /// <summary>A binding at rest.</summary>
    private static readonly TimeSpan Coarse = TimeSpan.FromSeconds(15);

    private readonly AgeDetector _ages = new();
    private readonly SeededRandomness _random = new(7);
    private Instant _now = Instant.Zero + TimeSpan.FromSeconds(100);
    private ushort _port = 1024;

    public AgeDetectorTests() => _ages.Reset(_now);

    [Theory]
    [InlineData(15)]
    [InlineData(50)]
    [InlineData(60)]
    [InlineData(75)]
    [InlineData(140)]
    public void Mappings_that_end_at_one_age_are_noticed_and_the_age_is_one_at_which_they_live(int age)
    {
        Run(_ => age, TimeSpan.FromSeconds(6 * age));
        Assert.InRange(_ages.Age!.Value.TotalSeconds, age - 5, age);
        Assert.InRange(_ages.EndedBy.TotalSeconds, age, age + 6);
    }

    [Theory]
    [InlineData(15)]
    [InlineData(60)]
    [InlineData(75)]
    public void Two_ends_are_enough_for_the_ages_of_the_field(int age)
    {
        Run(_ => age, TimeSpan.FromSeconds((2 * age) + 4));
        Assert.NotNull(_ages.Age);
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    public void A_router_that_forgets_at_random_times_is_none(ulong seed)
    {
        var random = new SeededRandomness(seed);
        int[] ends = [47, 300, 12, 95, 170, 33, 420, 61, 25];
        Run(i => ends[i % ends.Length] + random.NextInt(5), TimeSpan.FromMinutes(20));
        Assert.Null(_ages.Age);
    }

    [Fact]
    public void One_end_is_no_age()
    {
        Run(i => i == 0 ? 60 : 100_000, TimeSpan.FromMinutes(30));
        Assert.Null(_ages.Age);
        Assert.False(_ages.LooksClosely(_now));
    }

    [Fact]
    public void A_NAT_that_never_ends_one_is_asked_closely_for_a_minute_and_a_half_alone()
    {
        int questions = Run(_ => 1_000_000, TimeSpan.FromMinutes(10));
        Assert.Null(_ages.Age);
        Assert.InRange(questions, 45, 45 + 36);
    }

    [Fact]
    public void An_idle_timeout_under_the_distance_of_questions_is_no_age()
    {
        // Seen every 15 s at another address, as the NAT forgets what is silent for ten: but asked every two seconds it does not.
        for (int i = 0; i < 40; i++)
        {
            bool closely = _ages.LooksClosely(_now);
            if (!closely)
                _port++;
            See();
            _now += closely ? AgeDetector.FineInterval : Coarse;
        }
        Assert.Null(_ages.Age);
    }

    [Fact]
    public void A_sleep_in_between_is_no_end()
    {
        for (int i = 0; i < 6; i++)
        {
            _port++;
            Look(TimeSpan.FromSeconds(60));
            _ages.OnGap(_now);
        }
        Assert.Null(_ages.Age);
    }

    [Fact]
    public void What_is_known_is_forgotten_when_a_mapping_lives_on()
    {
        Run(i => i < 3 ? 60 : 1_000_000, TimeSpan.FromSeconds(185));
        Assert.NotNull(_ages.Age);
        Run(_ => 1_000_000, TimeSpan.FromSeconds(100));
        Assert.Null(_ages.Age);
    }

    [Fact]
    public void A_socket_that_takes_over_in_time_leaves_the_age_as_it_is()
    {
        Run(_ => 60, TimeSpan.FromSeconds(150));
        TimeSpan age = _ages.Age!.Value;
        for (int i = 0; i < 10; i++)
        {
            _port++;
            _ages.OnTakeOver(_now);
            Assert.Equal(_now, _ages.BornAfter);
            Look(TimeSpan.FromSeconds(45));
        }
        Assert.Equal(age, _ages.Age);
    }

    /// <summary>Mappings end at ages that the NAT draws; traffic makes the next one within a second.</summary>
    private int Run(Func<int, int> ageOf, TimeSpan length)
    {
        Instant end = _now + length;
        int count = 0;
        int questions = 0;
        Instant ends = _now + TimeSpan.FromSeconds(ageOf(count));
        _port++;
        while (_now < end)
        {
            while (_now >= ends)
            {
                _port++;
                ends += TimeSpan.FromSeconds(ageOf(++count)) + TimeSpan.FromMilliseconds(_random.NextInt(300));
            }
            See();
            questions++;
            _now += (_ages.LooksClosely(_now) ? AgeDetector.FineInterval : Coarse) + TimeSpan.FromMilliseconds(_random.NextInt(100));
        }
        return questions;
    }

    private void Look(TimeSpan length)
    {
        for (Instant end = _now + length; _now < end; _now += AgeDetector.FineInterval)
            See();
    }

    private void See() => _ages.OnSeen(_now, new UdpAddress(IPAddress.Parse("198.51.100.1"), _port));
}
