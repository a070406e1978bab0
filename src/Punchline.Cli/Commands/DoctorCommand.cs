using System.CommandLine;
using Punchline.Cli.Settings;

namespace Punchline.Cli.Commands;

/// <summary><c>punchline doctor</c>: says what this network allows, what would help, and which ways lead to a host.</summary>
internal static class DoctorCommand
{
    public static Command Create(Session session)
    {
        var invite = new InviteSettings("The invite of a host, as you got it, or - to read it from standard input: which ways lead there, as well");
        var server = new Setting<string>("--server", "HOST[:PORT]", "The server to ask; without it the invite's, or the one that host used last", Addresses.Server);
        var state = new Setting<string>("--state", "DIR", "Folder of key, joined hosts and what was used last, else in the user's configuration folder", Session.Text);
        var longer = new Flag("--long", "Also measure how long the NAT keeps a silent mapping: up to a quarter of an hour");
        var paths = new PathSettings();
        var command = new RoleCommand(
            "doctor",
            "Examines this network: how friends reach it, what would help, and which ways lead to the host of an invite.",
            session,
            "punchline doctor --server punch.example.org",
            "punchline doctor punchline1…");
        command.Add(invite.Words);
        command.AddAll(server.Option, state.Option, invite.File.Option, longer.Option);
        paths.AddTo(command);
        command.SetAction(async (result, stop) =>
        {
            var host = session.Host;
            var folder = session.StateFolder(state.Get(result, host));
            var output = session.Output(result);
            var text = await invite.ReadAsync(result, host, output, stop);
            var said = server.Get(result, host);
            var options = new DoctorOptions
            {
                Server = text is not null ? said : said ?? new Remembered(folder).Server ?? throw new UsageException(
                    "no server: say --server HOST[:PORT] or set PUNCHLINE_SERVER, or say the invite of a host (for the one that was joined last: --invite-file with last-invite in the state folder)"),
                Invite = text,
                StateDirectory = folder,
                RelayOnly = paths.RelayOnly.Get(result, host),
                AllowsSpray = !paths.NoSpray.Get(result, host),
                Long = longer.Get(result, host),
                PortMapping = !paths.NoPortMapping.Get(result, host),
                TimeProvider = host.Time,
            };
            return await Session.RunAsync(session.Roles.Doctor(options, output), stop);
        });
        return command;
    }
}
