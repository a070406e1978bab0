using System.Globalization;
using System.Security.Cryptography;
using Punchline.Fuzz.Running;
using Xunit;

namespace Punchline.Fuzz.Tests;

/// <summary>
/// A small budget of inputs that nobody has seen, in each run of the tests: the same ones from a fixed seed, and others from a seed of the
/// day. What fails is kept under artifacts/fuzz, and the message has the command that runs it again.
/// </summary>
[Trait("Length", "Medium")]
public sealed class MutationTests(ITestOutputHelper output)
{
    /// <summary>For a run that is the same everywhere.</summary>
    private const ulong FixedSeed = 20_261_122;

    /// <summary>Drawn once for all targets of this run.</summary>
    private static readonly ulong DrawnSeed = BitConverter.ToUInt64(RandomNumberGenerator.GetBytes(sizeof(ulong)));

    public static IEnumerable<TheoryDataRow<string>> Targets => CorpusTests.Targets;

    [Theory]
    [MemberData(nameof(Targets))]
    public void Mutations_of_a_fixed_seed_find_nothing(string name) => Mutate(name, FixedSeed);

    [Theory]
    [MemberData(nameof(Targets))]
    public void Mutations_of_a_new_seed_find_nothing(string name) => Mutate(name, DrawnSeed);

    private void Mutate(string name, ulong seed)
    {
        IFuzzTarget target = FuzzTargets.Find(name)!;
        output.WriteLine(string.Create(CultureInfo.InvariantCulture, $"tests/Punchline.Fuzz/fuzz mutate {name} --runs {target.TestRuns} --seed {seed}"));
        Failure? failure = new Campaign(target, seed, coverage: null).Run(Corpus.Of(target), target.TestRuns, Timeout.InfiniteTimeSpan);
        Assert.True(failure is null, string.Create(CultureInfo.InvariantCulture, $"seed {seed}\n{failure}"));
    }
}
