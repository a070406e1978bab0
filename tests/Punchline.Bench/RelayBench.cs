using System.Diagnostics.CodeAnalysis;
using System.Globalization;
using System.Net;
using Punchline.Quic;
using Punchline.Udp;

namespace Punchline.Bench;

/// <summary>
/// How much a relay forwards over UDP on loopback: a client sends as fast as the host's end hears, with a bounded number of datagrams
/// under way.
/// </summary>
[SuppressMessage("ApiDesign", "RS0030", Justification = "A benchmark measures by the real clock.")]
internal sealed class RelayBench : IDisposable
{
    /// <summary>Datagrams under way: enough to keep the server busy, within the sockets' buffers of 4 MB.</summary>
    private const int Window = 1024;

    private readonly IRelay _relay;
    private readonly IUdpSocket _client;
    private readonly IUdpSocket _host;
    private readonly IUdpPoller _hostPoller;
    private long _sent;
    private long _received;
    private volatile bool _stopping;

    private RelayBench(IRelay relay)
    {
        UdpPlatform platform = UdpPlatform.FromEnvironment();
        _relay = relay;
        _client = platform.Bind(new UdpAddress(IPAddress.Loopback, 0));
        _host = platform.Bind(new UdpAddress(IPAddress.Loopback, 0));
        _hostPoller = platform.CreatePoller();
        _hostPoller.Add(_host);
    }

    /// <summary>Measures.</summary>
    /// <param name="relay">What.</param>
    /// <param name="payload">Bytes of each QUIC datagram.</param>
    /// <param name="batch">Datagrams in one send.</param>
    /// <param name="time">How long.</param>
    /// <returns>A row of the table.</returns>
    public static string Run(IRelay relay, int payload, int batch, TimeSpan time)
    {
        using var bench = new RelayBench(relay);
        return bench.Measure(payload, batch, time);
    }

    public void Dispose()
    {
        _client.Dispose();
        _hostPoller.Dispose();
        _host.Dispose();
    }

    private string Measure(int payload, int batch, TimeSpan time)
    {
        byte[] header = _relay.Join(_client, _host, payload);
        int size = header.Length + payload;
        byte[] frames = new byte[size * batch];
        for (int i = 0; i < batch; i++)
            header.CopyTo(frames, i * size);
        var receiving = new Thread(Receive) { IsBackground = true };
        receiving.Start();
        Send(frames, size, batch, TimeSpan.FromSeconds(1));
        (long sent, long received, double cpu) before = (_sent, Volatile.Read(ref _received), _relay.CpuSeconds());
        double seconds = Send(frames, size, batch, time);
        long passed = Volatile.Read(ref _received) - before.received;
        double used = _relay.CpuSeconds() - before.cpu;
        long lost = Math.Max(0, _sent - before.sent - passed - Window);
        _stopping = true;
        _hostPoller.Wake();
        receiving.Join();
        return string.Create(CultureInfo.InvariantCulture,
            $"| {_relay.Name} | {payload:N0} bytes | {batch} | {passed / seconds:N0} | {passed * 8.0 * payload / seconds / 1e9:F2} | {lost} | {used / passed * 1e6:F2} µs |");
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
            else if (_client.Send(_relay.Server, default, frames, size, ect0: false, timeToLive: 0) == UdpSendStatus.Sent)
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
}
