using System.Runtime.CompilerServices;
using Xunit.v3;

namespace Punchline.Lab.Driver;

/// <summary>
/// A test in the laboratory: it carries the trait <c>Needs=Root</c>, and is skipped, saying why, where it cannot run.
/// </summary>
[AttributeUsage(AttributeTargets.Method)]
internal sealed class LabFactAttribute : FactAttribute, ITraitAttribute
{
    public LabFactAttribute([CallerFilePath] string? file = null, [CallerLineNumber] int line = -1)
        : base(file, line) => Skip = Laboratory.WhyNot("");

    /// <summary>The programs that the test starts besides the laboratory's own, between spaces.</summary>
    public string Programs
    {
        get => field ?? "";
        set => Skip = Laboratory.WhyNot(field = value);
    }

    public IReadOnlyCollection<KeyValuePair<string, string>> GetTraits() => Laboratory.Traits;
}

/// <summary>The same for a test with data.</summary>
[AttributeUsage(AttributeTargets.Method)]
internal sealed class LabTheoryAttribute : TheoryAttribute, ITraitAttribute
{
    public LabTheoryAttribute([CallerFilePath] string? file = null, [CallerLineNumber] int line = -1)
        : base(file, line) => Skip = Laboratory.WhyNot("");

    /// <summary>The programs that the test starts besides the laboratory's own, between spaces.</summary>
    public string Programs
    {
        get => field ?? "";
        set => Skip = Laboratory.WhyNot(field = value);
    }

    public IReadOnlyCollection<KeyValuePair<string, string>> GetTraits() => Laboratory.Traits;
}

/// <summary>What the laboratory needs, and whether it is there.</summary>
internal static class Laboratory
{
    /// <summary>The pinned Node, a "program" of the laboratory that lies in the repository.</summary>
    public const string Node = "node";

    private const string Own = "ip nft conntrack";

    public static IReadOnlyCollection<KeyValuePair<string, string>> Traits { get; } = [new("Needs", "Root")];

    public static string NodeModules { get; } = Path.Combine(Repository.Lab, "npm", "node_modules");

    /// <summary>Why a test with these programs can't run here; null if it can.</summary>
    public static string? WhyNot(string programs)
    {
        if (!OperatingSystem.IsLinux())
            return "the laboratory needs Linux";
        if (!Environment.IsPrivilegedProcess)
            return "the laboratory needs root";
        var missing = $"{Own} {programs}".Split(' ', StringSplitOptions.RemoveEmptyEntries).Where(name => !IsThere(name)).ToList();
        return missing.Count == 0 ? null : $"missing: {string.Join(", ", missing)} (./test installs it as root on Debian)";
    }

    private static bool IsThere(string program) =>
        program == Node ? File.Exists(Path.Combine(NodeModules, ".bin", "node")) : Driver.Programs.Find(program) is not null;
}
