namespace Punchline.Cli.Roles;

/// <summary>The library's host as a role.</summary>
internal sealed class HostRole(PunchlineHost host) : IRole
{
    public Task RunAsync(CancellationToken stop) => host.RunAsync(stop);

    public ValueTask DisposeAsync() => ValueTask.CompletedTask;
}

/// <summary>The library's client as a role.</summary>
internal sealed class ClientRole(PunchlineClient client) : IRole
{
    public Task RunAsync(CancellationToken stop) => client.RunAsync(stop);

    public ValueTask DisposeAsync() => ValueTask.CompletedTask;
}

/// <summary>The library's doctor as a role.</summary>
internal sealed class DoctorRole(PunchlineDoctor doctor) : IRole
{
    public Task RunAsync(CancellationToken stop) => doctor.RunAsync(stop);

    public ValueTask DisposeAsync() => ValueTask.CompletedTask;
}
