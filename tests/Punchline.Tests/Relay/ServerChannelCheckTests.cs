using System.Net;
using System.Net.Sockets;
using Punchline.Invites;
using Punchline.Quic;
using Punchline.Relay;
using Punchline.Testing;
using Punchline.Tests.Hosting;
using Xunit;

namespace Punchline.Tests.Relay;

/// <summary>A control channel that is asked whether it still lives, as after a sleep.</summary>
public sealed class ServerChannelCheckTests
{
    private readonly ManualTime _time = new();

    [Fact]
    public async Task One_that_does_not_answer_has_failed_after_three_seconds()
    {
        await using Rig rig = await Rig.StartAsync();
        using var line = new Line(rig.Server.Port);
        await using ServerChannel channel = await ConnectAsync(line);
        line.IsDead = true;
        _time.Advance(TimeSpan.FromSeconds(1));
        channel.Check();
        _time.Advance(ServerChannel.CheckLimit - TimeSpan.FromMilliseconds(1));
        Assert.False(channel.Events.Completion.IsCompleted);
        _time.Advance(TimeSpan.FromMilliseconds(1));
        ServerChannelException failure = await Assert.ThrowsAsync<ServerChannelException>(() => channel.Events.Completion.WaitAsync(EventRecorder.Limit, TestContext.Current.CancellationToken));
        Assert.Equal(ServerFailure.NoAnswer, failure.Failure);
    }

    [Fact]
    public async Task One_that_answers_goes_on()
    {
        await using Rig rig = await Rig.StartAsync();
        using var line = new Line(rig.Server.Port);
        await using ServerChannel channel = await ConnectAsync(line);
        _time.Advance(TimeSpan.FromSeconds(1));
        // However many changes of the network there are: one ping, or the server would call it a flood.
        for (int i = 0; i < 100; i++)
            channel.Check();
        // Its answer comes behind that of the ping.
        await RefusedAsync(channel);
        _time.Advance(ServerChannel.CheckLimit);
        await RefusedAsync(channel);
        Assert.False(channel.Events.Completion.IsCompleted);
    }

    private Task<ServerChannel> ConnectAsync(Line line)
    {
        Assert.True(ServerAddress.TryParse($"127.0.0.1:{line.Port}", out ServerAddress? server));
        return ServerChannel.ConnectAsync(
            server!, new ServerChannelOptions { Time = _time, Randomness = SystemRandomness.Instance, ProgramVersion = "test" }, TestContext.Current.CancellationToken);
    }

    private static async Task RefusedAsync(ServerChannel channel)
    {
        ServerChannelException refused = await Assert.ThrowsAsync<ServerChannelException>(
            () => channel.OpenAsync(new byte[32], InviteId.Read(new byte[8]), new byte[16], TestContext.Current.CancellationToken).WaitAsync(EventRecorder.Limit, TestContext.Current.CancellationToken));
        Assert.Equal(ServerFailure.Refused, refused.Failure);
    }

    /// <summary>A line to the server that swallows everything once it is dead, as a NAT does that has forgotten a connection.</summary>
    private sealed class Line : IDisposable
    {
        private readonly TcpListener _listener = new(IPAddress.Loopback, 0);
        private readonly int _target;

        public Line(int target)
        {
            _target = target;
            _listener.Start();
            _ = AcceptAsync();
        }

        public int Port => ((IPEndPoint)_listener.LocalEndpoint).Port;

        public volatile bool IsDead;

        public void Dispose() => _listener.Dispose();

        private async Task AcceptAsync()
        {
            try
            {
                using Socket near = await _listener.AcceptSocketAsync();
                using var far = new Socket(SocketType.Stream, ProtocolType.Tcp);
                await far.ConnectAsync(IPAddress.Loopback, _target);
                await Task.WhenAll(CopyAsync(near, far), CopyAsync(far, near));
            }
            catch (Exception e) when (e is SocketException or ObjectDisposedException)
            {
                // One side went away: the test is over.
            }
        }

        private async Task CopyAsync(Socket from, Socket to)
        {
            var buffer = new byte[4_096];
            int count;
            while ((count = await from.ReceiveAsync(buffer)) > 0)
            {
                if (!IsDead)
                    await to.SendAsync(buffer.AsMemory(0, count));
            }
            to.Shutdown(SocketShutdown.Send);
        }
    }
}
