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
        // Once bound it stands for seconds, whatever is asked.
        while (!await host.Node.Driver.CallAsync(_ => host.Udp.Way is not null))
            await Task.Delay(10, TestContext.Current.CancellationToken);
        Assert.True(await host.Node.Driver.CallAsync(_ =>
        {
            host.Node.AskWhereWeAre();
            return host.Udp.Way is not null;
        }));
        // A change that this machine sees is another matter.
        Assert.False(await host.Node.Driver.CallAsync(_ =>
        {
            host.Udp.OnNetworkChanged();
            return host.Udp.Way is not null;
        }));
    }
}
