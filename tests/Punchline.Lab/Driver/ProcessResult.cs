namespace Punchline.Lab.Driver;

/// <summary>What became of a program that ran to its end.</summary>
internal sealed record ProcessResult(string Title, int ExitCode, string Output, string Errors)
{
    /// <summary>The same, if it ended with 0.</summary>
    /// <exception cref="LabException">It ended otherwise; the message holds its output.</exception>
    public ProcessResult Ok() => ExitCode == 0 ? this : throw new LabException($"{Title}: exit code {ExitCode}\n{Output}\n{Errors}");
}
