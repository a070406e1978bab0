namespace Punchline.Cli.Roles;

/// <summary>The roles of the library.</summary>
internal sealed class RoleFactory : IRoleFactory
{
    public IRole Host(HostOptions options, IProgress<PunchlineEvent> events) => throw Missing("host");

    public IRole Client(ClientOptions options, IProgress<PunchlineEvent> events) => throw Missing("join");

    public IRole Server(ServerSettings settings, IProgress<PunchlineEvent> events) => throw Missing("serve");

    public IRole Demo(DemoSettings settings, IProgress<PunchlineEvent> events) => throw Missing("demo");

    private static PunchlineException Missing(string command) =>
        new(ProblemCode.Internal, $"'{command}' is not part of this version yet");
}
