using System.Globalization;
using System.Runtime.ExceptionServices;

namespace Punchline.Testing;

/// <summary>Seeds of runs, and how to run one of them again.</summary>
public static class Seeds
{
    private const string Variable = "PUNCHLINE_SEED";

    /// <summary>The one seed that is to be run, if PUNCHLINE_SEED names one.</summary>
    public static ulong? Given => Environment.GetEnvironmentVariable(Variable) is { Length: > 0 } text
        ? ulong.Parse(text, CultureInfo.InvariantCulture) : null;

    /// <summary>What a failing run says: its seed, and the command that runs it again.</summary>
    /// <param name="tests">The class or the method that runs it, as <c>./test</c> takes it.</param>
    /// <param name="seed">The seed.</param>
    public static string Replay(string tests, ulong seed) => $"seed {seed}, replay: {Variable}={seed} ./test {tests}";

    /// <summary>Runs the seeds, each on one thread, on every core. The first failure ends it, and is thrown.</summary>
    public static void ForEach(ulong first, ulong last, Action<ulong> run)
    {
        try
        {
            Parallel.For((long)first, (long)last + 1, seed => run((ulong)seed));
        }
        catch (AggregateException e)
        {
            ExceptionDispatchInfo.Throw(e.InnerExceptions[0]);
        }
    }
}
