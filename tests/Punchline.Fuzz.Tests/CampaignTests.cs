using Punchline.Fuzz.Running;
using Xunit;

namespace Punchline.Fuzz.Tests;

/// <summary>The fuzzer itself: that it would find what there is to be found.</summary>
[Trait("Length", "Medium")]
public sealed class CampaignTests
{
    /// <summary>A reader with a defect behind a number that a mutation must hit.</summary>
    private sealed class Defective(Action<byte> onHit) : IFuzzTarget
    {
        public string Name => "defective";

        public string Reads => "a number";

        public int MaxLength => 16;

        public AllocationBound Allocation => new(1024, 8);

        public int TestRuns => 100_000;

        public IEnumerable<byte[]> Seeds() => [[1, 2, 3, 4]];

        public void Run(ReadOnlySpan<byte> input)
        {
            if (input.Length > 2 && input[0] == 0x7f && input[1] == 2)
                onHit(input[2]);
        }
    }

    [Fact]
    public void An_exception_is_found_and_its_input_kept()
    {
        Failure? failure = Run(new Defective(static _ => throw new InvalidDataException()));
        Assert.NotNull(failure);
        Assert.IsType<InvalidDataException>(failure.Cause);
        byte[] kept = File.ReadAllBytes(failure.File);
        File.Delete(failure.File);
        Assert.Equal([0x7f, 2], kept[..2]);
        Assert.Contains("fuzz replay defective artifacts", failure.ToString(), StringComparison.Ordinal);
    }

    [Fact]
    public void Memory_beyond_the_bound_is_found()
    {
        byte[]? held = null;
        Failure? failure = Run(new Defective(announced => held = new byte[1 << 20]));
        Assert.NotNull(held);
        File.Delete(failure!.File);
        Assert.Contains("bytes were allocated", failure.Cause.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void What_does_nothing_wrong_is_not_found() => Assert.Null(Run(new Defective(static _ => { })));

    [Fact]
    public void One_seed_makes_the_same_inputs()
    {
        byte[][] corpus = [[1, 2, 3, 4, 5, 6, 7, 8], [9, 9, 9]];
        Assert.Equal(Inputs(corpus, 5), Inputs(corpus, 5));
        Assert.NotEqual(Inputs(corpus, 5), Inputs(corpus, 6));
        Assert.True(Inputs(corpus, 5).Distinct(StringComparer.Ordinal).Count() > 150, "most inputs differ");
    }

    [Fact]
    public void Names_are_used_once() => Assert.Distinct(FuzzTargets.All.Select(static target => target.Name));

    private static string[] Inputs(byte[][] corpus, ulong seed)
    {
        var mutator = new Mutator(seed);
        byte[] buffer = new byte[32];
        return [.. Enumerable.Range(0, 200).Select(_ => Convert.ToHexString(buffer, 0, mutator.Next(corpus, buffer)))];
    }

    private static Failure? Run(Defective target) =>
        new Campaign(target, seed: 3, coverage: null).Run(target.Seeds(), target.TestRuns, Timeout.InfiniteTimeSpan);
}
