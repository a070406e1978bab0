using System.Globalization;
using System.Text;
using Xunit;

namespace Punchline.Quic.Tests.Conformance;

/// <summary>
/// The tables in docs/conformance say of each requirement of an RFC where the code fulfils it and which test shows it.
/// What they name must be there: files, members, citations, tests, deviations; and docs/conformance.md counts them right.
/// </summary>
public partial class ConformanceTableTests
{
    private const string Summary = "docs/conformance.md";
    private const string CountsBegin = "<!-- counts: checked by ConformanceTableTests -->\n";
    private const string CountsEnd = "<!-- end of counts -->";

    private static readonly List<Requirement> All =
        [.. Directory.EnumerateFiles(Path.Combine(Repository.Root, "docs", "conformance"), "rfc*.md")
            .Order(StringComparer.Ordinal).SelectMany(ReadFile)];

    [Fact]
    public void Every_table_counts_its_requirements_in_the_order_of_the_RFC()
    {
        Assert.NotEmpty(All);
        Requirement? previous = null;
        foreach (Requirement r in All)
        {
            if (previous?.Rfc != r.Rfc)
                previous = null;
            Assert.True(r.Follows(previous), $"{r} does not follow {previous}.");
            previous = r;
        }
    }

    [Fact]
    public void What_fulfils_a_requirement_is_in_the_source_with_its_citation() =>
        None(All.Where(r => r.State == "fulfilled").SelectMany(r => r.Places.Any()
            ? r.Places.SelectMany(p => WrongWith(r, p.File, p.Member))
            : [$"{r}: no place is named"]));

    [Fact]
    public void What_deviates_has_an_entry_among_the_deviations()
    {
        HashSet<(string Anchor, int Rfc, string Section)> entries = Deviations.Of(Repository.Read("docs/deviations.md")!);

        None(All.Where(r => r.State == "deviates" && !entries.Contains((Deviations.Linked(r.Where) ?? "", r.Rfc, r.Section)))
            .Select(r => $"{r}: no entry for its section under the linked heading"));
    }

    [Fact]
    public void What_does_not_apply_names_no_test() =>
        None(All.Where(r => r.State == "n/a" && r.ShownBy != "-").Select(r => $"{r}: shown by {r.ShownBy}"));

    [Fact]
    public void Every_test_that_a_table_names_exists()
    {
        None(All.SelectMany(r => r.Tests.Any() || r.ShownBy == "-"
            ? r.Tests.Where(t => !NamedTests.Exist(t.Class, t.Method))
                .Select(t => $"{r}: no test {t.Class}.{t.Method}")
            : [$"{r}: neither tests nor '-'"]));
    }

    [Fact]
    public void The_summary_has_the_right_counts()
    {
        string counts = Counts();
        string summary = Repository.Read(Summary)!;
        int begin = summary.IndexOf(CountsBegin, StringComparison.Ordinal) + CountsBegin.Length;
        int end = summary.IndexOf(CountsEnd, StringComparison.Ordinal);

        Assert.True(begin >= CountsBegin.Length && end >= begin && summary[begin..end] == counts, $"{Summary} should say:\n{counts}");
    }

    [Theory]
    [InlineData("// RFC 9000 section 4.1: limits", "4.1")]
    [InlineData("/// RFC 9000\n    /// sections 4.5 and 19.8", "4.5 19.8")]
    [InlineData("(RFC 9000 sections 5.2, 12; RFC 9001 section 5)", "5.2 12")]
    [InlineData("RFC 9000 section 17.1, appendices A.2 and A.3", "17.1 A.2 A.3")]
    [InlineData("RFC 9001 section 4, and then", "")]
    public void Citations_are_read_as_they_are_written(string comment, string sections) =>
        Assert.Equal(sections, string.Join(' ', Citations.Of(comment).Where(c => c.Rfc == 9000).Select(c => c.Section)));

    private static List<Requirement> ReadFile(string path) => Requirement.ReadAll(
        int.Parse(Path.GetFileNameWithoutExtension(path)["rfc".Length..], CultureInfo.InvariantCulture), File.ReadAllText(path));

    private static void None(IEnumerable<string> complaints)
    {
        string[] all = [.. complaints];
        Assert.True(all.Length == 0, string.Join('\n', all));
    }

    private static IEnumerable<string> WrongWith(Requirement r, string file, string member)
    {
        if (Repository.Read("src/Punchline.Quic/" + file) is not { } source)
        {
            yield return $"{r}: no file {file}";
            yield break;
        }
        if (!Repository.HasWord(source, member))
            yield return $"{r}: no {member} in {file}";
        if (!Citations.Cover(Citations.Of(source), r.Rfc, r.Section))
            yield return $"{r}: {file} does not cite its section";
    }

    private static string Counts()
    {
        var text = new StringBuilder("\n| RFC | level | fulfilled | deviates | n/a | tested |\n");
        text.Append("| --- | --- | ---: | ---: | ---: | --- |\n");
        foreach (IGrouping<int, Requirement> rfc in All.GroupBy(r => r.Rfc))
        {
            foreach (string level in Requirement.Levels)
            {
                Requirement[] rows = [.. rfc.Where(r => r.Level == level)];
                text.Append(CultureInfo.InvariantCulture, $"| [{rfc.Key}](conformance/rfc{rfc.Key}.md) | {level} |");
                foreach (string state in Requirement.States)
                    text.Append(CultureInfo.InvariantCulture, $" {rows.Count(r => r.State == state)} |");
                Requirement[] done = [.. rows.Where(r => r.State is "fulfilled" or "deviates")];
                text.Append(CultureInfo.InvariantCulture, $" {done.Count(r => r.Tests.Any())} of {done.Length} |\n");
            }
        }
        return text.Append('\n').ToString();
    }
}
