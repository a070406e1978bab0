using System.CommandLine;
using System.Net;
using Punchline.Cli.Output;
using Punchline.Cli.Settings;

namespace Punchline.Cli.Commands;

/// <summary><c>punchline join</c>: brings a host's services to this computer.</summary>
internal static class JoinCommand
{
    private const string InviteVariable = "PUNCHLINE_INVITE";

    public static Command Create(Session session)
    {
        var invite = new InviteSettings($"The invite as you got it, or - to read it from standard input; without it the last one [{InviteVariable}]");
        var listen = new Setting<IPEndPoint>("--listen", "ADDRESS:PORT", "Where the first service appears; without it 127.0.0.1:52000", Addresses.EndPoint);
        var map = new ListSetting<KeyValuePair<string, IPEndPoint>>("--map", "NAME=ADDRESS:PORT", "Where a service appears, by its name; may be repeated", Services.Mapping);
        var state = new Setting<string>("--state", "DIR", "Folder of key, joined hosts and last invite, else in the user's configuration folder", Session.Text);
        var paths = new PathSettings();
        var diagnostics = new DiagnosticSettings();
        var command = new RoleCommand(
            "join",
            "Joins a host with its invite: its services appear on this computer.",
            session,
            "punchline join punchline1…",
            "punchline join --invite-file invite.txt --map web=127.0.0.1:8080");
        command.Add(invite.Words);
        command.AddAll(listen.Option, map.Option, state.Option, invite.File.Option);
        paths.AddTo(command);
        diagnostics.AddTo(command);
        command.SetAction(async (result, stop) =>
        {
            var host = session.Host;
            var folder = session.StateFolder(state.Get(result, host));
            var remembered = new Remembered(folder);
            var (endPoint, mapped) = (listen.Get(result, host), map.Get(result, host));
            var output = session.Output(result);
            var text = await invite.ReadAsync(result, host, output, stop)
                ?? InviteSettings.Checked(Variables.Get(host, InviteVariable) ?? remembered.Invite ?? await InviteSettings.AskAsync(host, stop)
                    ?? throw new UsageException("no invite: paste it behind 'join', or pipe it in with 'join -'"));
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
}
