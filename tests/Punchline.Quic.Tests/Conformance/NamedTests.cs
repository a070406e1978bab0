using System.Reflection;
using System.Text.RegularExpressions;
using Xunit;

namespace Punchline.Quic.Tests.Conformance;

/// <summary>The tests that documents name: those of this project by reflection, those of the others by their sources.</summary>
internal static partial class NamedTests
{
    private static readonly Lazy<ILookup<string, string>> Elsewhere = new(() =>
        Repository.Sources("tests").Where(f => !f.Contains("Punchline.Quic.Tests", StringComparison.Ordinal))
            .Select(File.ReadAllText)
            .SelectMany(text => Class().Matches(text).Select(m => (Name: m.Groups["name"].Value, Text: text)))
            .ToLookup(s => s.Name, s => s.Text, StringComparer.Ordinal));

    /// <summary>True if there is such a class of tests, with such a test if one is named.</summary>
    public static bool Exist(string type, string? method) =>
        Here(type).Any(t => method is null || Methods(t).Contains(method))
        || Elsewhere.Value[type].Any(text => method is null || Repository.HasWord(text, method));

    /// <summary>True if any class has such a test.</summary>
    public static bool ExistSomewhere(string method) =>
        typeof(NamedTests).Assembly.GetTypes().Any(t => Methods(t).Contains(method))
        || Elsewhere.Value.SelectMany(texts => texts).Any(text => Repository.HasWord(text, method));

    private static IEnumerable<Type> Here(string name) => typeof(NamedTests).Assembly.GetTypes().Where(t => t.Name == name);

    private static IEnumerable<string> Methods(Type type) => type
        .GetMethods(BindingFlags.Instance | BindingFlags.Public | BindingFlags.NonPublic)
        .Where(m => m.GetCustomAttributes<FactAttribute>().Any())
        .Select(m => m.Name);

    [GeneratedRegex(@"\bclass (?<name>\w+Tests)\b", RegexOptions.ExplicitCapture, matchTimeoutMilliseconds: 10_000)]
    private static partial Regex Class();
}
