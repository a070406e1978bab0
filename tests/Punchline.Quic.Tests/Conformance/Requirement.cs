using System.Globalization;
using System.Text.RegularExpressions;

namespace Punchline.Quic.Tests.Conformance;

/// <summary>
/// One row of a table in docs/conformance:
/// <code>| id | level | requirement | state | where | shown by |</code>
/// </summary>
/// <param name="Rfc">The number of the RFC, from the name of the file.</param>
/// <param name="Section">The section that asks, as "4.1" or "A.3".</param>
/// <param name="Number">Which requirement of the section, from 1.</param>
/// <param name="Level">MUST (with MUST NOT, SHALL, REQUIRED) or SHOULD (with SHOULD NOT, RECOMMENDED).</param>
/// <param name="State">fulfilled, deviates or n/a.</param>
/// <param name="Where">Places in the source, a link to an entry of docs/deviations.md, or the reason.</param>
/// <param name="ShownBy">Tests, or "-".</param>
internal sealed partial record Requirement(
    int Rfc, string Section, int Number, string Level, string Text, string State, string Where, string ShownBy)
{
    /// <summary>What a table may say of a requirement.</summary>
    public static readonly string[] States = ["fulfilled", "deviates", "n/a"];

    /// <summary>The two strengths that are told apart.</summary>
    public static readonly string[] Levels = ["MUST", "SHOULD"];

    public override string ToString() => string.Create(CultureInfo.InvariantCulture, $"RFC {Rfc}, {Section}-{Number}");

    /// <summary>The files and members of <see cref="Where"/>, each as `Folder/File.cs Member`.</summary>
    public IEnumerable<(string File, string Member)> Places =>
        Place().Matches(Where).Select(m => (m.Groups["file"].Value, m.Groups["member"].Value));

    /// <summary>The tests of <see cref="ShownBy"/>, each as `Class.Method`.</summary>
    public IEnumerable<(string Class, string Method)> Tests =>
        Test().Matches(ShownBy).Select(m => (m.Groups["class"].Value, m.Groups["method"].Value));

    /// <summary>Reads the rows of a file in which every table has these columns.</summary>
    /// <exception cref="FormatException">A line of a table is no row; the message shows it.</exception>
    public static List<Requirement> ReadAll(int rfc, string document)
    {
        var rows = new List<Requirement>();
        foreach (string line in document.Split('\n').Where(l => l.StartsWith('|')))
        {
            string[] cells = [.. line.Trim().Trim('|').Split('|').Select(c => c.Trim())];
            if (cells[0] is "id" or "---")
                continue;
            Match id = Id().Match(cells[0]);
            if (cells.Length != 6 || !id.Success || cells.Any(c => c.Length == 0)
                || !Levels.Contains(cells[1]) || !States.Contains(cells[3]))
            {
                throw new FormatException(string.Create(CultureInfo.InvariantCulture, $"RFC {rfc}: not a requirement: {line}"));
            }
            int number = int.Parse(id.Groups["number"].Value, CultureInfo.InvariantCulture);
            rows.Add(new Requirement(rfc, id.Groups["section"].Value, number, cells[1], cells[2], cells[3], cells[4], cells[5]));
        }
        return rows;
    }

    /// <summary>True if this requirement is the next one after the other: of the same section, or the first of a later one.</summary>
    public bool Follows(Requirement? previous) => previous is not null && previous.Section == Section
        ? Number == previous.Number + 1
        : Number == 1 && (previous is null || CompareSections(previous.Section, Section) < 0);

    /// <summary>4 before 4.1 before 4.10 before 5 before A.1.</summary>
    private static int CompareSections(string a, string b)
    {
        string[] left = a.Split('.');
        string[] right = b.Split('.');
        for (int i = 0; i < Math.Min(left.Length, right.Length); i++)
        {
            bool leftIsNumber = int.TryParse(left[i], CultureInfo.InvariantCulture, out int l);
            bool rightIsNumber = int.TryParse(right[i], CultureInfo.InvariantCulture, out int r);
            int order = (leftIsNumber, rightIsNumber) switch
            {
                (true, true) => l.CompareTo(r),
                (false, false) => string.CompareOrdinal(left[i], right[i]),
                _ => leftIsNumber ? -1 : 1,
            };
            if (order != 0)
                return order;
        }
        return left.Length.CompareTo(right.Length);
    }

    [GeneratedRegex(
        @"^(?<section>[0-9A-Z]+(\.\d+)*)-(?<number>\d+)$", RegexOptions.ExplicitCapture, matchTimeoutMilliseconds: 10_000)]
    private static partial Regex Id();

    [GeneratedRegex(@"`(?<file>[\w./]+\.cs) (?<member>\w+)`", RegexOptions.ExplicitCapture, matchTimeoutMilliseconds: 10_000)]
    private static partial Regex Place();

    [GeneratedRegex(@"`(?<class>\w+)\.(?<method>\w+)`", RegexOptions.ExplicitCapture, matchTimeoutMilliseconds: 10_000)]
    private static partial Regex Test();
}
