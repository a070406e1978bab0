namespace Punchline.Cli.Output;

/// <summary>Shows events, in one of two ways: to people or to programs.</summary>
internal interface IEventOutput : IProgress<PunchlineEvent>
{
    /// <summary>The end of the program by a mistake.</summary>
    void Failure(DateTimeOffset time, string code, string message, ExitCode exitCode);
}
