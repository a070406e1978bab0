using System.Globalization;
using Punchline.Testing;

namespace Punchline.Quic.Tests.Adversary;

/// <summary>Seeds of runs, and how to run one of them again.</summary>
internal static class Seed
{
    /// <summary>The one seed that is to be run, if PUNCHLINE_SEED names one.</summary>
    internal static ulong? Given => Environment.GetEnvironmentVariable("PUNCHLINE_SEED") is { Length: > 0 } text
        ? ulong.Parse(text, CultureInfo.InvariantCulture) : null;

    /// <summary>The command that runs a seed of a class again.</summary>
    internal static string Replay(string testClass, ulong seed) => $"seed {seed} (replay: PUNCHLINE_SEED={seed} ./test {testClass}.Some_seeds)";

    /// <summary>Runs the seeds, on every core.</summary>
    internal static void ForEach(ulong first, ulong last, Action<ulong> run)
    {
        try
        {
            Parallel.For((long)first, (long)last + 1, seed => run((ulong)seed));
        }
        catch (AggregateException e)
        {
            throw e.InnerExceptions[0];
        }
    }
}
