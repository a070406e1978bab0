using System.CommandLine;
using Punchline.Cli.Settings;

namespace Punchline.Cli.Commands;

/// <summary><c>punchline doctor</c>: what stands between this computer and a direct path to a host.</summary>
internal static class DoctorCommand
{
    public static Command Create(Session session)
    {
        var invite = new InviteSettings("The invite of a host, as you got it, or - to read it from standard input");
        var state = new Setting<string>("--state", "DIR", "Folder of key and joined hosts, else in the user's configuration folder", Session.Text);
        var noPortMapping = new Flag("--no-port-mapping", "Do not ask the router for a port (PCP, NAT-PMP, UPnP)");
        var noSpray = new Flag("--no-spray", "Never try many ports of a peer whose NAT cannot be met otherwise");
        var command = new RoleCommand(
            "doctor",
            "Finds out, with a host's invite, which ways there are to it, and why one is used or not.",
            session,
            "punchline doctor punchline1…",
            "punchline doctor --invite-file invite.txt --json");
        command.Add(invite.Words);
        command.AddAll(invite.File.Option, state.Option, noPortMapping.Option, noSpray.Option);
        command.SetAction(async (result, stop) =>
        {
            var host = session.Host;
            var output = session.Output(result);
            var text = await invite.ReadAsync(result, host, output, stop)
                ?? throw new UsageException("no invite: paste it behind 'doctor', or pipe it in with 'doctor -'");
            var options = new DoctorOptions
            {
                Invite = text,
                StateDirectory = session.StateFolder(state.Get(result, host)),
                PortMapping = !noPortMapping.Get(result, host),
                AllowsSpray = !noSpray.Get(result, host),
                TimeProvider = host.Time,
            };
            return await Session.RunAsync(session.Roles.Doctor(options, output), stop);
        });
        return command;
    }
}
