using System.Net;
using Punchline.Quic;
using Punchline.Relay;
using Punchline.Server.Relay;
using Punchline.Testing;
using Punchline.Traversal.Lifetime;
using Punchline.Udp;
using Xunit;

namespace Punchline.Server.Tests.Relay;

/// <summary>
/// The prober against the server's own side of the exchange, through NATs of all lifetimes, in virtual time. It is a class of the library, but
/// what it is tested against is the server's: so the test stands here.
/// </summary>
public sealed class LifetimeProberTests
{
    private static readonly UdpAddress Server = new(IPAddress.Parse("192.0.2.9"), 3478);
    private static readonly UdpAddress Outside = new(IPAddress.Parse("198.51.100.1"), 0);
    private static readonly TimeSpan Way = TimeSpan.FromMilliseconds(40);

    private readonly SeededRandomness _random = new(3);
    private readonly RelayTable _table;
    private readonly RelayForwarder _server;
    private readonly PriorityQueue<Action, Instant> _events = new();
    private readonly NetworkLifetimes _lifetimes;
    private readonly List<MappingLifetime> _learnt = [];
    private TimeSpan _briefLife;
    private TimeSpan _streamLife;
    private double _loss;
    private bool _isDark;
    private string _network = "home";
    private IDatagramClient? _client;
    private int _sockets;
    private int _mappings;
    private int _sent;
    private Instant _bornAt = Instant.Never;
    private Instant _leftAt;
    private Instant _now = Instant.Zero + TimeSpan.FromHours(1);

    public LifetimeProberTests()
    {
        _table = new RelayTable(_random);
        _server = new RelayForwarder(_table, _random);
        _lifetimes = new NetworkLifetimes(_random, Carry);
        _lifetimes.Learnt += () => _learnt.Add(_lifetimes.Current);
    }

    [Theory]
    [InlineData(10, 8, 18)]
    [InlineData(20, 18, 28)]
    [InlineData(30, 28, 55)]
    [InlineData(60, 55, 110)]
    [InlineData(120, 110, 170)]
    [InlineData(180, 170, 285)]
    public void The_bounds_of_a_lifetime_are_found(int seconds, int held, int failed)
    {
        (_briefLife, _streamLife) = (TimeSpan.FromSeconds(seconds), TimeSpan.FromSeconds(seconds));
        Run(TimeSpan.FromHours(1));
        Assert.Equal(new IdleBounds(TimeSpan.FromSeconds(held), TimeSpan.FromSeconds(failed)), _learnt[^1].Stream);
        Assert.Equal(_learnt[^1].Stream, _learnt[^1].Brief);
        Assert.True(_learnt[^1].KeepAliveOf(MappingUse.Stream) < _streamLife);
    }

    [Fact]
    public void A_NAT_that_treats_streams_otherwise_is_seen_through() // Linux
    {
        (_briefLife, _streamLife) = (TimeSpan.FromSeconds(30), TimeSpan.FromSeconds(120));
        Run(TimeSpan.FromHours(1));
        Assert.Equal(TimeSpan.FromSeconds(110), _learnt[^1].Stream.Held);
        Assert.Equal(new IdleBounds(TimeSpan.FromSeconds(28), TimeSpan.FromSeconds(55)), _learnt[^1].Brief);
    }

    [Fact]
    public void A_binding_whose_NAT_forgot_is_reachable_at_all_times_where_brief_mappings_live_30_s_and_streams_120()
    {
        (_briefLife, _streamLife) = (TimeSpan.FromSeconds(30), TimeSpan.FromSeconds(120));
        Run(TimeSpan.FromHours(1));
        RelayBinding end = _table.AddBinding(new FakeChannel());
        var binding = new UdpBinding(Server, _random, _now, () => _lifetimes.KeepAliveTowards(Server, MappingUse.Brief) ?? UdpBinding.KeepAlive);
        binding.SetCredentials(end.Handle, end.Key, _now);
        _client = binding;
        Run(TimeSpan.FromMinutes(10));
        Assert.True(HasMapping);
        LoseMapping();
        // Until the next BIND nothing on this side can know; each one after it is a question and its answer, and no more.
        Run(TimeSpan.FromMinutes(2));
        for (int second = 0; second < 600; second++)
        {
            Run(TimeSpan.FromSeconds(1));
            Assert.True(HasMapping);
            Assert.Equal(Mapped, end.Address);
        }
    }

