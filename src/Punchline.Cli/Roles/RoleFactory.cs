using Microsoft.Extensions.Hosting.Systemd;
using Punchline.Server;

namespace Punchline.Cli.Roles;

/// <summary>The roles of the library.</summary>
internal sealed class RoleFactory : IRoleFactory
{
    public IRole Host(HostOptions options, IProgress<PunchlineEvent> events) => new HostRole(new PunchlineHost(options, events));

    public IRole Client(ClientOptions options, IProgress<PunchlineEvent> events) => new ClientRole(new PunchlineClient(options, events));

    public IRole Server(PunchlineServerOptions options, IProgress<PunchlineEvent> events) => new ServeRole(options, events, new SystemdNotifier());

    public IRole Doctor(DoctorOptions options, IProgress<PunchlineEvent> events) => new DoctorRole(new PunchlineDoctor(options, events));

    public IRole Demo(DemoSettings settings, IProgress<PunchlineEvent> events) =>
        settings.Part is not null ? new DemoPartRole(settings, events)
        : settings.Nat ? new NatDemoRole(settings, events)
        : new DemoRole(settings, events);
}
