using System.CommandLine;
using System.Globalization;
using System.Net;
using Punchline.Cli.Roles;
using Punchline.Cli.Settings;
using Punchline.Server;

namespace Punchline.Cli.Commands;

/// <summary><c>punchline serve</c>: the server that hosts and clients meet at.</summary>
internal static class ServeCommand
{
    // What holds where nothing is said.
    private static readonly PunchlineServerOptions Usual = new();

    public static Command Create(Session session)
    {
        var listen = new Setting<IPEndPoint>("--listen", "ADDRESS:PORT", "UDP and TCP; without it port 3478 on all IPv4 and IPv6 addresses", Addresses.EndPoint);
        var stun = new Setting<StunAlternative>("--stun-alt", "ADDRESS:PORT", "The second STUN address, or 'no'; without it the port after the first", StunAlternative.Read);
        var password = new Setting<string>("--host-password-file", "PATH", "Only hosts that prove this password may register", Session.Text);
        var hosts = new Setting<string>("--allow-hosts", "FILE", "Only these host ids may register, one a line", Session.Text);
        var certificate = new Setting<string>("--tls-certificate", "FILE", "Serve TLS too, as wss://NAME: the certificate and its issuers, PEM", Session.Text);
        var key = new Setting<string>("--tls-key", "FILE", "The private key, PEM; without it in the same file", Session.Text);
        var tlsPort = new Setting<Count>("--tls-port", "PORT", Bound("The TCP port of TLS", Usual.TlsPort), ServeValues.Port);
        var admin = new Setting<IPEndPoint>("--admin", "ADDRESS:PORT", "Serve /metrics and /healthz there, such as 127.0.0.1:9478", Addresses.EndPoint);
        var names = new ListSetting<string>("--name", "NAME:PORT", "What peers may dial, may be repeated; without it any name", ServeValues.Name);
        var advertise = new ListSetting<IPAddress>("--advertise", "ADDRESS", "Where peers find the UDP port, may be repeated; without it at the name", Addresses.Address);
        var proxies = new ListSetting<IPAddress>("--trusted-proxy", "ADDRESS", "A web server in front, may be repeated: its X-Forwarded-For is believed", Addresses.Address);
        var channels = new Setting<Count>("--max-channels", "N", Bound("Hosts and clients at once", Usual.MaxChannels), Count.Read);
        var perAddress = new Setting<Count>("--max-channels-per-address", "N", Bound("The same from one IPv4 address or IPv6 /56", Usual.MaxChannelsPerAddress), Count.Read);
        var pairs = new Setting<Count>("--max-pairs-per-host", "N", Bound("Clients of one host at once", Usual.MaxPairsPerHost), Count.Read);
        var relay = new RelaySettings();
        var command = new RoleCommand(
            "serve",
            "Runs the server at which hosts and clients meet. It needs a public address, and cannot read what they say.",
            session,
            "punchline serve --host-password-file /etc/punchline/password",
            "punchline serve --listen 203.0.113.5:3478 --admin 127.0.0.1:9478");
        command.AddAll(
            listen.Option, stun.Option, password.Option, hosts.Option, certificate.Option, key.Option, tlsPort.Option, admin.Option, names.Option, advertise.Option, proxies.Option,
            channels.Option, perAddress.Option, pairs.Option);
        command.AddAll(relay.Options);
        command.SetAction((result, stop) =>
        {
            var host = session.Host;
            var at = listen.Get(result, host);
            var second = stun.Get(result, host);
            var advertised = advertise.Get(result, host);
            if (advertised.Count > PunchlineServerOptions.MaxAdvertisedAddresses)
                throw new UsageException($"--advertise: {advertised.Count} addresses; peers are told {PunchlineServerOptions.MaxAdvertisedAddresses} at most");
            var events = session.Output(result);
            var options = new PunchlineServerOptions
            {
                Address = at?.Address,
                Port = at?.Port ?? Usual.Port,
                AlternateStun = second is not { At: null },
                AlternateStunAt = second?.At,
                Certificate = ServeValues.Certificate(certificate.Get(result, host), key.Get(result, host)),
                TlsPort = tlsPort.Get(result, host)?.Value ?? Usual.TlsPort,
                Admin = admin.Get(result, host),
                Names = names.Get(result, host),
                AdvertisedAddresses = advertised,
                TrustedProxies = proxies.Get(result, host),
                MaxChannels = channels.Get(result, host)?.Value ?? Usual.MaxChannels,
                MaxChannelsPerAddress = perAddress.Get(result, host)?.Value ?? Usual.MaxChannelsPerAddress,
                MaxPairsPerHost = pairs.Get(result, host)?.Value ?? Usual.MaxPairsPerHost,
                Relay = relay.Get(result, host),
                HostPassword = Session.Password(password.Get(result, host)),
                AllowedHosts = ServeValues.AllowedHosts(hosts.Get(result, host)),
                Time = host.Time,
                LoggerFactory = new EventLoggerFactory(events, host.Time),
                ProgramVersion = CommandLine.Version,
            };
            return Session.RunAsync(session.Roles.Server(options, events), stop);
        });
        return command;
    }

    private static string Bound(string what, int usual) => string.Create(CultureInfo.InvariantCulture, $"{what}; without it {usual}");
}
