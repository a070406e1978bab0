using System.Text.Json;
using Punchline.Diagnostics;
using Punchline.Quic;
using Punchline.Testing;
using Xunit;

namespace Punchline.Tests.Diagnostics;

/// <summary>Two peers on a simulated network, both with qlog: first over a relay, then directly, a transfer, and the end.</summary>
public sealed class QlogTraceTests : IDisposable
{
    private static readonly UdpAddress ClientRelay = Address(1, 1, 40_001);
    private static readonly UdpAddress HostRelay = Address(1, 2, 40_002);
    private static readonly UdpAddress ClientDirect = Address(2, 1, 50_001);
    private static readonly UdpAddress HostDirect = Address(2, 2, 50_002);
    private static readonly DateTimeOffset Zero = new(2026, 1, 2, 3, 4, 5, TimeSpan.Zero);

    private readonly string _folder = Directory.CreateTempSubdirectory("punchline-qlog-").FullName;
    private readonly List<string> _problems = [];

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public async Task Both_ends_tell_the_same_packets_and_frames()
    {
        var (client, server) = await RunAsync(new LinkProfile { Delay = TimeSpan.FromMilliseconds(10) });
        foreach ((QlogFile from, QlogFile to) in new[] { (client, server), (server, client) })
        {
            var sent = from.Packets("quic:packet_sent").ToDictionary(packet => (packet.Type, packet.Number), packet => packet.Frames);
            var received = to.Packets("quic:packet_received").ToList();
            Assert.True(received.Count > 20, $"only {received.Count} packets");
            Assert.All(received, packet => Assert.Equal(sent[(packet.Type, packet.Number)], packet.Frames));
            Assert.Equal(["1RTT", "handshake", "initial"], received.Select(packet => packet.Type).Distinct().Order(StringComparer.Ordinal));
        }
        Assert.Empty(_problems);
    }

    [Fact]
    public async Task A_file_has_what_the_schema_requires()
    {
        var (client, server) = await RunAsync(new LinkProfile { Delay = TimeSpan.FromMilliseconds(10) });
        foreach ((QlogFile file, string role) in new[] { (client, "client"), (server, "server") })
        {
            Assert.Equal("urn:ietf:params:qlog:file:sequential", file.Header.GetProperty("file_schema").GetString());
            Assert.Equal("application/qlog+json-seq", file.Header.GetProperty("serialization_format").GetString());
            JsonElement trace = file.Header.GetProperty("trace");
            Assert.Equal(role, trace.GetProperty("vantage_point").GetProperty("type").GetString());
            Assert.Contains("urn:ietf:params:qlog:events:quic-13", trace.GetProperty("event_schemas").EnumerateArray().Select(schema => schema.GetString()));
            JsonElement reference = trace.GetProperty("common_fields").GetProperty("reference_time");
            Assert.Equal(("monotonic", "unknown"), (reference.GetProperty("clock_type").GetString(), reference.GetProperty("epoch").GetString()));
            Assert.Equal("2026-01-02T03:04:05.000Z", reference.GetProperty("wall_clock_time").GetString());
            double last = 0;
            foreach (JsonElement value in file.Events)
            {
                double time = value.GetProperty("time").GetDouble();
                Assert.True(time >= last, $"{value} is earlier than what comes before it");
                last = time;
                Assert.Contains(':', value.GetProperty("name").GetString()!);
                Assert.Equal(JsonValueKind.Object, value.GetProperty("data").ValueKind);
            }
            Assert.Equal(
                ["attempted", "handshake_complete", "handshake_confirmed"],
                file.Named("quic:connection_state_updated").Select(data => data.GetProperty("new").GetString()).Take(3));
            Assert.Equal("closed", file.Named("quic:connection_state_updated").Last().GetProperty("new").GetString());
            JsonElement end = Assert.Single(file.Named("quic:connection_closed"));
            Assert.Equal((role == "client" ? "local" : "remote", 7), (end.GetProperty("initiator").GetString(), end.GetProperty("error_code").GetInt32()));
            Assert.Contains(file.Named("quic:recovery_metrics_updated"), data => data.TryGetProperty("smoothed_rtt", out _));
            Assert.Contains(file.Named("quic:key_discarded"), data => data.GetProperty("key_type").GetString() == "client_initial_secret");
        }
        Assert.Equal(Parameters(client, "local"), Parameters(server, "remote"));
        Assert.Equal(Parameters(server, "local"), Parameters(client, "remote"));
    }

