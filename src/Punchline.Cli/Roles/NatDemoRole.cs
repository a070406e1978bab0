namespace Punchline.Cli.Roles;

internal sealed class NatDemoRole(DemoSettings settings, IProgress<PunchlineEvent> events) : IRole
{
    public Task RunAsync(CancellationToken stop) => throw new PunchlineException(ProblemCode.Internal, $"{settings} {events}");

    public ValueTask DisposeAsync() => ValueTask.CompletedTask;
}
