using System.CommandLine;
using System.CommandLine.Help;
using System.CommandLine.Invocation;
using System.Reflection;
using Punchline.Cli.Commands;
using Punchline.Cli.Output;
using Punchline.Cli.Roles;

namespace Punchline.Cli;

/// <summary>The command line as a whole: from arguments to an exit code, every mistake in one line.</summary>
internal static class CommandLine
{
    /// <summary>The version of this build.</summary>
    public static string Version { get; } =
        typeof(CommandLine).Assembly.GetCustomAttribute<AssemblyInformationalVersionAttribute>()?.InformationalVersion ?? "unknown";

    public static async Task<ExitCode> RunAsync(IReadOnlyList<string> arguments, CliHost host, IRoleFactory roles, CancellationToken stop)
    {
        var common = new CommonSettings();
        var session = new Session(host, roles, common);
        // '@' begins no file of arguments here: nobody expects a service or an invite to be read from one.
        var result = Create(session).Parse(arguments, new ParserConfiguration { ResponseFileTokenReplacer = null });
        try
        {
            if (result.Action is ParseErrorAction)
                throw new UsageException(Sentence(result.Errors[0].Message));
            return (ExitCode)await result.InvokeAsync(
                new InvocationConfiguration
                {
                    Output = host.Out,
                    Error = host.Error,
                    EnableDefaultExceptionHandler = false,
                    ProcessTerminationTimeout = null,
                },
                stop);
        }
        catch (UsageException e)
        {
            var command = result.CommandResult.Command is RoleCommand { Name: var name } ? $"punchline {name}" : "punchline";
            return Fail(session, result, ProblemNames.Usage, $"{e.Message} (see '{command} --help')", ExitCode.Usage);
        }
        catch (PunchlineException e)
        {
            var (name, exit) = ProblemNames.Of(e.Code);
            return Fail(session, result, name, e.Message, exit);
        }
        catch (OperationCanceledException) when (stop.IsCancellationRequested)
        {
            return ExitCode.Success;
        }
        // The outermost frame: whatever comes here is our mistake, and people are owed one line all the same.
        catch (Exception e)
        {
            if (common.Verbose.IsSet(result, host))
                await host.Error.WriteLineAsync(e.ToString());
            return Fail(
                session, result, ProblemNames.Of(ProblemCode.Internal).Name,
                $"a mistake in punchline itself: {e.GetType().Name}: {OneLine(e.Message)}; please report it, with what -v prints", ExitCode.Internal);
        }
    }

    private static RootCommand Create(Session session)
    {
        var root = new RootCommand("Gives a server on your computer to friends elsewhere, without port forwarding.") { HelpName = "punchline" };
        root.Add(HostCommand.Create(session));
        root.Add(JoinCommand.Create(session));
        root.Add(ServeCommand.Create(session));
        root.Add(DoctorCommand.Create(session));
        root.Add(DemoCommand.Create(session));
        foreach (var option in root.Options)
        {
            if (option is HelpOption { Action: HelpAction help })
                option.Action = new HelpWithExamples(help);
            else if (option is VersionOption)
                option.Action = new PrintVersion();
        }

        root.SetAction((Func<ParseResult, int>)(_ => throw new UsageException("say what to do: host, join, serve, doctor or demo")));
        return root;
    }

    private static ExitCode Fail(Session session, ParseResult result, string code, string message, ExitCode exit)
    {
        session.Host.Error.WriteLine($"punchline: {message}");
        if (session.Common.Json.IsSet(result, session.Host))
            new JsonEvents(session.Host.RawOut, details: false).Failure(session.Host.Time.GetUtcNow(), code, message, exit);
        return exit;
    }

    // The parser's sentences begin with a capital and end with a full stop; ours go on.
    private static string Sentence(string text)
    {
        text = OneLine(text).TrimEnd('.');
        return text.Length > 1 && char.IsLower(text[1]) ? char.ToLowerInvariant(text[0]) + text[1..] : text;
    }

    private static string OneLine(string text) => text.ReplaceLineEndings(" ");

    private sealed class HelpWithExamples(HelpAction help) : SynchronousCommandLineAction
    {
        public override bool ClearsParseErrors => true;

        public override int Invoke(ParseResult parseResult)
        {
            var result = help.Invoke(parseResult);
            var output = parseResult.InvocationConfiguration.Output;
            var examples = parseResult.CommandResult.Command is RoleCommand command ? command.Examples : RoleCommand.RootExamples;
            output.WriteLine("Examples:");
            foreach (var example in examples)
                output.WriteLine("  " + example);
            return result;
        }
    }

    private sealed class PrintVersion : SynchronousCommandLineAction
    {
        public override bool ClearsParseErrors => true;

        public override int Invoke(ParseResult parseResult)
        {
            parseResult.InvocationConfiguration.Output.WriteLine(Version);
            return 0;
        }
    }
}
