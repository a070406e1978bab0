using System.CommandLine;
using System.Net;
using Punchline.Cli.Output;
using Punchline.Cli.Settings;

namespace Punchline.Cli.Commands;

/// <summary><c>punchline join</c>: brings a host's services to this computer.</summary>
internal static class JoinCommand
{
    /// <summary>An invite has some 200 characters; more than this was no invite.</summary>
    private const int MaxInviteLength = 16 * 1024;

    private const string InviteVariable = "PUNCHLINE_INVITE";

    public static Command Create(Session session)
    {
        var invite = new Argument<string[]>("INVITE")
        {
            Description = $"The invite as you got it, or - to read it from standard input; without it the last one [{InviteVariable}]",
            Arity = ArgumentArity.ZeroOrMore,
        };
        var listen = new Setting<IPEndPoint>("--listen", "ADDRESS:PORT", "Where the first service appears; without it 127.0.0.1:52000", Addresses.EndPoint);
        var map = new ListSetting<KeyValuePair<string, IPEndPoint>>("--map", "NAME=ADDRESS:PORT", "Where a service appears, by its name; may be repeated", Services.Mapping);
        var state = new Setting<string>("--state", "DIR", "Folder of key, joined hosts and last invite, else in the user's configuration folder", Session.Text);
        var inviteFile = new Setting<string>("--invite-file", "PATH", "Read the invite from this file", Session.Text);
        var paths = new PathSettings();
        var diagnostics = new DiagnosticSettings();
        var command = new RoleCommand(
            "join",
            "Joins a host with its invite: its services appear on this computer.",
            session,
            "punchline join punchline1…",
            "punchline join --invite-file invite.txt --map web=127.0.0.1:8080");
        command.Add(invite);
        command.AddAll(listen.Option, map.Option, state.Option, inviteFile.Option);
        paths.AddTo(command);
        diagnostics.AddTo(command);
        command.SetAction(async (result, stop) =>
        {
            var host = session.Host;
            var folder = session.StateFolder(state.Get(result, host));
            var remembered = new Remembered(folder);
            var (endPoint, mapped) = (listen.Get(result, host), map.Get(result, host));
            var output = session.Output(result);
            var words = result.GetValue(invite) ?? [];
            if (words is ["-"])
                output.Report(new Detail(host.Time.GetUtcNow(), "reading the invite from standard input"));
            var text = await InviteAsync(words, inviteFile.Get(result, host), host, remembered, stop);
            var options = new ClientOptions
            {
                Invite = text,
                StateDirectory = folder,
                Listen = endPoint,
                Map = MapOf(mapped),
                AllowsSpray = !paths.NoSpray.Get(result, host),
                RelayOnly = paths.RelayOnly.Get(result, host),
                PortMapping = !paths.NoPortMapping.Get(result, host),
                TimeProvider = host.Time,
                QlogDirectory = diagnostics.Qlog.Get(result, host),
                KeyLogFile = diagnostics.KeyLog.Get(result, host),
            };
            // It listens only when the invite could be read: then it is worth remembering, whoever is online.
            var events = new FollowedEvents(output, value =>
            {
                if (value is Listening)
                    remembered.Invite = text;
            });
            return await Session.RunAsync(session.Roles.Client(options, events), stop);
        });
        return command;
    }

    private static Dictionary<string, IPEndPoint> MapOf(IReadOnlyList<KeyValuePair<string, IPEndPoint>> mapped)
    {
        var map = new Dictionary<string, IPEndPoint>();
        foreach (var (name, endPoint) in mapped)
            if (!map.TryAdd(name, endPoint))
                throw new UsageException($"--map: '{name}' is there twice");
        return map;
    }

    private static async Task<string> InviteAsync(string[] words, string? file, CliHost host, Remembered remembered, CancellationToken stop)
    {
        if (words.Length > 0 && words[0].StartsWith('-') && words[0] != "-")
            throw new UsageException($"unknown option '{words[0]}'");
        if (words.Length > 0 && file is not null)
            throw new UsageException("an invite and --invite-file: say one of them");
        // Several words are one invite that a chat program has broken.
        var text = words is ["-"] ? await ReadAsync(ReadToEndAsync(host.In), stop)
            : words.Length > 0 ? string.Join(' ', words)
            : file is not null ? UserFiles.Read(file)
            : Variables.Get(host, InviteVariable) ?? remembered.Invite;
        if (text is null && host.InputIsTerminal)
        {
            await host.Error.WriteAsync("Paste the invite and press Enter: ");
            await host.Error.FlushAsync(stop);
            text = await ReadAsync(Task.Run(host.In.ReadLine, CancellationToken.None), stop);
        }

        text = text?.Trim();
        return text switch
        {
            null => throw new UsageException("no invite: paste it behind 'join', or pipe it in with 'join -'"),
            "" => throw new PunchlineException(ProblemCode.InviteInvalid, "the invite is empty: ask the host for its invite line"),
            { Length: > MaxInviteLength } => throw new PunchlineException(ProblemCode.InviteInvalid, $"this is no invite: it has {text.Length} characters"),
            _ => text,
        };
    }

    private static Task<string?> ReadToEndAsync(TextReader from) => Task.Run(
        () =>
        {
            var buffer = new char[MaxInviteLength + 1];
            return (string?)new string(buffer, 0, from.ReadBlock(buffer));
        },
        CancellationToken.None);

    // A read of a terminal or a pipe can't be cancelled: it is left behind.
    private static async Task<string?> ReadAsync(Task<string?> read, CancellationToken stop) => await read.WaitAsync(stop);
}
