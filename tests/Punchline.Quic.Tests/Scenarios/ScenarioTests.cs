using System.Collections.Concurrent;
using Punchline.Testing;
using Xunit;

namespace Punchline.Quic.Tests.Scenarios;

/// <summary>
/// Networks, faults and work drawn from a seed, worse than real ones (docs/simulation.md): whatever happens, the invariants hold.
/// PUNCHLINE_SEED=N runs one, PUNCHLINE_SIM_LOG=FILE keeps its log.
/// </summary>
public sealed class ScenarioTests
{
    /// <summary>Seeds of the quick run: some seconds.</summary>
    private const int QuickSeeds = 100;

    private const int ManySeeds = 5_000;

    /// <summary>The share of seeds whose connection may end before its work is done, always for a reason that the scenario has.</summary>
    private const double MostBroken = 0.2;

    [Fact]
    public void The_invariants_hold_on_a_hundred_networks() => RunAll(1, QuickSeeds);

    [Fact]
    [Trait("Length", "Medium")]
    public void The_invariants_hold_on_five_thousand_networks() => RunAll(QuickSeeds + 1, ManySeeds - QuickSeeds);

    /// <summary>Seeds that no other run has had.</summary>
    [Fact]
    [Trait("Length", "Soak")]
    public void The_invariants_hold_on_as_many_networks_as_there_is_time_for()
    {
        const int atOnce = 500;
        var time = new SoakTime();
        ulong first = ManySeeds + 1 + time.Number;
        ulong next = first;
        do
        {
            RunAll(next, atOnce);
            next += atOnce;
        }
        while (time.IsLeft);
        TestContext.Current.TestOutputHelper?.WriteLine($"{next - first} seeds from {first}");
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    [InlineData(4)]
    public void A_seed_run_twice_logs_the_same(ulong tens)
    {
        for (ulong seed = 10 * tens; seed < (10 * tens) + 10; seed++)
            Assert.Equal(ScenarioRun.Fingerprint(seed), ScenarioRun.Fingerprint(seed));
    }

    private static void RunAll(ulong first, int count)
    {
        if (Seeds.Given is { } given)
        {
            TestContext.Current.TestOutputHelper?.WriteLine(ScenarioDraw.From(given).ToString());
            ScenarioRun.Replay(given);
            return;
        }
        var outcomes = new ConcurrentBag<Outcome>();
        Seeds.ForEach(first, first + (ulong)count - 1, seed => outcomes.Add(ScenarioRun.Seed(seed)));
        int broken = outcomes.Count(static outcome => !outcome.IsDone);
        TestContext.Current.TestOutputHelper?.WriteLine(
            $"{outcomes.Count} seeds from {first}: {broken} ended early, {outcomes.Count(static outcome => outcome.WasDirect)} went direct, " +
            $"{outcomes.Sum(static outcome => outcome.BytesRead)} bytes, {outcomes.Sum(static outcome => outcome.Datagrams)} datagrams, " +
            $"most buffered {outcomes.Max(static outcome => outcome.LargestBuffered)} bytes, most packets remembered {outcomes.Max(static outcome => outcome.LargestTracked)}");
        Assert.True(broken <= count * MostBroken, $"{broken} of {count} connections ended early");
    }
}
