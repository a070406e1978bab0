using System.Net;
using System.Security.Cryptography;
using Punchline.Invites;
using Punchline.Protocol;
using Punchline.Quic;
using Punchline.Relay;
using Xunit;

namespace Punchline.Server.Tests;

/// <summary>Starts servers on loopback, and makes hosts and clients for them.</summary>
internal static class TestServer
{
    public static async Task<PunchlineServer> StartAsync(PunchlineServerOptions? options = null)
    {
        var server = new PunchlineServer(options ?? new PunchlineServerOptions { Address = IPAddress.Loopback, Port = 0, ProgramVersion = "9.9" });
        await server.StartAsync(TestContext.Current.CancellationToken);
        return server;
    }

    public static ServerAddress AddressOf(PunchlineServer server, string name = "127.0.0.1")
    {
        Assert.True(ServerAddress.TryCreate(ServerScheme.Punch, name, server.Port, default, out ServerAddress? address));
        return address!;
    }

    public static Task<ServerChannel> ConnectAsync(PunchlineServer server, string name = "127.0.0.1") => ServerChannel.ConnectAsync(AddressOf(server, name),
        new ServerChannelOptions { Time = TimeProvider.System, Randomness = SystemRandomness.Instance, ProgramVersion = "1.2.3" }, TestContext.Current.CancellationToken);
}

/// <summary>A host with one invite, registered or not.</summary>
internal sealed class TestHost : IAsyncDisposable
{
    private ServerChannel? _channel;
    private Registered? _registered;

    public TestSigner Signer { get; } = new();

    public InviteId Invite { get; } = new(BitConverter.ToUInt64(RandomNumberGenerator.GetBytes(8)));

    public byte[] Secret { get; } = RandomNumberGenerator.GetBytes(16);

    public ServerChannel Channel => _channel ?? throw new InvalidOperationException("The host is not connected.");

    public Registered Registered => _registered ?? throw new InvalidOperationException("The host is not registered.");

    public HostRegistration Registration(string? password = null) => new()
    {
        Signer = Signer,
        DoorNonce = 77,
        Secrets = [(Invite, Secret)],
        PasswordKey = password is null ? default : ControlProof.PasswordKey(password),
    };

    public async Task RegisterAsync(PunchlineServer server, string? password = null, string name = "127.0.0.1")
    {
        if (_channel is not null)
            await _channel.DisposeAsync();
        _channel = await TestServer.ConnectAsync(server, name);
        _registered = await _channel.RegisterAsync(Registration(password), TestContext.Current.CancellationToken);
    }

    public Task<Opened> OpenAsync(ServerChannel client) => client.OpenAsync(Signer.HostId, Invite, Secret, TestContext.Current.CancellationToken);

    public async ValueTask DisposeAsync()
    {
        if (_channel is not null)
            await _channel.DisposeAsync();
        Signer.Dispose();
    }
}
