using Punchline.Testing;
using Xunit;

namespace Punchline.Tests.Hosting;

/// <summary>What becomes of the binding at a server that all friends share, when one friend's path fails.</summary>
public sealed class DoubtTests
{
    [Fact]
    public async Task A_friend_whose_path_fails_takes_the_binding_from_nobody()
    {
        await using Rig rig = await Rig.StartAsync();
        await using FakeHost host = await FakeHost.StartAsync(
            rig, static (_, _) => throw new InvalidOperationException("nobody comes"), static (identity, invite) => new FakeHost.Opener(identity, invite));
        Assert.True(await Hang.OrAsync(IsKeptAsync(host), "the binding"));
        // A change that this machine sees is another matter.
        Assert.False(await host.Node.Driver.CallAsync(_ =>
        {
            host.Node.Servers.TellAll();
            return host.Node.Servers.Way is not null;
        }));
    }

    // Once the binding stands; and servers are asked only now and then.
    private static async Task<bool> IsKeptAsync(FakeHost host)
    {
        while (true)
        {
            bool? isKept = await host.Node.Driver.CallAsync(_ =>
                host.Node.Servers.Way is not null && host.Node.Servers.AskWhereWeAre() ? host.Node.Servers.Way is not null : (bool?)null);
            if (isKept is { } answer)
                return answer;
            await Task.Delay(100, TestContext.Current.CancellationToken);
        }
    }
}
