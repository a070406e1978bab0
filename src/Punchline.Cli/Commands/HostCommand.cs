using System.CommandLine;
using Punchline.Cli.Output;
using Punchline.Cli.Settings;

namespace Punchline.Cli.Commands;

/// <summary><c>punchline host</c>: shares services of this computer.</summary>
internal static class HostCommand
{
    private const string ServicesVariable = "PUNCHLINE_SERVICES";

    public static Command Create(Session session)
    {
        var services = new Argument<string[]>("SERVICE")
        {
            Description = $"What to share: {Services.Forms} [{ServicesVariable}]",
            Arity = ArgumentArity.ZeroOrMore,
        };
        var server = new Setting<string>("--server", "HOST[:PORT]", "The server; without it the one used last", Addresses.Server);
        var state = new Setting<string>("--state", "DIR", "Folder of key and invites, else in the user's configuration folder", Session.Text);
        var newInvite = new Flag("--new-invite", "Replace the invite: those given before stop at once");
        var inviteFile = new Setting<string>("--invite-file", "PATH", "Also write the invite to this file", Session.Text);
        var password = new Setting<string>("--host-password-file", "PATH", "The password that the server asks of hosts", Session.Text);
        var paths = new PathSettings();
        var diagnostics = new DiagnosticSettings();
        var command = new RoleCommand(
            "host",
            "Shares TCP and UDP services of this computer with those who have the invite.",
            session,
            "punchline host 25565 --server punch.example.org",
            "punchline host game=udp:19132 web=tcp:192.168.1.10:80 --new-invite");
        command.Add(services);
        command.AddAll(server.Option, state.Option, newInvite.Option, inviteFile.Option, password.Option);
        paths.AddTo(command);
        diagnostics.AddTo(command);
        command.SetAction((result, stop) =>
        {
            var host = session.Host;
            var folder = session.StateFolder(state.Get(result, host));
            var remembered = new Remembered(folder);
            var options = new HostOptions
            {
                NewInvite = newInvite.Get(result, host),
                Services = ServicesOf(result.GetValue(services) ?? [], host),
                Server = server.Get(result, host) ?? remembered.Server ?? throw new UsageException(
                    "no server: say --server HOST[:PORT] or set PUNCHLINE_SERVER; ask a friend who runs one, or run 'punchline serve' on a machine with a public address"),
                StateDirectory = folder,
                HostPassword = Session.Password(password.Get(result, host)),
                AllowsSpray = !paths.NoSpray.Get(result, host),
                RelayOnly = paths.RelayOnly.Get(result, host),
                PortMapping = !paths.NoPortMapping.Get(result, host),
                TimeProvider = host.Time,
                QlogDirectory = diagnostics.Qlog.Get(result, host),
                KeyLogFile = diagnostics.KeyLog.Get(result, host),
            };
            var file = inviteFile.Get(result, host);
            var events = new FollowedEvents(session.Output(result), value =>
            {
                if (value is HostReady)
                    remembered.Server = options.Server;
                else if (value is InviteCreated created && file is not null)
                    UserFiles.Write(file, created.Invite + "\n");
            });
            return Session.RunAsync(session.Roles.Host(options, events), stop);
        });
        return command;
    }

    private static IReadOnlyList<ServiceSpec> ServicesOf(string[] texts, CliHost host)
    {
        if (texts.Length == 0)
            texts = ListSetting<string>.Split(Variables.Get(host, ServicesVariable));
        if (texts.Length == 0)
            throw new UsageException($"say what to share: {Services.Forms}");
        // An unknown option ends up among the services, because the parser cannot know better.
        if (Array.Find(texts, text => text.StartsWith('-')) is { } option)
            throw new UsageException($"unknown option '{option}'");
        var (services, error) = Services.All(texts);
        return services ?? throw new UsageException(error!);
    }
}