    [Fact]
    public async Task Packets_and_keys_of_0_rtt_are_named_as_such()
    {
        var network = new SimulatedNetwork(1);
        var transport = new QuicTransportOptions { TicketsPerConnection = 1 };
        var application = new TransferApplication(isClient: true);
        var client = new SimulatedPeer(network, "client", 2, transport, null, application);
        var host = new SimulatedPeer(network, "host", 3, transport, new AcceptAll(SimulatedIdentities.IdOf("client")), new TransferApplication(isClient: false));
        client.AddAddress(ClientRelay, relay: true);
        host.AddAddress(HostRelay, relay: true);
        QuicConnection first = client.Connect(ClientRelay, HostRelay, SimulatedIdentities.IdOf("host"));
        byte[]? session = null;
        Assert.True(network.RunUntil(() => first.TryTakeSession(out session), TimeSpan.FromSeconds(60)));
        first.Close(network.Now, 0, "");
        network.RunFor(TimeSpan.FromSeconds(30));

        await using (var trace = new QlogTrace(_folder, Zero, _problems.Add))
        {
            client.Trace = trace;
            QuicConnection second = client.Connect(ClientRelay, HostRelay, SimulatedIdentities.IdOf("host"), session: session, sessionAge: TimeSpan.FromSeconds(30));
            Assert.True(second.IsEarlyDataOpen);
            application.Start(second, 1, 100);
            Assert.True(network.RunUntil(() => application.IsDone, TimeSpan.FromSeconds(60)));
            second.Close(network.Now, 0, "");
            network.RunFor(TimeSpan.FromSeconds(30));
        }
        QlogFile file = Read("client");
        Assert.Contains(file.Packets("quic:packet_sent"), packet => packet.Type == "0RTT" && packet.Number == 0);
        Assert.Single(file.Named("quic:key_updated"), data => data.GetProperty("key_type").GetString() == "client_0rtt_secret");
        Assert.Single(file.Named("quic:key_discarded"), data => data.GetProperty("key_type").GetString() == "client_0rtt_secret");
        Assert.DoesNotContain(file.Named("quic:key_updated"), data => data.GetProperty("key_type").GetString() == "server_0rtt_secret");
    }

    [Fact]
    public async Task What_went_over_a_relay_says_so()
    {
        var (client, _) = await RunAsync(new LinkProfile { Delay = TimeSpan.FromMilliseconds(10) });
        var relayed = client.Named("quic:tuple_assigned").ToDictionary(
            data => data.GetProperty("tuple_id").GetString()!, data => data.GetProperty("relayed").GetBoolean());
        Assert.Contains(true, relayed.Values);
        Assert.Contains(false, relayed.Values);
        var packets = client.Events.Where(value => value.GetProperty("name").GetString() is "quic:packet_sent" or "quic:packet_received").ToList();
        Assert.All(packets, packet => Assert.Equal(relayed[packet.GetProperty("tuple").GetString()!], packet.TryGetProperty("relayed", out _)));
        Assert.Contains(packets, packet => packet.TryGetProperty("relayed", out _));
        Assert.Contains(packets, packet => !packet.TryGetProperty("relayed", out _));
    }

    [Fact]
    public async Task Lost_and_dropped_packets_are_told()
    {
        var (client, server) = await RunAsync(new LinkProfile { Delay = TimeSpan.FromMilliseconds(10), Loss = 0.1, Duplicate = 0.1 });
        Assert.Contains(server.Named("quic:packet_lost"), data => data.GetProperty("header").TryGetProperty("packet_number", out _));
        Assert.Contains(client.Named("quic:packet_dropped"), data => data.GetProperty("trigger").GetString() == "duplicate");
    }

