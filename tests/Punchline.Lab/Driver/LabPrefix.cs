using System.Diagnostics;
using System.Globalization;
using System.Text.RegularExpressions;

namespace Punchline.Lab.Driver;

/// <summary>The prefix of a laboratory names its owner: <c>pl</c>, the process id, <c>x</c>, a number, <c>-</c>.</summary>
internal static partial class LabPrefix
{
    /// <summary>Where natlab keeps what it knows of each running laboratory.</summary>
    private const string StateFolder = "/run/natlab";

    private static int _last;

    public static string Next() => Of(Environment.ProcessId, Interlocked.Increment(ref _last));

    public static string Of(int owner, int number) => string.Create(CultureInfo.InvariantCulture, $"pl{owner}x{number}-");

    /// <summary>Takes down every laboratory whose owner no longer lives: it was killed before it could do so itself.</summary>
    public static async Task SweepAsync(Func<string, Task> takeDown)
    {
        if (!Directory.Exists(StateFolder))
            return;
        foreach (var folder in Directory.GetDirectories(StateFolder))
            if (Pattern().Match(Path.GetFileName(folder)) is { Success: true } match
                && !IsAlive(int.Parse(match.Groups["owner"].ValueSpan, CultureInfo.InvariantCulture)))
                await takeDown(match.Value);
    }

    private static bool IsAlive(int id)
    {
        try
        {
            using var process = Process.GetProcessById(id);
            return !process.HasExited;
        }
        catch (ArgumentException)
        {
            return false;
        }
    }

    [GeneratedRegex("^pl(?<owner>[0-9]{1,9})x[0-9]+-$", RegexOptions.CultureInvariant, matchTimeoutMilliseconds: 1000)]
    private static partial Regex Pattern();
}
