namespace Punchline.Cli;

/// <summary>The world around the command line, handed in so that tests can have one of their own.</summary>
internal sealed record CliHost
{
    /// <summary>What people read.</summary>
    public required TextWriter Out { get; init; }

    /// <summary>Diagnostics.</summary>
    public required TextWriter Error { get; init; }

    /// <summary>Standard output as bytes, for <c>--json</c>.</summary>
    public required Stream RawOut { get; init; }

    public required TextReader In { get; init; }

    /// <summary>A person sits at standard input.</summary>
    public bool InputIsTerminal { get; init; }

    /// <summary>A person looks at standard output.</summary>
    public bool OutputIsTerminal { get; init; }

    /// <summary>An environment variable, null if it is not set.</summary>
    public required Func<string, string?> Variable { get; init; }

    /// <summary>The user's folder for settings; empty if the system knows none.</summary>
    public required string ConfigurationFolder { get; init; }

    public TimeProvider Time { get; init; } = TimeProvider.System;

    /// <summary>The real one.</summary>
    public static CliHost System() => new()
    {
        Out = Console.Out,
        Error = Console.Error,
        RawOut = Console.OpenStandardOutput(),
        In = Console.In,
        InputIsTerminal = !Console.IsInputRedirected,
        OutputIsTerminal = !Console.IsOutputRedirected,
        Variable = Environment.GetEnvironmentVariable,
        ConfigurationFolder = Environment.GetFolderPath(Environment.SpecialFolder.ApplicationData, Environment.SpecialFolderOption.DoNotVerify),
    };
}