    [Fact]
    public void A_NAT_that_keeps_everything_is_believed_up_to_five_minutes()
    {
        (_briefLife, _streamLife) = (TimeSpan.FromHours(1), TimeSpan.FromHours(1));
        Run(TimeSpan.FromHours(1));
        Assert.Equal(new IdleBounds(TimeSpan.FromSeconds(285), null), _learnt[^1].Stream);
    }

    [Fact]
    public void A_NAT_that_keeps_nothing_leaves_the_keep_alives_as_they_are()
    {
        (_briefLife, _streamLife) = (TimeSpan.FromSeconds(5), TimeSpan.FromSeconds(5));
        Run(TimeSpan.FromHours(1));
        Assert.Equal(new IdleBounds(null, TimeSpan.FromSeconds(8)), _learnt[^1].Stream);
        Assert.Null(_learnt[^1].KeepAliveOf(MappingUse.Stream));
        Assert.Null(_learnt[^1].KeepAliveOf(MappingUse.Brief));
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    public void Lost_datagrams_never_make_the_bound_that_held_too_large(int seed)
    {
        _loss = 0.1;
        for (int i = 0; i < seed; i++)
            _random.NextInt(9);
        (_briefLife, _streamLife) = (TimeSpan.FromSeconds(60), TimeSpan.FromSeconds(60));
        Run(TimeSpan.FromHours(2));
        Assert.InRange(_learnt[^1].Stream.Held!.Value.TotalSeconds, 8, 55);
    }

    [Fact]
    public void An_outage_shows_nothing()
    {
        (_briefLife, _streamLife) = (TimeSpan.FromSeconds(120), TimeSpan.FromSeconds(120));
        Run(TimeSpan.FromSeconds(60));
        int before = _learnt.Count;
        IdleBounds bounds = _learnt[^1].Stream;
        _isDark = true;
        Run(TimeSpan.FromMinutes(3));
        Assert.Equal(before, _learnt.Count);
        Assert.Equal(new IdleBounds(TimeSpan.FromSeconds(28), null), bounds);
    }

    [Fact]
    public void A_server_that_makes_no_promises_is_asked_three_times()
    {
        _isDark = true;
        Run(TimeSpan.FromHours(3));
        Assert.Equal(3, _sockets);
        Assert.Empty(_learnt);
        Assert.False(_lifetimes.NextTimeout.IsSet);
    }

    [Fact]
    public void Learning_costs_some_dozens_of_datagrams()
    {
        (_briefLife, _streamLife) = (TimeSpan.FromSeconds(30), TimeSpan.FromSeconds(120));
        Run(TimeSpan.FromHours(3));
        Assert.InRange(_sent, 20, 60);
        Assert.False(_lifetimes.NextTimeout.IsSet);
        Assert.Null(_client);
    }

    [Fact]
    public void What_was_learnt_of_a_network_is_known_there_and_nowhere_else()
    {
        (_briefLife, _streamLife) = (TimeSpan.FromSeconds(60), TimeSpan.FromSeconds(60));
        Run(TimeSpan.FromHours(1));
        int sockets = _sockets;
        TimeSpan known = TimeSpan.FromSeconds(0.75 * 55);
        Assert.Equal(known, _lifetimes.KeepAliveTowards(Server, MappingUse.Stream));
        Assert.Null(_lifetimes.KeepAliveTowards(new UdpAddress(IPAddress.IPv6Loopback, 1), MappingUse.Stream));

        _lifetimes.OnNetworkChanged();
        Assert.Null(_lifetimes.KeepAliveTowards(Server, MappingUse.Stream));
        _network = "café";
        _lifetimes.OnServer(Server, _network, _now);
        Assert.Null(_lifetimes.KeepAliveTowards(Server, MappingUse.Stream));

        _network = "home";
        Run(TimeSpan.FromHours(1));
        Assert.Equal(known, _lifetimes.KeepAliveTowards(Server, MappingUse.Stream));
        Assert.Equal(sockets, _sockets);
    }

    [Fact]
    public void A_search_that_was_interrupted_goes_on_when_the_network_is_back()
    {
        (_briefLife, _streamLife) = (TimeSpan.FromSeconds(30), TimeSpan.FromSeconds(120));
        int interruptions = 0;
        for (; interruptions < 20 && !_lifetimes.Current.IsComplete; interruptions++)
        {
            Run(TimeSpan.FromMinutes(8));
            MappingLifetime before = _lifetimes.Current;
            _lifetimes.OnNetworkChanged();
            _now += TimeSpan.FromMinutes(30);
            _lifetimes.OnServer(Server, _network, _now);
            Assert.Equal(before, _lifetimes.Current);
        }
        Assert.InRange(interruptions, 2, 10);
        Assert.Equal(new IdleBounds(TimeSpan.FromSeconds(110), TimeSpan.FromSeconds(170)), _lifetimes.Current.Stream);
        Assert.Equal(new IdleBounds(TimeSpan.FromSeconds(28), TimeSpan.FromSeconds(55)), _lifetimes.Current.Brief);
        int sockets = _sockets;
        Run(TimeSpan.FromHours(1));
        Assert.Equal(sockets, _sockets);
    }

    [Fact]
    public void A_network_that_is_left_while_it_is_examined_leaves_no_socket_behind()
    {
        (_briefLife, _streamLife) = (TimeSpan.FromSeconds(60), TimeSpan.FromSeconds(60));
        Run(TimeSpan.FromSeconds(20));
        Assert.NotNull(_client);
        _lifetimes.OnNetworkChanged();
        Assert.Null(_client);
        Assert.False(_lifetimes.NextTimeout.IsSet);
    }

    private Action? Carry(LifetimeTrial trial)
    {
        _client = trial;
        _sockets++;
        LoseMapping();
        return () => _client = null;
    }

    private void LoseMapping()
    {
        _mappings++;
        _bornAt = Instant.Never;
    }

    private void Run(TimeSpan length)
    {
        _lifetimes.OnServer(Server, _network, _now);
        byte[] buffer = new byte[1200];
        for (Instant end = _now + length; ;)
        {
            while (_client is { } client && client.TryTransmit(_now, buffer, out int sent))
                Leave(buffer[..sent]);
            while (_server.Promises.TryTakeDue(_now, out Promise promise))
                Enter(promise.To, buffer[..LaterFrame.WriteAnswer(buffer, new Later(promise.Token, LaterStatus.Kept))]);
            if (_lifetimes.NextTimeout <= _now)
            {
                _lifetimes.OnTimeout(_now);
                continue;
            }
            Instant next = Instant.Min(_lifetimes.NextTimeout, Instant.Min(_server.Promises.NextAt, _client?.NextTimeout ?? Instant.Never));
            if (_events.TryPeek(out _, out Instant at))
                next = Instant.Min(next, at);
            if (next > end)
            {
                _now = end;
                return;
            }
            _now = Instant.Max(next, _now);
            while (_events.TryPeek(out Action? due, out at) && at <= _now)
            {
                _events.Dequeue();
                due();
            }
        }
    }

    private bool IsLost() => _isDark || _random.NextInt(1000) < _loss * 1000;

    private UdpAddress Mapped => Outside.WithPort((ushort)(2000 + _mappings));

    // As Linux: two seconds of traffic make a stream of it. Only what leaves keeps it.
    private bool HasMapping => _bornAt.IsSet && _now - _leftAt < (_leftAt - _bornAt > TimeSpan.FromSeconds(2) ? _streamLife : _briefLife);

    private void Leave(byte[] datagram)
    {
        _sent++;
        if (!HasMapping)
        {
            LoseMapping();
            _bornAt = _now;
        }
        _leftAt = _now;
        UdpAddress from = Mapped;
        if (IsLost())
            return;
        _events.Enqueue(() =>
        {
            byte[] answer = new byte[RelayForwarder.MaxAnswer];
            int length = _server.Answer(_now, from, Server, datagram, answer);
            if (length > 0)
                Enter(from, answer[..length]);
        }, _now + Way);
    }

    private void Enter(UdpAddress to, byte[] datagram)
    {
        if (IsLost())
            return;
        _events.Enqueue(() =>
        {
            if (to == Mapped && HasMapping)
                _client?.TryReceive(_now, Server, datagram);
        }, _now + Way);
    }
}
