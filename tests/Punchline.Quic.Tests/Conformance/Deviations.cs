using System.Globalization;
using System.Text.RegularExpressions;

namespace Punchline.Quic.Tests.Conformance;

/// <summary>The entries of docs/deviations.md: under which heading which section of which RFC is left.</summary>
internal static partial class Deviations
{
    /// <summary>Reads the document. A heading is given as the anchor that a link names.</summary>
    public static HashSet<(string Anchor, int Rfc, string Section)> Of(string document)
    {
        var entries = new HashSet<(string Anchor, int Rfc, string Section)>();
        string anchor = "";
        foreach (string line in document.Split('\n'))
        {
            if (line.StartsWith("## ", StringComparison.Ordinal))
                anchor = NotInAnchor().Replace(line[3..].Trim().ToLowerInvariant(), "").Replace(' ', '-');
            else if (line.StartsWith('|'))
                Add(entries, anchor, line.Trim('|').Split('|')[0]);
        }
        return entries;
    }

    /// <summary>The anchor of a link to the document, or null.</summary>
    public static string? Linked(string where)
    {
        Match m = Link().Match(where);
        return m.Success ? m.Groups["anchor"].Value : null;
    }

    /// <summary>The first cell of an entry: "9000 5.2.2, 6.1" or "9001 4.6, 9846 4.7.1".</summary>
    private static void Add(HashSet<(string Anchor, int Rfc, string Section)> entries, string anchor, string cell)
    {
        int rfc = 0;
        foreach (string word in cell.Split([' ', ','], StringSplitOptions.RemoveEmptyEntries))
        {
            if (word.Length == 4 && int.TryParse(word, CultureInfo.InvariantCulture, out int number))
                rfc = number;
            else
                entries.Add((anchor, rfc, word));
        }
    }

    /// <summary>What an anchor leaves out of its heading.</summary>
    [GeneratedRegex(@"[^\w \-]", RegexOptions.ExplicitCapture, matchTimeoutMilliseconds: 10_000)]
    private static partial Regex NotInAnchor();

    [GeneratedRegex(@"\]\(\.\./deviations\.md#(?<anchor>[\w\-]+)\)", RegexOptions.ExplicitCapture, matchTimeoutMilliseconds: 10_000)]
    private static partial Regex Link();
}
