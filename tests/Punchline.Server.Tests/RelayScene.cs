using System.Net;
using Punchline.Protocol;
using Punchline.Quic;
using Xunit;

namespace Punchline.Server.Tests;

/// <summary>A client whose pair stands, and what each side was told of it.</summary>
internal sealed record RelayClient(RelayPeer Peer, Opened Opened, PairOpened Told);

/// <summary>A server on loopback, a host that is registered at it, and a client that has opened a pair: each on a control channel.</summary>
internal sealed class RelayScene : IAsyncDisposable
{
    private readonly List<RelayClient> _clients = [];
    private readonly TestHost _host = new();

    private RelayScene(PunchlineServer server, RelayPeer atHost)
    {
        Server = server;
        AtHost = atHost;
    }

    public PunchlineServer Server { get; }

    /// <summary>Where it forwards over UDP.</summary>
    public UdpAddress Udp => new(IPAddress.Loopback, Server.Port);

    public RelayPeer AtHost { get; }

    /// <summary>The host's own handle and key.</summary>
    public Registered Registered { get; private set; } = null!;

    public RelayPeer AtClient => _clients[0].Peer;

    /// <summary>The client's handle and key.</summary>
    public Opened Opened => _clients[0].Opened;

    /// <summary>What stands for the pair in the client's frames.</summary>
    public ulong ClientHandle => Opened.Handle;

    /// <summary>And in the host's.</summary>
    public ulong HostHandle => _clients[0].Told.Handle;

    public static async Task<RelayScene> StartAsync(PunchlineServerOptions? options = null, ControlFeatures clientFeatures = ControlFeatures.ChannelFrames)
    {
        PunchlineServer server = await TestServer.StartAsync(options);
        var scene = new RelayScene(server, await RelayPeer.ConnectAsync(server));
        scene.Registered = await scene.AtHost.RegisterAsync(scene._host);
        await scene.AddClientAsync(clientFeatures);
        return scene;
    }

    /// <summary>One more client of the host's.</summary>
    public async Task<RelayClient> AddClientAsync(ControlFeatures features = ControlFeatures.ChannelFrames)
    {
        RelayPeer peer = await RelayPeer.ConnectAsync(Server);
        Opened opened = await peer.OpenAsync(_host, features);
        var client = new RelayClient(peer, opened, Assert.IsType<PairOpened>(await AtHost.ReceiveAsync()));
        _clients.Add(client);
        return client;
    }

    /// <summary>The first client opens its pair anew, which replaces the one before.</summary>
    public Task<Opened> OpenAgainAsync() => AtClient.OpenAsync(_host);

    public async ValueTask DisposeAsync()
    {
        foreach (RelayClient client in _clients)
            client.Peer.Dispose();
        AtHost.Dispose();
        await Server.DisposeAsync();
        await _host.DisposeAsync();
    }
}
