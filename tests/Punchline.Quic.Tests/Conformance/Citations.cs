using System.Globalization;
using System.Text.RegularExpressions;

namespace Punchline.Quic.Tests.Conformance;

/// <summary>
/// The sections of RFCs that a source file cites: "RFC 9000 section 4.1", "RFC 9000 sections 4.1, 4.5 and 19.8",
/// "RFC 9002 appendix B.2". A section without a number before it belongs to the RFC that was named last.
/// </summary>
internal static partial class Citations
{
    public static HashSet<(int Rfc, string Section)> Of(string source)
    {
        var cited = new HashSet<(int Rfc, string Section)>();
        int rfc = 0;
        // A citation may run over the end of a comment's line.
        foreach (Match m in Citation().Matches(LineOfComment().Replace(source, " ")))
        {
            if (m.Groups["rfc"].Success)
                rfc = int.Parse(m.Groups["rfc"].Value, CultureInfo.InvariantCulture);
            foreach (Capture section in m.Groups["section"].Captures)
                cited.Add((rfc, section.Value));
        }
        return cited;
    }

    /// <summary>True if the section, or the one that it is part of, is among the cited ones.</summary>
    public static bool Cover(IReadOnlySet<(int Rfc, string Section)> cited, int rfc, string section)
    {
        int end = section.LastIndexOf('.');
        return cited.Contains((rfc, section)) || (end > 0 && cited.Contains((rfc, section[..end])));
    }

    [GeneratedRegex(
        @"RFC (?<rfc>\d{4})|([Ss]ections?|appendix|appendices) (?<section>[0-9A-Z]+(\.\d+)*)((,| and|, and| to) (?<section>[0-9A-Z](\d|\.\d)*)(?!\w))*",
        RegexOptions.ExplicitCapture,
        matchTimeoutMilliseconds: 10_000)]
    private static partial Regex Citation();

    [GeneratedRegex(@"\s*\n\s*//+\s*", RegexOptions.ExplicitCapture, matchTimeoutMilliseconds: 10_000)]
    private static partial Regex LineOfComment();
}
