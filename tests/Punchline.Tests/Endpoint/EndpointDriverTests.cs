using System.Net;
using Punchline.Endpoint;
using Punchline.Quic;
using Punchline.Udp;
using Xunit;

namespace Punchline.Tests.Endpoint;

public sealed class EndpointDriverTests
{
    private static EndpointLoopOptions RealOptions(FakeEndpointCore core, UdpPlatform platform, FakeLog log, Action<RecordingHandler> made)
    {
        var clock = new MonotonicClock(TimeProvider.System);
        return new EndpointLoopOptions
        {
            Poller = platform.CreatePoller(),
            Sockets = [platform.Bind(new UdpAddress(IPAddress.Loopback, 0))],
            Core = core,
            Clock = () => clock.Now,
            WallClock = static () => DateTimeOffset.UnixEpoch,
            Routes = new SystemRoutes(),
            Log = log,
            Accept = _ =>
            {
                var handler = new RecordingHandler();
                made(handler);
                return handler;
            },
        };
    }

    public static TheoryData<bool> Portable() => UdpPlatform.IsLinuxSupported ? [true, false] : [true];

    [Theory]
    [MemberData(nameof(Portable))]
    public async Task The_thread_carries_datagrams_runs_posts_and_ends(bool portable)
    {
        CancellationToken cancellation = TestContext.Current.CancellationToken;
        var core = new FakeEndpointCore();
        var connection = new FakeCore();
        core.ByTag.Add(1, connection);
        var established = new TaskCompletionSource<RecordingHandler>(TaskCreationOptions.RunContinuationsAsynchronously);
        EndpointLoopOptions options = RealOptions(core, UdpPlatform.Detect(portable), new FakeLog(), established.SetResult);
        UdpAddress address = options.Sockets[0].LocalAddress;
        var driver = new EndpointDriver(options);
        Assert.Equal(0, await driver.CallAsync(loop => loop.Connections.Count));

        using var peer = new System.Net.Sockets.UdpClient(new IPEndPoint(IPAddress.Loopback, 0));
        await peer.SendAsync(new byte[] { 0x40, 1 }, address.ToIPEndPoint(), cancellation);
        RecordingHandler handler = await established.Task.WaitAsync(cancellation);

        await driver.CallAsync(loop =>
        {
            connection.Outgoing.Enqueue((connection.CurrentPath, [7, 7, 7], 3));
            loop.MarkReady(connection.Owner!);
        });
        System.Net.Sockets.UdpReceiveResult answer = await peer.ReceiveAsync(cancellation);
        Assert.Equal([7, 7, 7], answer.Buffer);
        Assert.Equal(address.ToIPEndPoint(), answer.RemoteEndPoint);

        await driver.StopAsync(4, "done");
        Assert.Equal(["closed 4 done"], handler.Calls);
        await Assert.ThrowsAsync<ObjectDisposedException>(() => driver.CallAsync(loop => 1));
        await driver.DisposeAsync();
    }

    [Fact]
    public async Task A_fault_of_the_loop_ends_every_connection_and_shows_in_the_completion()
    {
        var rig = new LoopRig();
        var core = new FakeCore();
        rig.Core.ByTag.Add(1, core);
        rig.Socket.Arrive("198.51.100.1:1000", "192.0.2.1:0", [0x40, 1]);
        int waits = 0;
        var poller = new FakePoller { OnWait = () => { if (++waits == 3) throw new InvalidOperationException("no poller"); } };
        var driver = new EndpointDriver(new EndpointLoopOptions
        {
            Poller = poller,
            Sockets = [rig.Socket],
            Core = rig.Core,
            Clock = () => rig.Time,
            WallClock = static () => DateTimeOffset.UnixEpoch,
            Routes = new FakeRoutes(),
            Log = rig.Log,
            Accept = connection => rig.Handlers[(FakeCore)connection.Core] = new RecordingHandler(),
        });
        Exception fault = await Assert.ThrowsAsync<InvalidOperationException>(() => driver.Completion);
        Assert.Equal("no poller", fault.Message);
        Assert.Equal(["loop: no poller"], rig.Log.Lines);
        Assert.Equal(["closed 1 the endpoint failed"], rig.Handlers[core].Calls);
        Assert.True(rig.Socket.Disposed && poller.Disposed);
        await driver.DisposeAsync();
    }

    [Fact]
    public async Task A_call_that_throws_gives_its_exception_to_the_caller_alone()
    {
        var log = new FakeLog();
        await using var driver = new EndpointDriver(RealOptions(new FakeEndpointCore(), UdpPlatform.Portable, log, _ => { }));
        await Assert.ThrowsAsync<InvalidOperationException>(() => driver.CallAsync<int>(_ => throw new InvalidOperationException("mine")));
        Assert.Equal(1, await driver.CallAsync(_ => 1));
        Assert.Empty(log.Lines);
    }
}
