using System.Net;
using System.Net.Sockets;
using Punchline.Invites;
using Xunit;

namespace Punchline.Tests.Hosting;

/// <summary>An invite may name several servers: one that works is enough, and nobody waits for the others (DESIGN section 4).</summary>
public sealed class SeveralServersTests
{
    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(2)]
    public async Task The_good_server_is_used_without_waiting_for_a_dead_one(int place)
    {
        await using Rig rig = await Rig.StartAsync();
        using var echo = new TcpEcho();
        RunningRole host = rig.Host(echo.Spec("echo"));
        // It takes connections, and never says a word.
        using var dead = new TcpListener(IPAddress.Loopback, 0);
        dead.Start();
        List<string> servers = [$"{dead.LocalEndpoint}", $"127.0.0.1:{ClosedPort()}"];
        servers.Insert(place, rig.ServerAddress);

        RunningRole client = rig.Client(Naming(await Rig.InviteOf(host), servers), time: new ReluctantTime());
        await client.DirectAsync();
        await Visitor.EchoAsync(await Rig.PortOf(client, "echo"));
        // The first one in the row was tried first.
        Assert.True(client.Events.Has<Progress>(step => step.Stage == ProgressStage.ReachingServer && step.Detail == servers[0]));
        Assert.False(client.Events.Has<Problem>());
    }

    [Fact]
    public async Task A_server_that_does_not_know_the_host_does_not_hide_one_that_does()
    {
        await using Rig rig = await Rig.StartAsync();
        await using Rig elsewhere = await Rig.StartAsync();
        using var echo = new TcpEcho();
        RunningRole host = rig.Host(echo.Spec("echo"));
        RunningRole client = rig.Client(Naming(await Rig.InviteOf(host), [elsewhere.ServerAddress, rig.ServerAddress]), time: new ReluctantTime());
        await client.DirectAsync();
        await Visitor.EchoAsync(await Rig.PortOf(client, "echo"));
        Assert.False(client.Events.Has<Problem>());
    }

    [Fact]
    public async Task When_none_works_what_a_server_says_that_answers_weighs_more_than_that_another_is_away()
    {
        await using Rig rig = await Rig.StartAsync();
        using var echo = new TcpEcho();
        RunningRole host = rig.Host(echo.Spec("echo"));
        string invite = await Rig.InviteOf(host);
        await host.StopAsync();
        RunningRole client = rig.Client(Naming(invite, [$"127.0.0.1:{ClosedPort()}", rig.ServerAddress]));
        Assert.Equal(ProblemCode.HostOffline, (await client.Events.WaitAsync<Problem>()).Code);
        // It goes on trying with both, and comes in as soon as the host is there.
        rig.Host(echo.Spec("echo"));
        await client.DirectAsync();
    }

    private static string Naming(string text, IEnumerable<string> servers)
    {
        Assert.True(Invite.TryParse(text, out Invite? invite, out _, out _));
        return new Invite(invite!.HostId, invite.Id, invite.Secret, [.. servers.Select(Address)]).ToString();

        static ServerAddress Address(string name)
        {
            Assert.True(ServerAddress.TryParse(name, out ServerAddress? address));
            return address!;
        }
    }

    private static int ClosedPort()
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        return ((IPEndPoint)listener.LocalEndpoint).Port;
    }

    /// <summary>The system's time, but that no long time limit is ever reached: whoever waits for one waits for ever.</summary>
    private sealed class ReluctantTime : TimeProvider
    {
        /// <summary>All time limits of the client's for a server are longer, its delays between attempts shorter.</summary>
        private static readonly TimeSpan Longest = TimeSpan.FromSeconds(4.5);

        public override ITimer CreateTimer(TimerCallback callback, object? state, TimeSpan dueTime, TimeSpan period) =>
            new Reluctant(base.CreateTimer(callback, state, Bounded(dueTime), period));

        private static TimeSpan Bounded(TimeSpan dueTime) => dueTime > Longest ? Timeout.InfiniteTimeSpan : dueTime;

        private sealed class Reluctant(ITimer timer) : ITimer
        {
            public bool Change(TimeSpan dueTime, TimeSpan period) => timer.Change(Bounded(dueTime), period);

            public void Dispose() => timer.Dispose();

            public ValueTask DisposeAsync() => timer.DisposeAsync();
        }
    }
}
