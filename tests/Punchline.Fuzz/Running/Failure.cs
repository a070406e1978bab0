using System.Globalization;
using Punchline.Testing;

namespace Punchline.Fuzz.Running;

/// <summary>An input for which something does not hold, kept as a file, with the command that runs it again.</summary>
internal sealed record Failure(IFuzzTarget Target, string File, Exception Cause)
{
    /// <summary>Keeps the input under artifacts/.</summary>
    public static Failure Keep(IFuzzTarget target, ReadOnlySpan<byte> input, Exception cause) =>
        new(target, Corpus.Save(Corpus.Artifacts, input, target.Name + "-"), cause);

    /// <summary>What people need to look into it.</summary>
    public override string ToString() => string.Create(CultureInfo.InvariantCulture,
        $"{Target.Name}: {Cause}\nagain: tests/Punchline.Fuzz/fuzz replay {Target.Name} {Path.GetRelativePath(WorkingTree.Root, File)}");
}
