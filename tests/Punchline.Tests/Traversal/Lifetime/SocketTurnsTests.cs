using System.Net;
using Punchline.Discovery;
using Punchline.Quic;
using Punchline.Testing;
using Punchline.Tests.Endpoint;
using Punchline.Traversal.Lifetime;
using Punchline.Udp;
using Xunit;

namespace Punchline.Tests.Traversal.Lifetime;

/// <summary>A fresh socket in time for each mapping that ends by age: a machine and a server that the test makes up, in virtual time.</summary>
public sealed class SocketTurnsTests
{
    private static readonly TimeSpan Age = TimeSpan.FromSeconds(60);
    private static readonly TimeSpan Long = TimeSpan.FromMinutes(5);

    private readonly Machine _machine = new() { Age = Age };

    [Fact]
    public void A_fresh_socket_takes_over_before_each_end()
    {
        Assert.True(_machine.RunUntil(() => _machine.Replaced.Count == 3, 2 * Long));
        Assert.All(_machine.Replaced, replaced => Assert.InRange(replaced.Age, TimeSpan.FromSeconds(40), Age));
    }

    [Fact]
    public void A_fresh_socket_that_no_server_binds_is_given_up()
    {
        _machine.BindsFresh = false;
        IUdpSocket main = _machine.Socket!;
        Assert.True(_machine.RunUntil(() => _machine.Sockets.Count == 2, Long));
        Assert.True(_machine.RunUntil(() => _machine.Sockets.Count == 1, TimeSpan.FromSeconds(5)));
        Assert.Equal([main], _machine.Sockets);
        // After a pause it is tried again.
        Assert.True(_machine.RunUntil(() => _machine.Sockets.Count == 2, TimeSpan.FromSeconds(20)));
        Assert.Empty(_machine.Replaced);
    }

    [Fact]
    public void The_old_socket_goes_when_its_mapping_should_have_ended()
    {
        Assert.True(_machine.RunUntil(() => _machine.Replaced.Count == 1, Long));
        IUdpSocket old = _machine.Replaced[0].Old;
        Instant born = _machine.BornAt(old);
        Assert.True(_machine.RunUntil(() => !_machine.Sockets.Contains(old), Long));
        Assert.InRange(_machine.Now - born, Age, Age + TimeSpan.FromSeconds(12));
        Assert.Equal([old], _machine.Asked);
        Assert.Equal([_machine.Socket!], _machine.Sockets);
    }

