using System.Globalization;
using System.Text.RegularExpressions;
using Punchline.Lab.Driver;

namespace Punchline.Lab.Fixtures;

/// <summary>What ApacheBench saw.</summary>
/// <param name="Complete">Requests that were answered.</param>
/// <param name="Failed">Of those, how many were not as long as the first, or broke off.</param>
/// <param name="NotOk">Answers other than 2xx.</param>
/// <param name="BodyBytes">Of all answers.</param>
/// <param name="RequestsPerSecond">The mean.</param>
internal sealed record ApacheBenchResult(int Complete, int Failed, int NotOk, long BodyBytes, double RequestsPerSecond)
{
    /// <summary>Reads what <c>ab</c> printed.</summary>
    public static ApacheBenchResult Parse(string output) => new(
        (int)Value(output, "Complete requests:"),
        (int)Value(output, "Failed requests:"),
        (int)Value(output, "Non-2xx responses:", 0),
        (long)Value(output, "HTML transferred:"),
        Value(output, "Requests per second:"));

    private static double Value(string output, string name, double? otherwise = null)
    {
        var match = Regex.Match(output, $"^{Regex.Escape(name)}\\s+(?<value>[0-9.]+)", RegexOptions.Multiline | RegexOptions.ExplicitCapture, TimeSpan.FromSeconds(1));
        return match.Success
            ? double.Parse(match.Groups["value"].ValueSpan, CultureInfo.InvariantCulture)
            : otherwise ?? throw new LabException($"ab printed no '{name}'\n{output}");
    }
}

/// <summary>What the comparing client saw.</summary>
internal sealed record HttpCheckResult(int Right, int Altered, int Failed);

/// <summary>Clients that load a page many times over many connections at once.</summary>
internal static class HttpClients
{
    public static async Task<ApacheBenchResult> ApacheBenchAsync(NatLab lab, string where, string url, int requests, int connections) =>
        ApacheBenchResult.Parse(await lab.RunAsync(where, ["ab", "-q", "-r", "-n", $"{requests}", "-c", $"{connections}", url]));

    /// <summary>Compares every body with a sum, which <c>ab</c> does not.</summary>
    public static async Task<HttpCheckResult> CheckAsync(NatLab lab, string where, string url, string sha256, int requests, int connections)
    {
        await using var check = NodeScript.Start(lab, where, "http-check.cjs", url, sha256, $"{requests}", $"{connections}");
        var result = await check.EventAsync("checked");
        return new HttpCheckResult(
            result.GetProperty("right").GetInt32(), result.GetProperty("altered").GetInt32(), result.GetProperty("failed").GetInt32());
    }
}

/// <summary>Scripts of the folder <c>npm</c>, on the pinned Node.</summary>
internal static class NodeScript
{
    public static ChildProcess Start(NatLab lab, string where, string script, params string[] arguments)
    {
        var folder = Path.Combine(Repository.Lab, "npm");
        return lab.Start(where, [Path.Combine(Laboratory.NodeModules, ".bin", "node"), Path.Combine(folder, script), .. arguments]);
    }
}
