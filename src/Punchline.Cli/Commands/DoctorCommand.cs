using System.CommandLine;
using Punchline.Cli.Settings;

namespace Punchline.Cli.Commands;

/// <summary><c>punchline doctor</c>: says what this network allows, and what would help.</summary>
internal static class DoctorCommand
{
    public static Command Create(Session session)
    {
        var server = new Setting<string>("--server", "HOST[:PORT]", "The server to ask; without it the one used last", Addresses.Server);
        var state = new Setting<string>("--state", "DIR", "Folder of what was used last, else in the user's configuration folder", Session.Text);
        var longer = new Flag("--long", "Also measure how long the NAT keeps a silent mapping: up to a quarter of an hour");
        var noPortMapping = new Flag("--no-port-mapping", "Do not ask the router for a port (PCP, NAT-PMP, UPnP)");
        var command = new RoleCommand(
            "doctor",
            "Examines this network: how friends reach it, and what would help.",
            session,
            "punchline doctor --server punch.example.org",
            "punchline doctor --long --json");
        command.AddAll(server.Option, state.Option, longer.Option, noPortMapping.Option);
        command.SetAction((result, stop) =>
        {
            var host = session.Host;
            var remembered = new Remembered(session.StateFolder(state.Get(result, host)));
            var options = new DoctorOptions
            {
                Server = server.Get(result, host) ?? remembered.Server ?? throw new UsageException(
                    "no server: say --server HOST[:PORT] or set PUNCHLINE_SERVER"),
                Long = longer.Get(result, host),
                PortMapping = !noPortMapping.Get(result, host),
                TimeProvider = host.Time,
            };
            return Session.RunAsync(session.Roles.Doctor(options, session.Output(result)), stop);
        });
        return command;
    }
}
