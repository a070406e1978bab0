using System.Net;
using Punchline.Invites;
using Punchline.Protocol;
using Punchline.Quic;
using Punchline.Relay;
using Punchline.Testing;
using Xunit;

namespace Punchline.Tests.Relay;

/// <summary>A peer's channel against a server that is not as it should be.</summary>
public sealed class ServerChannelTests
{
    private static readonly UdpAddress Seen = new(IPAddress.Loopback, 1);

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task The_answer_to_a_request_that_was_given_up_is_not_taken_for_the_next_ones(bool refused)
    {
        using var server = new FakeServer();
        await using ServerChannel channel = await ConnectAsync(server, server.Hello());
        using var giveUp = new CancellationTokenSource();
        Task<Opened> first = OpenAsync(channel, giveUp.Token);
        Assert.IsType<Open>(await server.ReceiveAsync());
        await giveUp.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => first);
        Task<Opened> second = OpenAsync(channel, Token);
        Assert.IsType<Open>(await server.ReceiveAsync());
        await server.SendAsync(refused ? new ErrorMessage(ControlError.HostOffline, "") : new Opened(1, new byte[16], 0, Seen));
        await server.SendAsync(new Opened(2, new byte[16], 0, Seen));
        Assert.Equal(2UL, (await second).Handle);
    }

    [Fact]
    public async Task A_server_that_is_reached_over_loopback_alone_is_on_this_machine()
    {
        using var server = new FakeServer();
        var elsewhere = new UdpAddress(IPAddress.Parse("203.0.113.7"), 3478);
        await using ServerChannel channel = await ConnectAsync(server, server.Hello(elsewhere, new UdpAddress(IPAddress.Parse("224.0.0.1"), 3478)));
        Assert.True(channel.IsOverLoopback);
        Assert.Equal([elsewhere], channel.UdpEndpoints);
    }

    [Fact]
    public async Task A_server_that_names_a_port_of_other_services_is_none()
    {
        using var server = new FakeServer();
        var end = await Assert.ThrowsAsync<ServerChannelException>(() => ConnectAsync(server, server.Hello() with { UdpPort = 53 }));
        Assert.Equal(ServerFailure.NotAServer, end.Failure);
    }

    [Theory]
    [InlineData(0, 0)]
    [InlineData(10, 10)]
    [InlineData(ServerChannel.MaxSpread, ServerChannel.MaxSpread)]
    [InlineData(ushort.MaxValue, ServerChannel.MaxSpread)]
    public async Task A_server_that_goes_keeps_nobody_away_for_more_than_five_minutes(int spread, int seconds)
    {
        Assert.Equal(300, ServerChannel.MaxSpread);
        var time = new ManualTime();
        using var server = new FakeServer();
        var end = await Assert.ThrowsAsync<ServerChannelException>(
            () => ConnectAsync(server, new ShuttingDown((ushort)spread), time, new HighestRandomness()));
        Assert.Equal(ServerFailure.ShuttingDown, end.Failure);
        Assert.Equal(time.GetUtcNow() + TimeSpan.FromSeconds(seconds), end.ComeBackAt);
    }

    private static Task<ServerChannel> ConnectAsync(FakeServer server, ServerHello hello) =>
        ConnectAsync(server, hello, TimeProvider.System, SystemRandomness.Instance);

    private static async Task<ServerChannel> ConnectAsync(FakeServer server, ControlMessage first, TimeProvider time, IRandomness randomness)
    {
        Task accepting = server.AcceptAsync(first);
        ServerChannel channel = await ServerChannel.ConnectAsync(
            server.Address, new ServerChannelOptions { Time = time, Randomness = randomness, ProgramVersion = "t" }, Token);
        await accepting;
        return channel;
    }

    private static Task<Opened> OpenAsync(ServerChannel channel, CancellationToken stop) => channel.OpenAsync(new byte[32], new InviteId(1), new byte[16], stop);

    private sealed class HighestRandomness : IRandomness
    {
        public void FillPublic(Span<byte> destination) => destination.Fill(byte.MaxValue);

        public void FillSecret(Span<byte> destination) => throw new InvalidOperationException("A time to come back is no secret.");
    }
}
