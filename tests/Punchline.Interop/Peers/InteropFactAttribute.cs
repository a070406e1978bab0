using System.Runtime.CompilerServices;
using Punchline.Lab.Driver;
using Xunit.v3;

namespace Punchline.Interop.Peers;

/// <summary>A test with another program: it takes seconds, and is skipped, saying why, where the program is not.</summary>
[AttributeUsage(AttributeTargets.Method)]
internal sealed class InteropFactAttribute : FactAttribute, ITraitAttribute
{
    /// <summary>A test that starts this program.</summary>
    public InteropFactAttribute(string program, [CallerFilePath] string? file = null, [CallerLineNumber] int line = -1)
        : base(file, line) => Skip = WhyNot(program);

    public IReadOnlyCollection<KeyValuePair<string, string>> GetTraits() => [new("Length", "Medium")];

    private static string? WhyNot(string program)
    {
        if (!OperatingSystem.IsLinux())
            return "the other implementations are Debian's and npm's builds for Linux";
        var isThere = program == Quiche.Package ? Quiche.IsInstalled : Programs.Find(program) is not null;
        return isThere ? null : $"missing: {program} (./test installs it as root on Debian)";
    }
}
