using Punchline.Testing;

namespace Punchline.Quic.Tests.Scenarios;

/// <summary>Runs scenarios; makes of one that fails the smallest that still does, and says how to see it again.</summary>
internal static class ScenarioRun
{
    /// <summary>Smaller scenarios that are tried at most: some seconds.</summary>
    private const int MaxTries = 400;

    /// <summary>Where the log of a single seed goes.</summary>
    private const string LogVariable = "PUNCHLINE_SIM_LOG";

    /// <summary>Runs the scenario of a seed, without a log: it is made if it is needed.</summary>
    /// <exception cref="InvalidOperationException">An invariant does not hold; the message has all that is known.</exception>
    internal static Outcome Seed(ulong seed) => Run(ScenarioDraw.From(seed), null);

    /// <summary>The same, with its log in a file if one is named.</summary>
    internal static void Replay(ulong seed)
    {
        using TextWriter? file = Environment.GetEnvironmentVariable(LogVariable) is { Length: > 0 } name ? new StreamWriter(name) : null;
        Run(ScenarioDraw.From(seed), file);
    }

    /// <summary>A hash over all that happens in the run of a seed.</summary>
    internal static string Fingerprint(ulong seed) => new World(ScenarioDraw.From(seed), logs: true).Run().Fingerprint;

    private static Outcome Run(Scenario scenario, TextWriter? log) => TryRun(scenario, out Outcome? outcome, out ScenarioFailure? failure, log)
        ? outcome! : throw new InvalidOperationException(Report(scenario, failure!));

    private static bool TryRun(Scenario scenario, out Outcome? outcome, out ScenarioFailure? failure, TextWriter? log = null)
    {
        (outcome, failure) = (null, null);
        try
        {
            outcome = new World(scenario, logs: log is not null, log).Run();
            return true;
        }
        catch (ScenarioFailure e)
        {
            failure = e;
        }
        catch (Exception e) when (e is not OutOfMemoryException)
        {
            failure = new ScenarioFailure($"exception {e.GetType().Name}", e.ToString());
        }
        return false;
    }

    /// <summary>What a failure says: the command, the smallest scenario that fails so, and the end of its log.</summary>
    private static string Report(Scenario scenario, ScenarioFailure failure)
    {
        (Scenario smallest, ScenarioFailure its) = Shrink(scenario, failure);
        var world = new World(smallest, logs: true);
        try
        {
            world.Run();
        }
        catch (Exception e) when (e is not OutOfMemoryException)
        {
            // Expected: it is run again for its log.
        }
        return $"""
            {Seeds.Replay(nameof(ScenarioTests), scenario.Seed)}
            {failure.Message}
            --- the smallest scenario that fails so:
            {smallest}{its.Message}
            --- its log:
            {world.Log.Tail}
            """;
    }

    /// <summary>Leaves parts out as long as it still fails by the same check.</summary>
    private static (Scenario Scenario, ScenarioFailure Failure) Shrink(Scenario scenario, ScenarioFailure failure)
    {
        int tries = 0;
        bool isSmaller = true;
        while (isSmaller)
        {
            isSmaller = false;
            foreach (Scenario candidate in Shrinker.Smaller(scenario))
            {
                if (++tries > MaxTries)
                    return (scenario, failure);
                if (TryRun(candidate, out _, out ScenarioFailure? its) || its!.Check != failure.Check)
                    continue;
                (scenario, failure, isSmaller) = (candidate, its, true);
                break;
            }
        }
        return (scenario, failure);
    }
}
