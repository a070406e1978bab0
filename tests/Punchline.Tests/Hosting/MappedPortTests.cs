using System.Net;
using Punchline.Hosting;
using Punchline.PortMapping;
using Punchline.Quic;
using Punchline.Relay;
using Punchline.Stun;
using Punchline.Tests.Endpoint;
using Punchline.Tests.PortMapping;
using Punchline.Tests.Relay;
using Xunit;

namespace Punchline.Tests.Hosting;

/// <summary>What becomes of a port that the router says it maps, once a server has looked.</summary>
public sealed class MappedPortTests
{
    private static readonly UdpAddress Server = FakeSocket.Address("127.0.0.1:3478");
    private static readonly UdpAddress Seen = FakeSocket.Address("198.51.100.7:41000");

    [Fact]
    public async Task A_check_that_fails_takes_the_candidate_back()
    {
        await using var scene = new Scene();
        await scene.StartAsync();
        Assert.True(await scene.IsToldAsync());
        // The server answers what is to come to the socket itself, and what it sends to the port is lost.
        await scene.Node.ArriveAsync(Server, Answer(await scene.QuestionAsync(throughPort: false)));
        // The last of seven transmissions is waited for until 19.75 s after the first (RFC 8489 section 6.2.1, with an RTO of 250 ms).
        await scene.Node.PassAsync(TimeSpan.FromSeconds(25));
        await scene.Events.WaitAsync<Notice>(notice => notice.Message.Contains("nothing comes through", StringComparison.Ordinal));
        Assert.False(await scene.IsToldAsync());
        Assert.Equal("map", await scene.Mapper.LoggedAsync());
        Assert.Equal("unmap", await scene.Mapper.LoggedAsync());
    }

    [Fact]
    public async Task An_answer_through_the_port_leaves_the_candidate()
    {
        await using var scene = new Scene();
        await scene.StartAsync();
        await scene.Node.ArriveAsync(Server.WithPort(3479), Answer(await scene.QuestionAsync(throughPort: true)));
        await scene.Events.WaitAsync<Detail>(detail => detail.Message.Contains("is open", StringComparison.Ordinal));
        await scene.Node.PassAsync(TimeSpan.FromSeconds(45));
        Assert.True(await scene.IsToldAsync());
        Assert.False(scene.Events.Has<Notice>());
    }

    private static byte[] Answer(byte[] question)
    {
        Assert.True(StunMessage.TryRead(question, out StunMessage message));
        byte[] buffer = new byte[StunMessage.MaxLength];
        var writer = new StunWriter(buffer, StunClass.Success, StunMessage.Binding, message.TransactionId);
        writer.AddXorMappedAddress(Seen);
        return buffer[..writer.Length];
    }

    /// <summary>A node that a server has bound behind a NAT, and a router that maps a port at once.</summary>
    private sealed class Scene : IAsyncDisposable
    {
        private readonly FakeServer _server = new();
        private ServerChannel _channel = null!;
        private ServerUdp _udp = null!;
        private EventSink _sink = null!;
        private MappedPort _mapped = null!;

        public ManualNode Node { get; private set; } = null!;

        public EventRecorder Events { get; } = new("node");

        public FakeMapper Mapper { get; } = FakeMapper.Found(MappingProtocol.Pcp, FakeMapper.Granted(MappingProtocol.Pcp));

        public async Task StartAsync()
        {
            Node = await ManualNode.StartAsync();
            _channel = await Node.ConnectAsync(_server, Server);
            _udp = new ServerUdp(Node.Node, _server.Address);
            Task binding = _udp.BindAsync(_channel, 1, new byte[RelayFrame.KeyLength], TestContext.Current.CancellationToken);
            await Node.BindAsync(Server, (await Node.TakeSentAsync(Server))[^1], Seen);
            await binding;
            _sink = new EventSink(Events, Node.Time);
            _mapped = new MappedPort(Node.Time, _sink)
            {
                FindGateway = static () => new Gateway(new UdpAddress(IPAddress.Parse("10.0.0.1"), 0), new UdpAddress(IPAddress.Parse("10.0.0.2"), 0)),
                Protocols = (_, _, _) => [Mapper],
            };
            await Node.CallAsync(() =>
            {
                _mapped.Begin(Node.Node);
                return true;
            });
            await Events.WaitAsync<Detail>(detail => detail.Message.Contains("maps", StringComparison.Ordinal));
        }

        /// <summary>Whether peers are told of the port.</summary>
        public Task<bool> IsToldAsync() => Node.CallAsync(() => Node.Node.Candidates.Current.Any(candidate => candidate.Kind == CandidateKind.Mapped));

        /// <summary>What the server was asked by STUN: to answer to the port, or to the socket.</summary>
        public async Task<byte[]> QuestionAsync(bool throughPort) =>
            (await Node.TakeSentAsync(Server)).Last(sent => StunMessage.TryRead(sent, out StunMessage message)
                && message.TryFind(StunAttributeType.ResponsePort, out _) == throughPort);

        public async ValueTask DisposeAsync()
        {
            await _udp.DisposeAsync();
            await _channel.DisposeAsync();
            await Node.DisposeAsync();
            await _mapped.DisposeAsync();
            await _sink.CompleteAsync();
            _server.Dispose();
        }
    }
}
