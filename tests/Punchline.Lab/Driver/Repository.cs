using System.Runtime.InteropServices;
using Punchline.Testing;

namespace Punchline.Lab.Driver;

/// <summary>Where this repository's files are.</summary>
internal static class Repository
{
    public static string Root => WorkingTree.Root;

    public static string Lab { get; } = Path.Combine(Root, "tests", "Punchline.Lab");

    /// <summary>The built program, for <c>dotnet</c>: of the same configuration as the tests.</summary>
    public static string Program { get; } = Path.Combine(AppContext.BaseDirectory, "Punchline.Cli.dll");

    /// <summary>The program as people start it, built in Release; <c>./test</c> builds it.</summary>
    public static string ReleaseProgram { get; } =
        Path.Combine(Root, "src", "Punchline.Cli", "bin", "Release", "net10.0", "Punchline.Cli");

    /// <summary>The program as people download it for this system; <c>./publish --no-tool linux-x64</c> makes it.</summary>
    public static string PublishedProgram { get; } = Path.Combine(Root, "artifacts", $"punchline-{RuntimeInformation.RuntimeIdentifier}");
}