    [Fact]
    public void An_age_that_is_disproved_is_forgotten()
    {
        Assert.True(_machine.RunUntil(() => _machine.Replaced.Count == 1, Long));
        _machine.Age = null;
        _machine.RunFor(2 * Long);
        Assert.Single(_machine.Replaced);
        Assert.Single(_machine.Sockets);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void A_network_change_in_the_middle_leaves_one_socket(bool isBound)
    {
        _machine.BindsFresh = isBound;
        Assert.True(_machine.RunUntil(() => _machine.Sockets.Count == 2, Long));
        if (isBound)
            Assert.True(_machine.RunUntil(() => _machine.Replaced.Count == 1, TimeSpan.FromSeconds(5)));
        _machine.Age = null;
        _machine.Turns.OnNetworkChanged();
        _machine.RunFor(Long);
        Assert.Equal([_machine.Socket!], _machine.Sockets);
        Assert.Equal(isBound ? 1 : 0, _machine.Replaced.Count);
    }

    [Fact]
    public void When_the_server_goes_a_fresh_socket_goes_with_it()
    {
        _machine.BindsFresh = false;
        Assert.True(_machine.RunUntil(() => _machine.Sockets.Count == 2, Long));
        _machine.Turns.OnGone(_machine);
        Assert.True(_machine.RunUntil(() => _machine.Sockets.Count == 1, TimeSpan.FromSeconds(2)));
    }

    /// <summary>Sockets under a NAT that ends mappings at an age, and the one server that binds them.</summary>
    private sealed class Machine : ISocketTurnsLink, IBindingServer
    {
        private static readonly TimeSpan Usual = TimeSpan.FromSeconds(15);

        private readonly Dictionary<IUdpSocket, (Instant Born, UdpAddress Mapped)> _mappings = [];
        private readonly Queue<Action> _posted = new();
        private int _port = 1024;
        private IUdpSocket? _movingTo;
        private Instant _nextBind;

        public Machine()
        {
            Turns = new SocketTurns(this, new NetworkLifetimes(new SeededRandomness(1), static _ => null));
            Socket = Open();
        }

        public SocketTurns Turns { get; }

        /// <summary>Of mappings in this NAT; null if they live on.</summary>
        public TimeSpan? Age { get; set; }

        /// <summary>Whether the server binds fresh sockets.</summary>
        public bool BindsFresh { get; set; } = true;

        public List<IUdpSocket> Sockets { get; } = [];

        public List<(IUdpSocket Old, TimeSpan Age)> Replaced { get; } = [];

        public List<IUdpSocket> Asked { get; } = [];

        public Instant Now { get; private set; } = Instant.Zero + TimeSpan.FromSeconds(100);

        public LocalNetwork Network { get; } = new([], allowsLoopback: false);

        public IUdpSocket? Socket { get; private set; }

        public UdpAddress Server { get; } = new(IPAddress.Parse("192.0.2.1"), 3478);

        public bool RunUntil(Func<bool> done, TimeSpan limit)
        {
            for (Instant end = Now + limit; !done() && Now < end;)
            {
                Now += TimeSpan.FromSeconds(1);
                if (Turns.NextTimeout <= Now)
                    Turns.OnTimeout(Now);
                while (_posted.TryDequeue(out Action? posted))
                    posted();
                if (Now >= _nextBind)
                    Bind();
                Assert.InRange(Sockets.Count, 1, 2);
            }
            return done();
        }

        public void RunFor(TimeSpan time) => RunUntil(static () => false, time);

        public Instant BornAt(IUdpSocket socket) => _mappings[socket].Born;

        public IUdpSocket? OpenBeside(IUdpSocket socket) => Open();

        public void MoveServers(IUdpSocket from, IUdpSocket to)
        {
            Assert.Equal(Socket, from);
            (_movingTo, _nextBind) = (to, Now);
        }

        public void Replace(IUdpSocket old, IUdpSocket fresh, TimeSpan age)
        {
            Assert.Equal(Socket, fresh);
            Replaced.Add((old, age));
        }

        public void Remove(IUdpSocket goes, IUdpSocket stays)
        {
            Assert.True(Sockets.Remove(goes));
            if (_movingTo == goes)
                (_movingTo, _nextBind) = (null, Now);
            Assert.Equal(Socket, stays);
        }

        public void RemoveSoon(IUdpSocket goes, IUdpSocket stays) => _posted.Enqueue(() => Remove(goes, stays));

        public void AskMapped(IUdpSocket socket, UdpAddress server, Action<UdpAddress> seen)
        {
            Assert.Equal(Server, server);
            Asked.Add(socket);
            seen(MappedOf(socket));
        }

        private FakeSocket Open()
        {
            var socket = new FakeSocket("0.0.0.0", _port++);
            Sockets.Add(socket);
            return socket;
        }

        private void Bind()
        {
            if (_movingTo is { } fresh)
            {
                if (!BindsFresh)
                    return;
                (Socket, _movingTo) = (fresh, null);
            }
            Turns.OnSeen(this, Socket!, MappedOf(Socket!));
            _nextBind = Now + Turns.BindingInterval(Usual);
        }

        private UdpAddress MappedOf(IUdpSocket socket)
        {
            if (!_mappings.TryGetValue(socket, out (Instant Born, UdpAddress Mapped) mapping) || Now - mapping.Born >= Age)
                _mappings[socket] = mapping = (Now, new UdpAddress(IPAddress.Parse("198.51.100.1"), _port++));
            return mapping.Mapped;
        }
    }
}
