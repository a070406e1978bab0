using Punchline.Protocol;
using Punchline.Relay;
using Punchline.Server.Control;
using Xunit;

namespace Punchline.Server.Tests.Control;

/// <summary>How a channel begins and ends, in virtual time.</summary>
public sealed class ControlSessionTests
{
    /// <summary>Far beyond what any wait takes: it ends a test that would wait for ever.</summary>
    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(60);

    private readonly ControlScene _scene = new();

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Fact]
    public async Task A_peer_that_does_not_read_is_cut_off_when_its_channel_ends()
    {
        using var socket = new PeerSocket(reads: false);
        using ControlSession session = _scene.Session(socket);
        Task running = session.RunAsync();
        session.Finish(new ShuttingDown(0));
        _scene.Time.Advance(ServerLimits.Farewell - TimeSpan.FromTicks(1));
        Assert.False(running.IsCompleted);
        _scene.Time.Advance(TimeSpan.FromTicks(1));
        await running.WaitAsync(Limit, Token);
        Assert.True(socket.WasAborted);
    }

    [Fact]
    public async Task What_is_sent_after_the_last_message_does_not_keep_it_from_leaving()
    {
        using var socket = new PeerSocket();
        using ControlSession session = _scene.Session(socket);
        Task running = session.RunAsync();
        session.Finish(new Displaced());
        session.TrySend(new Pong(1));
        Assert.IsType<ServerHello>(await socket.Heard.Reader.ReadAsync(Token));
        Assert.IsType<Displaced>(await socket.Heard.Reader.ReadAsync(Token));
        await socket.Heard.Reader.Completion.WaitAsync(Limit, Token);
        Assert.False(socket.WasAborted);
        socket.Leave();
        await running.WaitAsync(Limit, Token);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Neither_pings_nor_refused_requests_hold_a_channel(bool wrongMac)
    {
        using var hostSocket = new PeerSocket();
        using ControlSession host = _scene.Session(hostSocket);
        _scene.Register(host, invites: 1);
        using var socket = new PeerSocket();
        using ControlSession session = _scene.Session(socket);
        Task running = session.RunAsync();
        Assert.IsType<ServerHello>(await socket.Heard.Reader.ReadAsync(Token));
        for (int second = 0; second < ServerLimits.FirstMessage.TotalSeconds; second++)
        {
            socket.Say(wrongMac ? _scene.OpenFor(session, 1) with { Mac = new byte[32] } : new Ping(1));
            ControlMessage answer = await socket.Heard.Reader.ReadAsync(Token);
            Assert.True(wrongMac ? answer is ErrorMessage { Code: ControlError.UnknownInvite } : answer is Pong);
            _scene.Time.Advance(TimeSpan.FromSeconds(1));
            session.CheckLiveness(_scene.Clock.Now);
            Assert.False(socket.WasAborted);
        }
        _scene.Time.Advance(TimeSpan.FromTicks(1));
        session.CheckLiveness(_scene.Clock.Now);
        Assert.True(socket.WasAborted);
        await running.WaitAsync(Limit, Token);
    }

    [Fact]
    public async Task With_a_pair_a_channel_lives_as_long_as_its_signs_of_life()
    {
        using var hostSocket = new PeerSocket();
        using ControlSession host = _scene.Session(hostSocket);
        _scene.Register(host, invites: 1);
        using var socket = new PeerSocket();
        using ControlSession session = _scene.Session(socket);
        Task running = session.RunAsync();
        Assert.IsType<ServerHello>(await socket.Heard.Reader.ReadAsync(Token));
        socket.Say(_scene.OpenFor(session, 1));
        Assert.IsType<Opened>(await socket.Heard.Reader.ReadAsync(Token));
        _scene.Time.Advance(ServerLimits.Silence);
        session.CheckLiveness(_scene.Clock.Now);
        Assert.False(socket.WasAborted);
        _scene.Time.Advance(TimeSpan.FromTicks(1));
        session.CheckLiveness(_scene.Clock.Now);
        Assert.True(socket.WasAborted);
        await running.WaitAsync(Limit, Token);
    }

    [Fact]
    public async Task What_waits_for_a_peer_that_does_not_read_is_freed_with_its_channel()
    {
        using var socket = new PeerSocket(reads: false);
        using ControlSession session = _scene.Session(socket);
        Task running = session.RunAsync();
        while (session.TrySendFrames(new byte[5 * 1000], 1000) == 0)
        {
        }
        Assert.NotEqual(0, _scene.Service.Frames.Held);
        _scene.Time.Advance(ServerLimits.FirstMessage + TimeSpan.FromTicks(1));
        session.CheckLiveness(_scene.Clock.Now);
        await running.WaitAsync(Limit, Token);
        Assert.Equal(0, _scene.Service.Frames.Held);
    }

    [Fact]
    public async Task Frames_are_taken_from_nobody_whose_OPEN_was_refused()
    {
        using var hostSocket = new PeerSocket();
        using ControlSession host = _scene.Session(hostSocket);
        _scene.Register(host, invites: 1);
        using var socket = new PeerSocket();
        using ControlSession session = _scene.Session(socket);
        Task running = session.RunAsync();
        Assert.IsType<ServerHello>(await socket.Heard.Reader.ReadAsync(Token));
        socket.Say(_scene.OpenFor(session, 1, ControlFeatures.ChannelFrames) with { Mac = new byte[32] });
        Assert.IsType<ErrorMessage>(await socket.Heard.Reader.ReadAsync(Token));
        byte[] frame = new byte[100];
        RelayFrame.WriteDataHeader(frame, 1);
        socket.Say(frame);
        socket.Say(new Ping(1));
        Assert.IsType<Pong>(await socket.Heard.Reader.ReadAsync(Token));
        Assert.Equal(0, _scene.Inbox.Take(new byte[2000], out _, out _));

        // With a pair they are.
        socket.Say(_scene.OpenFor(session, 1, ControlFeatures.ChannelFrames));
        socket.Say(frame);
        socket.Say(new Ping(2));
        while (await socket.Heard.Reader.ReadAsync(Token) is not Pong { Echo: 2 })
        {
        }
        Assert.Equal(frame.Length, _scene.Inbox.Take(new byte[2000], out _, out _));
        socket.Leave();
        await running.WaitAsync(Limit, Token);
    }
}