    [Fact]
    public async Task A_file_is_named_by_the_connection_and_its_owners_alone()
    {
        await RunAsync(new LinkProfile { Delay = TimeSpan.FromMilliseconds(10) });
        string[] names = [.. Directory.GetFiles(_folder).Select(path => Path.GetFileName(path)!).Order(StringComparer.Ordinal)];
        Assert.Equal(2, names.Length);
        // 20 bytes in hexadecimal, then the role.
        Assert.Equal(names[0][..40], names[1][..40]);
        Assert.Equal(["_client.sqlog", "_server.sqlog"], names.Select(name => name[40..]));
        Assert.Equal(names[0][..40], QlogFile.Read(Path.Combine(_folder, names[0])).Header.GetProperty("trace").GetProperty("common_fields").GetProperty("group_id").GetString());
        if (OperatingSystem.IsWindows())
            return; // No such modes: the user's folder has its access list.
        foreach (string name in names)
            Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode(Path.Combine(_folder, name)));
    }

    [Fact]
    public async Task A_folder_that_cannot_be_written_is_told_once_and_ends_nothing()
    {
        string file = Path.Combine(_folder, "sub");
        var network = new SimulatedNetwork(1);
        var peers = new Peers(network);
        await using (var trace = new QlogTrace(file, Zero, _problems.Add))
        {
            Directory.Delete(file);
            peers.Client.Trace = trace;
            peers.Connect();
            Assert.True(network.RunUntil(() => peers.Application.IsEstablished, TimeSpan.FromSeconds(60)));
        }
        Assert.Contains("cannot be written", Assert.Single(_problems), StringComparison.Ordinal);
    }

    private async Task<(QlogFile Client, QlogFile Server)> RunAsync(LinkProfile link)
    {
        var network = new SimulatedNetwork(1) { Default = link };
        var peers = new Peers(network);
        await using (var client = new QlogTrace(_folder, Zero, _problems.Add))
        await using (var server = new QlogTrace(_folder, Zero, _problems.Add))
        {
            peers.Client.Trace = client;
            peers.Host.Trace = server;
            QuicConnection connection = peers.Connect();
            Assert.True(network.RunUntil(() => peers.Application.IsEstablished && peers.Host.Connections is [{ IsEstablished: true }], TimeSpan.FromSeconds(60)));
            network.RunFor(TimeSpan.FromSeconds(1));
            peers.OfferDirect(connection, link);
            Assert.True(network.RunUntil(() => connection.CurrentPath.Kind == PathKind.Direct, TimeSpan.FromSeconds(60)));
            QuicConnection atHost = peers.Host.Connections[0];
            Assert.True(atHost.TryOpenStream(bidirectional: false, out StreamId id));
            atHost.Write(id, new byte[100_000], out _);
            atHost.Finish(id);
            network.RunFor(TimeSpan.FromSeconds(5));
            connection.Close(network.Now, 7, "done");
            network.RunFor(TimeSpan.FromSeconds(30));
        }
        return (Read("client"), Read("server"));
    }

    private QlogFile Read(string role) => QlogFile.Read(Assert.Single(Directory.GetFiles(_folder, $"*_{role}.sqlog")));

    private static string Parameters(QlogFile file, string initiator) => file.Named("quic:parameters_set")
        .Single(data => data.GetProperty("initiator").GetString() == initiator).GetRawText().Replace($"\"{initiator}\"", "", StringComparison.Ordinal);

    private static UdpAddress Address(byte net, byte host, ushort port) => UdpAddress.FromBytes([198, 18, net, host], 0, port);

    private sealed class Peers
    {
        private readonly SimulatedNetwork _network;

        public Peers(SimulatedNetwork network)
        {
            _network = network;
            var transport = new QuicTransportOptions();
            Application = new TransferApplication(isClient: true) { LocalFor = static _ => [ClientDirect] };
            var hosts = new TransferApplication(isClient: false) { LocalFor = static _ => [HostDirect] };
            Client = new SimulatedPeer(network, "client", 2, transport, null, Application);
            Host = new SimulatedPeer(network, "host", 3, transport, new AcceptAll(SimulatedIdentities.IdOf("client")), hosts);
            Client.AddAddress(ClientRelay, relay: true);
            Host.AddAddress(HostRelay, relay: true);
        }

        public TransferApplication Application { get; }

        public SimulatedPeer Client { get; }

        public SimulatedPeer Host { get; }

        public QuicConnection Connect() => Client.Connect(ClientRelay, HostRelay, SimulatedIdentities.IdOf("host"));

        public void OfferDirect(QuicConnection connection, LinkProfile link)
        {
            _network.SetBoth(ClientDirect, HostDirect, link);
            Client.AddAddress(ClientDirect);
            Host.AddAddress(HostDirect);
            connection.AddLocalCandidate(new Candidate(ClientDirect, CandidateKind.Host));
            Host.Connections[0].AddLocalCandidate(new Candidate(HostDirect, CandidateKind.Host));
        }
    }
}
