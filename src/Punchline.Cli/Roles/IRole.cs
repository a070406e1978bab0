using Punchline.Server;

namespace Punchline.Cli.Roles;

/// <summary>A host, client, server or demonstration, ready to run once. Disposing it closes what it holds.</summary>
internal interface IRole : IAsyncDisposable
{
    /// <summary>Runs until it is cancelled or has done its work.</summary>
    /// <exception cref="PunchlineException">It can't go on.</exception>
    Task RunAsync(CancellationToken stop);
}

/// <summary>Makes the roles: in the program the library's, in tests of the command line others.</summary>
internal interface IRoleFactory
{
    IRole Host(HostOptions options, IProgress<PunchlineEvent> events);

    IRole Client(ClientOptions options, IProgress<PunchlineEvent> events);

    IRole Server(PunchlineServerOptions options, IProgress<PunchlineEvent> events);

    IRole Doctor(DoctorOptions options, IProgress<PunchlineEvent> events);

    IRole Demo(DemoSettings settings, IProgress<PunchlineEvent> events);
}
