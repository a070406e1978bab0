using System.Threading.Channels;
using Punchline.PortMapping;
using Punchline.Testing;
using Punchline.Tests.Udp;
using Xunit;
using static Punchline.Tests.PortMapping.FakeMapper;

namespace Punchline.Tests.PortMapping;

/// <summary>Which protocol is taken, renewal, rejection, change of network and the end, in virtual time.</summary>
public sealed class PortMapperTests : IAsyncDisposable
{
    private static readonly Gateway Home = new(UdpTestPlatforms.Address("192.168.1.1"), UdpTestPlatforms.Address("192.168.1.2"));
    private static readonly Gateway Cafe = new(UdpTestPlatforms.Address("10.0.0.1"), UdpTestPlatforms.Address("10.0.0.2"));
    private static MappingReply Silent => default;
    private static readonly MappingReply Refused = new(MappingOutcome.Refused, Code: 2);

    private readonly WatchedTime _time = new();
    private readonly Channel<MapperNews> _news = Channel.CreateUnbounded<MapperNews>();
    private readonly Queue<FakeMapper[]> _protocols = new();
    private readonly PortMapper _mapper;
    private Gateway? _gateway = Home;
    private readonly TaskCompletionSource _failed = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private Exception? _failure;

    public PortMapperTests() => _mapper = new PortMapper(new PortMapperOptions
    {
        Time = _time,
        FindGateway = () => _gateway,
        Protocols = (_, _) => _protocols.Dequeue(),
        Told = news => _news.Writer.TryWrite(news),
        Failed = error =>
        {
            _failure = error;
            _failed.TrySetResult();
        },
    });

    public async ValueTask DisposeAsync()
    {
        await _mapper.DisposeAsync();
        Assert.Null(_failure);
    }

    [Fact]
    public async Task Nothing_is_asked_before_a_port_is_wanted()
    {
        await _time.BegunAsync(MappingLimits.AskAgain);
        Assert.False(_news.Reader.TryRead(out _));
    }

    [Fact]
    public async Task The_best_protocol_is_taken_though_another_answers_first()
    {
        var (pcp, natPmp, upnp) = (new FakeMapper(MappingProtocol.Pcp), new FakeMapper(MappingProtocol.NatPmp), new FakeMapper(MappingProtocol.Upnp));
        pcp.Replies.Enqueue(Granted(MappingProtocol.Pcp));
        _protocols.Enqueue([pcp, natPmp, upnp]);
        await BeginAsync();
        upnp.Answer(true);
        await _time.BegunAsync(MappingLimits.BetterProtocolTime);
        pcp.Answer(true);
        natPmp.Answer(false);
        Assert.Equal(MappingProtocol.Pcp, (await NewsAsync()).Mapping?.Protocol);
        Assert.Equal((1, 0, 0), (pcp.Requests, natPmp.Requests, upnp.Requests));
    }

    [Fact]
    public async Task A_better_protocol_that_is_slow_is_not_waited_for()
    {
        FakeMapper upnp = Found(MappingProtocol.Upnp, Granted(MappingProtocol.Upnp));
        _protocols.Enqueue([new FakeMapper(MappingProtocol.Pcp), upnp]);
        await BeginAsync();
        await _time.PassAsync(MappingLimits.BetterProtocolTime);
        Assert.Equal(MappingProtocol.Upnp, (await NewsAsync()).Mapping?.Protocol);
    }

    [Fact]
    public async Task Where_one_refuses_the_next_is_asked()
    {
        FakeMapper pcp = Found(MappingProtocol.Pcp, Refused);
        FakeMapper natPmp = Found(MappingProtocol.NatPmp, Silent);
        FakeMapper upnp = Found(MappingProtocol.Upnp, Granted(MappingProtocol.Upnp));
        _protocols.Enqueue([pcp, natPmp, upnp]);
        await BeginAsync();
        Assert.Null((await NewsAsync()).Mapping);
        Assert.Null((await NewsAsync()).Mapping);
        Assert.Equal(MappingProtocol.Upnp, (await NewsAsync()).Mapping?.Protocol);
    }

    [Fact]
    public async Task A_router_without_any_is_asked_again_after_a_while()
    {
        var deaf = new FakeMapper(MappingProtocol.Pcp);
        deaf.Answer(false);
        _protocols.Enqueue([deaf]);
        _protocols.Enqueue([Found(MappingProtocol.Pcp, Granted(MappingProtocol.Pcp))]);
        await BeginAsync();
        Assert.Null((await NewsAsync()).Mapping);
        await _time.PassAsync(MappingLimits.AskAgain);
        Assert.NotNull((await NewsAsync()).Mapping);
        Assert.True(deaf.IsDisposed);
    }

