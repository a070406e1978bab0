using System.Diagnostics.CodeAnalysis;
using System.Globalization;
using System.Net;
using System.Security.Cryptography;
using Punchline.Invites;
using Punchline.Protocol;
using Punchline.Quic;
using Punchline.Relay;
using Punchline.Server;
using Punchline.Udp;

namespace Punchline.Bench;

/// <summary>
/// How much a server forwards over UDP on loopback: a client sends as fast as the host's end hears, with a bounded number of datagrams
/// under way. All in one process; the server's share of the work is the CPU time of its own thread.
/// </summary>
[SuppressMessage("ApiDesign", "RS0030", Justification = "A benchmark measures by the real clock.")]
internal sealed class RelayBench : IDisposable
{
    /// <summary>Datagrams under way: enough to keep the server busy, within the sockets' buffers of 4 MB.</summary>
    private const int Window = 1024;

    /// <summary>The name of the server's thread, as the system cuts it.</summary>
    private const string ServerThread = "punchline udp";

    private readonly IUdpSocket _client;
    private readonly IUdpSocket _host;
    private readonly IUdpPoller _hostPoller;
    private readonly UdpAddress _server;
    private readonly byte[] _buffer = new byte[65_536];
    private long _sent;
    private long _received;
    private volatile bool _stopping;

    private RelayBench(UdpAddress server)
    {
        UdpPlatform platform = UdpPlatform.FromEnvironment();
        _server = server;
        _client = platform.Bind(new UdpAddress(IPAddress.Loopback, 0));
        _host = platform.Bind(new UdpAddress(IPAddress.Loopback, 0));
        _hostPoller = platform.CreatePoller();
        _hostPoller.Add(_host);
    }

    /// <summary>Measures.</summary>
    /// <param name="payload">Bytes of each QUIC datagram.</param>
    /// <param name="batch">Datagrams in one send.</param>
    /// <param name="time">How long.</param>
    /// <returns>A row of the table.</returns>
    public static async Task<string> RunAsync(int payload, int batch, TimeSpan time)
    {
        await using var server = new PunchlineServer(new PunchlineServerOptions { Address = IPAddress.Loopback, Port = 0, Relay = RelayTerms.Unlimited });
        await server.StartAsync();
        ServerAddress.TryCreate(ServerScheme.Punch, "127.0.0.1", server.Port, default, out ServerAddress? address);
        var options = new ServerChannelOptions { Time = TimeProvider.System, Randomness = SystemRandomness.Instance, ProgramVersion = "bench" };
        await using ServerChannel host = await ServerChannel.ConnectAsync(address!, options, CancellationToken.None);
        await using ServerChannel client = await ServerChannel.ConnectAsync(address!, options, CancellationToken.None);
        // Nobody's key: any scalar will do.
        using var signer = new P256Signer([.. new byte[31], 7]);
        var invite = new InviteId(1);
        byte[] secret = RandomNumberGenerator.GetBytes(16);
        Registered registered = await host.RegisterAsync(new HostRegistration { Signer = signer, DoorNonce = 1, Secrets = [(invite, secret)] }, CancellationToken.None);
        Opened opened = await client.OpenAsync(SHA256.HashData(signer.PublicKeyInfo.Span), invite, secret, CancellationToken.None);
        using var bench = new RelayBench(client.UdpEndpoints[0]);
        bench.Bind(bench._host, registered.Handle, registered.Key);
        bench.Bind(bench._client, opened.Handle, opened.Key);
        return bench.Measure(opened.Handle, payload, batch, time);
    }

    public void Dispose()
    {
        _client.Dispose();
        _hostPoller.Dispose();
        _host.Dispose();
    }

    private string Measure(ulong handle, int payload, int batch, TimeSpan time)
    {
        int size = RelayFrame.DataHeaderLength + payload;
        byte[] frames = new byte[size * batch];
        for (int i = 0; i < batch; i++)
            RelayFrame.WriteDataHeader(frames.AsSpan(i * size), handle);
        var receiving = new Thread(Receive);
        receiving.Start();
        Send(frames, size, batch, TimeSpan.FromSeconds(1));
        (long sent, long received, double cpu) before = (_sent, Volatile.Read(ref _received), ServerCpuSeconds());
        double seconds = Send(frames, size, batch, time);
        long passed = Volatile.Read(ref _received) - before.received;
        double used = ServerCpuSeconds() - before.cpu;
        long lost = Math.Max(0, _sent - before.sent - passed - Window);
        _stopping = true;
        _hostPoller.Wake();
        receiving.Join();
        return string.Create(CultureInfo.InvariantCulture,
            $"| {payload:N0} bytes | {batch} | {passed / seconds:N0} | {passed * 8.0 * payload / seconds / 1e9:F2} | {lost} | {used / passed * 1e6:F2} µs |");
    }

    // Keeps a window under way; what does not come within 20 ms was lost.
    private double Send(byte[] frames, int size, int batch, TimeSpan time)
    {
        long start = TimeProvider.System.GetTimestamp();
        long baseline = _sent - Volatile.Read(ref _received);
        long heard = -1;
        long progress = start;
        TimeSpan elapsed;
        while ((elapsed = TimeProvider.System.GetElapsedTime(start)) < time)
        {
            long received = Volatile.Read(ref _received);
            if (received != heard)
                (heard, progress) = (received, TimeProvider.System.GetTimestamp());
            else if (TimeProvider.System.GetElapsedTime(progress) > TimeSpan.FromMilliseconds(20))
                baseline = _sent - received;
            if (_sent - received - baseline + batch > Window)
                Thread.Yield();
            else if (_client.Send(_server, default, frames, size, ect0: false, timeToLive: 0) == UdpSendStatus.Sent)
                _sent += batch;
        }
        return elapsed.TotalSeconds;
    }

    private void Receive()
    {
        byte[] buffer = new byte[65_536];
        while (!_stopping)
        {
            while (_host.TryReceive(buffer, out UdpReceived batch))
                Volatile.Write(ref _received, _received + ((batch.Length + batch.SegmentSize - 1) / batch.SegmentSize));
            _hostPoller.Wait(TimeSpan.FromMilliseconds(100));
        }
    }

    private void Bind(IUdpSocket socket, ulong handle, byte[] key)
    {
        var clock = new MonotonicClock(TimeProvider.System);
        var binding = new UdpBinding(_server, SystemRandomness.Instance, clock.Now);
        binding.SetCredentials(handle, key, clock.Now);
        while (!binding.IsBound)
        {
            if (binding.TryTransmit(clock.Now, _buffer, out int length))
                socket.Send(_server, default, _buffer.AsSpan(0, length), length, ect0: false, timeToLive: 0);
            if (socket.TryReceive(_buffer, out UdpReceived received))
                binding.TryReceive(clock.Now, received.Remote, _buffer.AsSpan(0, received.Length));
        }
    }

    // User and system time of the server's thread (proc(5), fields 14 and 15, in ticks of 10 ms).
    private static double ServerCpuSeconds()
    {
        double ticks = 0;
        foreach (string task in Directory.GetDirectories("/proc/self/task"))
        {
            if (File.ReadAllText(task + "/comm").TrimEnd() != ServerThread)
                continue;
            string[] fields = File.ReadAllText(task + "/stat").Split(')')[1].Split(' ', StringSplitOptions.RemoveEmptyEntries);
            ticks += double.Parse(fields[11], CultureInfo.InvariantCulture) + double.Parse(fields[12], CultureInfo.InvariantCulture);
        }
        return ticks / 100;
    }
}
