using Punchline.Hosting;
using Punchline.Invites;
using Punchline.Protocol;
using Xunit;

namespace Punchline.Tests.Hosting;

/// <summary>What a client remembers, on the disk.</summary>
public sealed class ClientStateTests : IDisposable
{
    private readonly string _path = Directory.CreateTempSubdirectory("punchline-test-").FullName;
    private readonly byte[] _host = [.. Enumerable.Repeat((byte)7, 32)];

    public void Dispose() => Directory.Delete(_path, recursive: true);

    [Theory]
    [InlineData(false, false)]
    [InlineData(false, true)]
    [InlineData(true, false)]
    [InlineData(true, true)]
    public async Task Whatever_is_known_is_there_again(bool friend, bool services)
    {
        ClientState state = Open(_host);
        if (services)
            await state.SetServicesAsync([new ServiceInfo(1, ServiceProtocol.Udp, 5, "game")]);
        if (friend)
            await state.SetFriendAsync(new InviteId(5), new byte[16]);
        foreach (ClientState seen in new[] { state, Open(_host) })
        {
            Assert.Equal(friend ? new InviteId(5) : null, seen.Friend?.Id);
            Assert.Equal(services ? [new JoinedService { Name = "game", Udp = true }] : [], seen.Services);
        }
        // And it hinders no other host.
        ClientState other = Open(new byte[32]);
        Assert.Null(other.Friend);
        await other.SetServicesAsync([]);
        Assert.Equal(friend ? new InviteId(5) : null, Open(_host).Friend?.Id);
    }

    [Theory]
    [InlineData("", "")]
    [InlineData("AAAAAAAAAAU=", "")]
    [InlineData("", "AAAAAAAAAAAAAAAAAAAAAA==")]
    public void What_earlier_builds_wrote_for_nothing_is_nothing(string id, string secret)
    {
        File.WriteAllText(Path.Combine(_path, ClientState.FileName), $$"""
            {"version":1,"hosts":[{"hostId":"{{Convert.ToBase64String(_host)}}","friendId":"{{id}}","friendSecret":"{{secret}}","services":[]}]}
            """);
        Assert.Null(Open(_host).Friend);
    }

    [Theory]
    [InlineData("{}")]
    [InlineData("{\"version\":1,\"hosts\":[null]}")]
    [InlineData("{\"version\":1,\"hosts\":[{\"hostId\":\"AA==\",\"services\":[]}]}")]
    [InlineData("{\"version\":1,\"hosts\":[{\"hostId\":\"BwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwc=\",\"services\":[null]}]}")]
    [InlineData("{\"version\":1,\"hosts\":[{\"hostId\":\"BwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwc=\",\"friendId\":\"AA==\",\"services\":[]}]}")]
    public void What_is_broken_is_named_and_left_as_it_is(string content)
    {
        string file = Path.Combine(_path, ClientState.FileName);
        File.WriteAllText(file, content);
        Assert.Equal(file, Assert.Throws<StateFileException>(() => Open(_host)).Path);
        Assert.Equal(content, File.ReadAllText(file));
    }

    [Fact]
    public async Task Two_processes_keep_what_the_other_has_learnt()
    {
        byte[][] hosts = [.. Enumerable.Range(1, 8).Select(i => Enumerable.Repeat((byte)i, 32).ToArray())];
        ClientState[] states = [.. hosts.Select(Open)];
        await Task.WhenAll(states.Select((state, i) => Task.Run(() => state.SetFriendAsync(new InviteId((ulong)i), new byte[16]))));
        await Task.WhenAll(states.Select(state => Task.Run(() => state.SetServicesAsync([new ServiceInfo(1, ServiceProtocol.Tcp, 1, "x")]))));
        for (int i = 0; i < hosts.Length; i++)
        {
            ClientState again = Open(hosts[i]);
            Assert.Equal(new InviteId((ulong)i), again.Friend!.Value.Id);
            Assert.Single(again.Services);
        }
    }

    [Fact]
    public async Task A_ticket_is_given_out_once_the_latest_first_with_its_age()
    {
        var time = new WallTime();
        ClientState state = Open(_host, time);
        Assert.Null(await state.TakeSessionAsync());
        await state.AddSessionsAsync([[1], [2]]);
        time.Advance(TimeSpan.FromMinutes(1));
        await state.AddSessionsAsync([[3], [4], new byte[100_000]]);
        await state.AddSessionsAsync([[5]]);
        time.Advance(TimeSpan.FromMinutes(1));

        RememberedSession? first = await state.TakeSessionAsync();
        Assert.Equal([5], first!.Session);
        Assert.Equal(TimeSpan.FromMinutes(1), first.Age);
        // Another process had the file open all the time.
        ClientState other = Open(_host, time);
        Assert.Equal([3], (await other.TakeSessionAsync())!.Session);
        Assert.Equal([4], (await state.TakeSessionAsync())!.Session);
        RememberedSession? last = await other.TakeSessionAsync();
        Assert.Equal([1], last!.Session);
        Assert.Equal(TimeSpan.FromMinutes(2), last.Age);
        // Four are kept.
        Assert.Null(await state.TakeSessionAsync());
        Assert.Null(await Open(_host, time).TakeSessionAsync());
    }

    [Fact]
    public async Task Two_processes_never_take_the_same_ticket()
    {
        await Open(_host).AddSessionsAsync([[1], [2], [3], [4]]);
        ClientState[] states = [.. Enumerable.Range(0, 4).Select(_ => Open(_host))];
        RememberedSession?[] taken = await Task.WhenAll(states.Select(state => Task.Run(state.TakeSessionAsync)));
        Assert.Equal([1, 2, 3, 4], taken.Select(session => (int)session!.Session[0]).Order());
    }

    private ClientState Open(byte[] host, TimeProvider time) => ClientState.Open(new StateDirectory(_path), host, time);

    private ClientState Open(byte[] host) => ClientState.Open(new StateDirectory(_path), host, TimeProvider.System);

    private sealed class WallTime : TimeProvider
    {
        private DateTimeOffset _now = new(2026, 1, 2, 3, 4, 5, TimeSpan.Zero);

        public void Advance(TimeSpan span) => _now += span;

        public override DateTimeOffset GetUtcNow() => _now;
    }
}