    [Fact]
    public async Task It_is_renewed_at_half_its_lifetime_and_tells_what_changes()
    {
        FakeMapper pcp = Found(
            MappingProtocol.Pcp,
            Granted(MappingProtocol.Pcp, seconds: 600),
            Granted(MappingProtocol.Pcp, seconds: 100),
            Granted(MappingProtocol.Pcp, seconds: 100, port: 40_001));
        _protocols.Enqueue([pcp]);
        await BeginAsync();
        Assert.Equal(External, (await NewsAsync()).Mapping?.External);
        await _time.PassAsync(TimeSpan.FromSeconds(300));
        await _time.PassAsync(TimeSpan.FromSeconds(50));
        Assert.Equal(External.WithPort(40_001), (await NewsAsync()).Mapping?.External);
        Assert.Equal(3, pcp.Requests);
    }

    [Theory]
    [InlineData(100 * 24 * 3600u)]
    [InlineData(uint.MaxValue)]
    public async Task A_lifetime_beyond_all_reason_is_a_day(uint seconds)
    {
        FakeMapper natPmp = Found(
            MappingProtocol.NatPmp, Granted(MappingProtocol.NatPmp, seconds), Granted(MappingProtocol.NatPmp, seconds, port: 40_001));
        _protocols.Enqueue([natPmp]);
        await BeginAsync();
        Assert.NotNull((await NewsAsync()).Mapping);
        Task passed = _time.PassAsync(TimeSpan.FromHours(12));
        Assert.Same(passed, await Task.WhenAny(passed, _failed.Task));
        Assert.Equal(External.WithPort(40_001), (await NewsAsync()).Mapping?.External);
    }

    [Fact]
    public async Task A_router_that_falls_silent_is_asked_until_the_lifetime_is_over()
    {
        FakeMapper natPmp = Found(MappingProtocol.NatPmp, Granted(MappingProtocol.NatPmp, seconds: 64), Silent);
        _protocols.Enqueue([natPmp]);
        _protocols.Enqueue([Found(MappingProtocol.Pcp, Granted(MappingProtocol.Pcp))]);
        await BeginAsync();
        Assert.NotNull((await NewsAsync()).Mapping);
        // Half of what is left, but no oftener than every 4 s.
        foreach (int seconds in (int[])[32, 16, 8, 4, 4])
            await _time.PassAsync(TimeSpan.FromSeconds(seconds));
        Assert.Null((await NewsAsync()).Mapping);
        Assert.Equal(MappingProtocol.Pcp, (await NewsAsync()).Mapping?.Protocol);
        Assert.Equal(6, natPmp.Requests);
    }

    [Fact]
    public async Task One_without_an_end_is_looked_after_all_the_same()
    {
        FakeMapper upnp = Found(MappingProtocol.Upnp, Granted(MappingProtocol.Upnp, seconds: 0), Granted(MappingProtocol.Upnp, seconds: 0, port: 40_001));
        _protocols.Enqueue([upnp]);
        await BeginAsync();
        Assert.NotNull((await NewsAsync()).Mapping);
        await _time.PassAsync(MappingLimits.Lease / 2);
        Assert.Equal(External.WithPort(40_001), (await NewsAsync()).Mapping?.External);
    }

    [Fact]
    public async Task One_that_is_rejected_is_given_back_and_the_other_protocols_are_asked()
    {
        FakeMapper pcp = Found(MappingProtocol.Pcp, Granted(MappingProtocol.Pcp));
        FakeMapper again = Found(MappingProtocol.Pcp, Granted(MappingProtocol.Pcp));
        FakeMapper upnp = Found(MappingProtocol.Upnp, Granted(MappingProtocol.Upnp));
        _protocols.Enqueue([pcp]);
        _protocols.Enqueue([again, upnp]);
        _protocols.Enqueue([Found(MappingProtocol.Pcp, Refused), Found(MappingProtocol.Upnp, Refused)]);
        _protocols.Enqueue([Found(MappingProtocol.Pcp, Granted(MappingProtocol.Pcp, port: 40_009))]);
        await BeginAsync();
        _mapper.Reject((await NewsAsync()).Mapping!.Value);
        Assert.Null((await NewsAsync()).Mapping);
        Mapping second = (await NewsAsync()).Mapping!.Value;
        Assert.Equal(MappingProtocol.Upnp, second.Protocol);
        Assert.Equal(0, again.Requests);
        _mapper.Reject(second);
        Assert.Null((await NewsAsync()).Mapping);
        // All of them are untrue: nothing is asked until something changes.
        await _time.BegunAsync(MappingLimits.AskAgain);
        Assert.False(_news.Reader.TryRead(out _));
        _mapper.Follow(5000);
        Assert.Equal((ushort)40_009, (await NewsAsync()).Mapping?.External.Port);
        Assert.Equal(["map", "unmap"], [await pcp.LoggedAsync(), await pcp.LoggedAsync()]);
    }

