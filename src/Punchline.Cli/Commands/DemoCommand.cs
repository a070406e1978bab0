using System.CommandLine;
using System.Net;
using Punchline.Cli.Roles;
using Punchline.Cli.Settings;

namespace Punchline.Cli.Commands;

/// <summary><c>punchline demo</c>: server, host and client in one, with nothing to set up.</summary>
internal static class DemoCommand
{
    public static Command Create(Session session)
    {
        var listen = new Setting<IPEndPoint>("--listen", "ADDRESS:PORT", "Where the client listens; without it 127.0.0.1:52000", Addresses.EndPoint);
        var once = new Flag("--once", "End after the demonstration instead of staying up for a browser");
        var nat = new Flag("--nat", "Inside a laboratory, behind two NATs of the kernel (Linux, as root)");
        var diagnostics = new DiagnosticSettings();
        var command = new RoleCommand(
            "demo",
            "Shows the whole way on this computer: a server, a host that shares a small web page, and a client.",
            session,
            "punchline demo",
            "sudo punchline demo --nat --once");
        // The processes inside the laboratory are this program again.
        var part = new Option<string?>("--part") { Hidden = true };
        var inviteFile = new Option<string?>("--invite-file") { Hidden = true };
        command.AddAll(listen.Option, once.Option, nat.Option, part, inviteFile);
        diagnostics.AddTo(command);
        command.SetAction((result, stop) =>
        {
            var host = session.Host;
            var inLaboratory = nat.Get(result, host);
            var common = session.Common;
            var settings = new DemoSettings(listen.Get(result, host), once.Get(result, host), inLaboratory)
            {
                CommonOptions = $"{(common.Json.Get(result, host) ? "--json " : "")}{(common.Verbose.Get(result, host) ? "--verbose" : "")}".Trim(),
                Part = result.GetValue(part),
                InviteFile = result.GetValue(inviteFile),
                Qlog = FullPath(diagnostics.Qlog.Get(result, host)),
                KeyLog = FullPath(diagnostics.KeyLog.Get(result, host)),
            };
            return Session.RunAsync(session.Roles.Demo(settings, session.Output(result)), stop);
        });
        return command;
    }

    // The processes inside the laboratory need not be where this one is.
    private static string? FullPath(string? path) => path is null ? null : Path.GetFullPath(path);
}
