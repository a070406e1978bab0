using System.Text.RegularExpressions;
using Xunit;

namespace Punchline.Quic.Tests.Conformance;

/// <summary>What the documents say is shown by a test is worth something only as long as there is such a test.</summary>
public sealed partial class DocumentTests
{
    [Fact]
    public void Every_test_that_a_document_names_exists()
    {
        List<string> missing = [];
        int named = 0;
        foreach (string document in Documents())
        {
            string text = File.ReadAllText(document);
            foreach (Match name in Name().Matches(text))
            {
                named++;
                Group type = name.Groups["class"];
                Group method = name.Groups["method"];
                bool exists = type.Success ? NamedTests.Exist(type.Value, method.Success ? method.Value : null) : NamedTests.ExistSomewhere(name.Groups["alone"].Value);
                if (!exists)
                    missing.Add($"{Path.GetRelativePath(Repository.Root, document)}: {name.Value}");
            }
        }
        Assert.True(named > 100, $"only {named} names were found");
        Assert.True(missing.Count == 0, string.Join('\n', missing));
    }

    /// <summary>But the changelog, which tells of the past, and the tables, which have a check of their own.</summary>
    private static IEnumerable<string> Documents() =>
        Directory.EnumerateFiles(Repository.Root, "*.md")
            .Concat(Directory.EnumerateFiles(Path.Combine(Repository.Root, "docs"), "*.md", SearchOption.AllDirectories))
            .Where(f => Path.GetFileName(f) != "CHANGELOG.md" && Path.GetFileName(Path.GetDirectoryName(f)) != "conformance");

    // `SomeTests`, `SomeTests.What_is_true`, or, behind one of those, `What_is_true` alone.
    [GeneratedRegex(
        @"`((?<class>\w+Tests)(\.(?<method>\w+))?|(?<alone>[A-Z][a-zA-Z0-9]*_[a-z0-9]+_\w+))`", RegexOptions.ExplicitCapture, matchTimeoutMilliseconds: 10_000)]
    private static partial Regex Name();
}
