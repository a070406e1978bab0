namespace Punchline.Quic.Tests.Scenarios;

/// <summary>An invariant does not hold.</summary>
internal sealed class ScenarioFailure(string check, string what) : Exception($"[{check}] {what}")
{
    /// <summary>Which one: a smaller scenario shows the same failure only if it fails by the same check.</summary>
    internal string Check => check;
}
