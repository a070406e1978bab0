using System.Diagnostics.CodeAnalysis;
using System.Net;
using System.Security.Cryptography;
using Punchline.Invites;
using Punchline.Protocol;
using Punchline.Quic;
using Punchline.Relay;
using Punchline.Server;
using Punchline.Udp;

namespace Punchline.Bench;

/// <summary>Our server, in this process: it forwards on a thread of its own.</summary>
[SuppressMessage("ApiDesign", "RS0030", Justification = "A benchmark measures by the real clock.")]
internal sealed class PunchlineRelay : IRelay
{
    /// <summary>The name of the server's thread, as the system cuts it.</summary>
    private const string ServerThread = "punchline udp";

    private readonly PunchlineServer _server;
    private readonly ServerChannel _host;
    private readonly ServerChannel _client;
    private readonly Registered _registered;
    private readonly Opened _opened;

    private PunchlineRelay(PunchlineServer server, ServerChannel host, ServerChannel client, Registered registered, Opened opened)
    {
        _server = server;
        _host = host;
        _client = client;
        _registered = registered;
        _opened = opened;
    }

    public string Name => "Punchline";

    public UdpAddress Server => _client.UdpEndpoints[0];

    public static async Task<IRelay> StartAsync()
    {
        var server = new PunchlineServer(new PunchlineServerOptions { Address = IPAddress.Loopback, Port = 0, Relay = RelayTerms.Unlimited });
        await server.StartAsync();
        ServerAddress.TryCreate(ServerScheme.Punch, "127.0.0.1", server.Port, default, out ServerAddress? address);
        var options = new ServerChannelOptions { Time = TimeProvider.System, Randomness = SystemRandomness.Instance, ProgramVersion = "bench" };
        ServerChannel host = await ServerChannel.ConnectAsync(address!, options, CancellationToken.None);
        ServerChannel client = await ServerChannel.ConnectAsync(address!, options, CancellationToken.None);
        // Nobody's key: any scalar will do.
        using var signer = new P256Signer([.. new byte[31], 7]);
        var invite = new InviteId(1);
        byte[] secret = RandomNumberGenerator.GetBytes(16);
        Registered registered = await host.RegisterAsync(new HostRegistration { Signer = signer, DoorNonce = 1, Secrets = [(invite, secret)] }, CancellationToken.None);
        Opened opened = await client.OpenAsync(SHA256.HashData(signer.PublicKeyInfo.Span), invite, secret, CancellationToken.None);
        return new PunchlineRelay(server, host, client, registered, opened);
    }

    public byte[] Join(IUdpSocket client, IUdpSocket host, int payload)
    {
        Bind(host, _registered.Handle, _registered.Key);
        Bind(client, _opened.Handle, _opened.Key);
        byte[] header = new byte[RelayFrame.DataHeaderLength];
        RelayFrame.WriteDataHeader(header, _opened.Handle);
        return header;
    }

    public double CpuSeconds() => Directory.GetDirectories("/proc/self/task")
        .Where(static task => File.ReadAllText(task + "/comm").TrimEnd() == ServerThread)
        .Sum(static task => CpuTime.SecondsIn(task + "/stat"));

    public async ValueTask DisposeAsync()
    {
        await _client.DisposeAsync();
        await _host.DisposeAsync();
        await _server.DisposeAsync();
    }

    private void Bind(IUdpSocket socket, ulong handle, byte[] key)
    {
        byte[] buffer = new byte[65_536];
        var clock = new MonotonicClock(TimeProvider.System);
        var binding = new UdpBinding(Server, SystemRandomness.Instance, clock.Now);
        binding.SetCredentials(handle, key, clock.Now);
        Instant latest = clock.Now + TimeSpan.FromSeconds(5);
        while (!binding.IsBound)
        {
            if (clock.Now > latest)
                throw new InvalidOperationException("the server does not bind");
            if (binding.TryTransmit(clock.Now, buffer, out int length))
                socket.Send(Server, default, buffer.AsSpan(0, length), length, ect0: false, timeToLive: 0);
            if (socket.TryReceive(buffer, out UdpReceived received))
                binding.TryReceive(clock.Now, received.Remote, buffer.AsSpan(0, received.Length));
        }
    }
}
