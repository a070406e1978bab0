using Punchline.Fuzz.Running;
using Xunit;

namespace Punchline.Fuzz.Tests;

/// <summary>Every input of the corpus in the repository, through its target: what was once found stays found.</summary>
public sealed class CorpusTests
{
    public static IEnumerable<TheoryDataRow<string>> Targets => FuzzTargets.All.Select(static target => new TheoryDataRow<string>(target.Name));

    [Theory]
    [MemberData(nameof(Targets))]
    public void The_corpus_finds_nothing(string name)
    {
        IFuzzTarget target = FuzzTargets.Find(name)!;
        var campaign = new Campaign(target, seed: 1, coverage: null);
        Assert.Null(campaign.Run(Corpus.Of(target), runs: 0, Timeout.InfiniteTimeSpan));
        Assert.True(campaign.Executions > target.Seeds().Count(), "there is no corpus beside the target's own seeds");
    }

    [Fact]
    public void Every_folder_of_the_corpus_has_a_target() =>
        Assert.Equal(
            FuzzTargets.All.Select(static target => target.Name).Order(StringComparer.Ordinal),
            Directory.EnumerateDirectories(Corpus.Folder).Select(Path.GetFileName).Order(StringComparer.Ordinal));
}