    [Fact]
    public async Task After_a_change_of_the_network_the_same_router_is_asked_at_once_and_says_it_again()
    {
        FakeMapper pcp = Found(MappingProtocol.Pcp, Granted(MappingProtocol.Pcp));
        _protocols.Enqueue([pcp]);
        await BeginAsync();
        Assert.NotNull((await NewsAsync()).Mapping);
        _mapper.Follow(5000);
        Assert.NotNull((await NewsAsync()).Mapping);
        Assert.Equal(2, pcp.Requests);
    }

    [Fact]
    public async Task Behind_another_router_there_is_another_mapping()
    {
        FakeMapper home = Found(MappingProtocol.Pcp, Granted(MappingProtocol.Pcp));
        _protocols.Enqueue([home]);
        _protocols.Enqueue([Found(MappingProtocol.Upnp, Granted(MappingProtocol.Upnp, port: 40_005))]);
        await BeginAsync();
        Assert.NotNull((await NewsAsync()).Mapping);
        _gateway = Cafe;
        _mapper.Follow(5000);
        Assert.Null((await NewsAsync()).Mapping);
        Assert.Equal((ushort)40_005, (await NewsAsync()).Mapping?.External.Port);
        Assert.True(home.IsDisposed);
    }

    [Fact]
    public async Task It_is_given_back_when_it_is_wanted_no_more()
    {
        FakeMapper pcp = Found(MappingProtocol.Pcp, Granted(MappingProtocol.Pcp));
        _protocols.Enqueue([pcp]);
        await BeginAsync();
        Assert.NotNull((await NewsAsync()).Mapping);
        _mapper.Follow(0);
        Assert.Null((await NewsAsync()).Mapping);
        await _time.BegunAsync(MappingLimits.AskAgain);
        Assert.True(pcp.IsDisposed);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task At_the_end_it_is_given_back_within_a_second(bool isDeaf)
    {
        var pcp = new FakeMapper(MappingProtocol.Pcp) { IsDeafAtTheEnd = isDeaf };
        pcp.Replies.Enqueue(Granted(MappingProtocol.Pcp));
        pcp.Answer(true);
        _protocols.Enqueue([pcp]);
        await BeginAsync();
        Assert.NotNull((await NewsAsync()).Mapping);
        Task ending = _mapper.DisposeAsync().AsTask();
        if (isDeaf)
            await _time.PassAsync(MappingLimits.ReleaseTime);
        await ending;
        Assert.Equal(["map", "unmap"], [await pcp.LoggedAsync(), await pcp.LoggedAsync()]);
        Assert.True(pcp.IsDisposed);
    }

    [Fact]
    public async Task What_was_asked_for_when_the_end_came_is_given_back_unanswered()
    {
        var upnp = new FakeMapper(MappingProtocol.Upnp) { IsDeaf = true };
        upnp.Answer(true);
        _protocols.Enqueue([upnp]);
        await BeginAsync();
        Assert.Equal("map", await upnp.LoggedAsync());
        await _mapper.DisposeAsync();
        Assert.Equal("unmap", await upnp.LoggedAsync());
        Assert.True(upnp.IsDisposed);
    }

    [Fact]
    public async Task What_one_protocol_left_unanswered_is_given_back_with_what_the_next_one_got()
    {
        FakeMapper pcp = Found(MappingProtocol.Pcp, Silent);
        FakeMapper upnp = Found(MappingProtocol.Upnp, Granted(MappingProtocol.Upnp));
        _protocols.Enqueue([pcp, upnp]);
        await BeginAsync();
        Assert.Null((await NewsAsync()).Mapping);
        Assert.NotNull((await NewsAsync()).Mapping);
        await _mapper.DisposeAsync();
        Assert.Equal(["map", "unmap"], [await pcp.LoggedAsync(), await pcp.LoggedAsync()]);
        Assert.Equal(["map", "unmap"], [await upnp.LoggedAsync(), await upnp.LoggedAsync()]);
    }

    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    /// <summary>It has looked and found that nothing was wanted; now something is.</summary>
    private async Task BeginAsync()
    {
        await _time.BegunAsync(MappingLimits.AskAgain);
        _mapper.Follow(5000);
    }

    private Task<MapperNews> NewsAsync() => Hang.OrAsync(_news.Reader.ReadAsync(Stop).AsTask(), "news of the mapping");
}
