using System.CommandLine;
using Punchline.Cli.Output;
using Punchline.Cli.Settings;

namespace Punchline.Cli.Commands;

/// <summary>The ways to say an invite on the command line: its words as they were pasted, standard input, or a file.</summary>
internal sealed class InviteSettings(string description)
{
    /// <summary>An invite has some 200 characters; more than this was no invite.</summary>
    private const int MaxLength = 16 * 1024;

    public Argument<string[]> Words { get; } = new("INVITE") { Description = description, Arity = ArgumentArity.ZeroOrMore };

    public Setting<string> File { get; } = new("--invite-file", "PATH", "Read the invite from this file", Session.Text);

    /// <summary>The invite that was said; null if none was.</summary>
    /// <exception cref="UsageException">It was said twice, or an option is none.</exception>
    /// <exception cref="PunchlineException">It cannot be one, or the file cannot be read.</exception>
    public async Task<string?> ReadAsync(ParseResult result, CliHost host, IEventOutput output, CancellationToken stop)
    {
        var words = result.GetValue(Words) ?? [];
        var file = File.Get(result, host);
        // An unknown option ends up among the words, because the parser cannot know better.
        if (words.Length > 0 && words[0].StartsWith('-') && words[0] != "-")
            throw new UsageException($"unknown option '{words[0]}'");
        if (words.Length > 0 && file is not null)
            throw new UsageException("an invite and --invite-file: say one of them");
        if (words is ["-"])
        {
            output.Report(new Detail(host.Time.GetUtcNow(), "reading the invite from standard input"));
            return Checked(await ReadAsync(Task.Run(() => ReadToEnd(host.In), CancellationToken.None), stop));
        }

        // Several words are one invite that a chat program has broken.
        return words.Length > 0 ? Checked(string.Join(' ', words)) : file is not null ? Checked(UserFiles.Read(file)) : null;
    }

    /// <summary>Asks the person at the terminal; null if there is none, or nothing was said.</summary>
    public static async Task<string?> AskAsync(CliHost host, CancellationToken stop)
    {
        if (!host.InputIsTerminal)
            return null;
        await host.Error.WriteAsync("Paste the invite and press Enter: ");
        await host.Error.FlushAsync(stop);
        return await ReadAsync(Task.Run(host.In.ReadLine, CancellationToken.None), stop);
    }

    /// <summary>The text that may be an invite.</summary>
    /// <exception cref="PunchlineException">It cannot be one.</exception>
    public static string Checked(string text) => text.Trim() switch
    {
        "" => throw new PunchlineException(ProblemCode.InviteInvalid, "the invite is empty: ask the host for its invite line"),
        { Length: > MaxLength } trimmed => throw new PunchlineException(ProblemCode.InviteInvalid, $"this is no invite: it has {trimmed.Length} characters"),
        var trimmed => trimmed,
    };

    private static string ReadToEnd(TextReader from)
    {
        var buffer = new char[MaxLength + 1];
        return new string(buffer, 0, from.ReadBlock(buffer));
    }

    // A read of a terminal or a pipe can't be cancelled: it is left behind.
    private static async Task<T> ReadAsync<T>(Task<T> read, CancellationToken stop) => await read.WaitAsync(stop);
}
