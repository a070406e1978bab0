using System.CommandLine;
using Punchline.Cli.Output;
using Punchline.Cli.Roles;
using Punchline.Cli.Settings;

namespace Punchline.Cli.Commands;

/// <summary>The options that every command has.</summary>
internal sealed class CommonSettings
{
    public Flag Json { get; } = new("--json", "One JSON object a line on standard output for every event");

    public Flag Verbose { get; } = new("--verbose", "Say more, on standard error", "-v");
}

/// <summary>What every command works with.</summary>
internal sealed record Session(CliHost Host, IRoleFactory Roles, CommonSettings Common)
{
    /// <summary>Where events go: to people, or with <c>--json</c> to programs.</summary>
    public IEventOutput Output(ParseResult result)
    {
        var details = Common.Verbose.Get(result, Host);
        return Common.Json.Get(result, Host)
            ? new JsonEvents(Host.RawOut, details)
            : new PeopleEvents(Host.Out, Host.Error, PeopleEvents.WantsColour(Host), details);
    }

    /// <summary>Runs a role to its end.</summary>
    public static async Task<int> RunAsync(IRole role, CancellationToken stop)
    {
        await using (role)
            await role.RunAsync(stop);
        return (int)ExitCode.Success;
    }

    /// <summary>The state folder: the option's, else one in the user's configuration folder.</summary>
    /// <exception cref="UsageException">The system names no such folder.</exception>
    public string StateFolder(string? said) =>
        said is not null ? Path.GetFullPath(said)
        : Host.ConfigurationFolder.Length > 0 ? Path.Combine(Host.ConfigurationFolder, "punchline")
        : throw new UsageException("the system names no folder for settings (is HOME set?); say --state DIR");

    /// <summary>The password in a file, without the line break that ends it; null if no file was said.</summary>
    public static string? Password(string? path)
    {
        if (path is null)
            return null;
        var password = UserFiles.Read(path).TrimEnd('\r', '\n');
        return password.Length > 0 ? password : throw new PunchlineException(ProblemCode.State, $"{path} holds no password: it is empty");
    }

    /// <summary>Any text that is not empty, for options that are paths.</summary>
    public static Parsed<string> Text(string text) => text.Length > 0 ? text : Parsed<string>.Wrong("is empty");
}
