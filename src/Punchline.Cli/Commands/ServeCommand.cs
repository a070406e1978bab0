using System.CommandLine;
using System.Net;
using Punchline.Cli.Roles;
using Punchline.Cli.Settings;

namespace Punchline.Cli.Commands;

/// <summary><c>punchline serve</c>: the server that hosts and clients meet at.</summary>
internal static class ServeCommand
{
    public static Command Create(Session session)
    {
        var listen = new Setting<IPEndPoint>("--listen", "ADDRESS:PORT", "UDP and TCP; without it port 3478 on all IPv4 and IPv6 addresses", Addresses.EndPoint);
        var stun = new Setting<IPEndPoint>("--stun-alt", "ADDRESS:PORT", "The second STUN address; without it the port after the first", Addresses.EndPoint);
        var password = new Setting<string>("--host-password-file", "PATH", "Only hosts that prove this password may register", Session.Text);
        var admin = new Setting<IPEndPoint>("--admin", "ADDRESS:PORT", "Serve /metrics and /healthz there, such as 127.0.0.1:9478", Addresses.EndPoint);
        var command = new RoleCommand(
            "serve",
            "Runs the server at which hosts and clients meet. It needs a public address, and cannot read what they say.",
            session,
            "punchline serve --host-password-file /etc/punchline/password",
            "punchline serve --listen 203.0.113.5:3478 --admin 127.0.0.1:9478");
        command.AddAll(listen.Option, stun.Option, password.Option, admin.Option);
        command.SetAction((result, stop) =>
        {
            var host = session.Host;
            var settings = new ServerSettings(
                listen.Get(result, host), stun.Get(result, host), admin.Get(result, host), Session.Password(password.Get(result, host)));
            return Session.RunAsync(session.Roles.Server(settings, session.Output(result)), stop);
        });
        return command;
    }
}
