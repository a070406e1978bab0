using System.Text.RegularExpressions;
using Punchline.Testing;

namespace Punchline.Quic.Tests.Conformance;

/// <summary>The working tree in which the tests were built.</summary>
internal static class Repository
{
    /// <summary>The folder that holds the solution.</summary>
    public static string Root => WorkingTree.Root;

    /// <summary>The text of a file, or null if there is none.</summary>
    /// <param name="path">Relative to the root, with slashes.</param>
    public static string? Read(string path)
    {
        string full = Path.GetFullPath(Path.Combine(Root, path));
        return File.Exists(full) ? File.ReadAllText(full) : null;
    }

    /// <summary>The sources under a folder, without what a build leaves there.</summary>
    public static IEnumerable<string> Sources(string folder) =>
        Directory.EnumerateFiles(Path.Combine(Root, folder), "*.cs", SearchOption.AllDirectories)
            .Where(f => !f.Split(Path.DirectorySeparatorChar).Any(p => p is "bin" or "obj"))
            .Order(StringComparer.Ordinal);

    /// <summary>True if a text holds a name, and not as a part of a longer one.</summary>
    public static bool HasWord(string text, string word) =>
        Regex.IsMatch(text, $@"\b{word}\b", RegexOptions.ExplicitCapture, TimeSpan.FromSeconds(10));
}
