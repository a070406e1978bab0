using System.Buffers.Binary;
using System.Net;
using System.Net.Sockets;
using Punchline.Lab.Driver;

namespace Punchline.Lab.Fixtures;

/// <summary>Small datagrams at a steady pace to an echo server, and how long none of them came back: what a player feels.</summary>
internal sealed class Ping : IAsyncDisposable
{
    /// <summary>20 Hz, as fast games send.</summary>
    private static readonly TimeSpan Pace = TimeSpan.FromMilliseconds(50);

    private readonly CancellationTokenSource _stop = new();
    private readonly Socket _socket;
    private readonly IPEndPoint _target;
    private readonly Lock _gate = new();
    private readonly List<long> _answers = [];
    private readonly Task _running;

    private Ping(Socket socket, IPEndPoint target)
    {
        (_socket, _target) = (socket, target);
        _running = Task.WhenAll(SendAsync(), ReceiveAsync());
    }

    /// <summary>Begins.</summary>
    public static Ping Start(NatLab lab, string where, IPEndPoint target) => new(LabSocket.Udp(lab, where), target);

    /// <summary>Answers so far.</summary>
    public int Answers
    {
        get
        {
            lock (_gate)
                return _answers.Count;
        }
    }

    /// <summary>The longest time without an answer from this moment on until now.</summary>
    /// <param name="from">A timestamp of the system's time provider.</param>
    public TimeSpan LongestGap(long from)
    {
        var (last, longest) = (from, 0L);
        long[] times;
        lock (_gate)
            times = [.. _answers, TimeProvider.System.GetTimestamp()];
        foreach (var time in times.SkipWhile(time => time < from))
            (last, longest) = (time, Math.Max(longest, time - last));
        return TimeProvider.System.GetElapsedTime(0, longest);
    }

    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        await _running;
        _socket.Dispose();
        _stop.Dispose();
    }

    private async Task SendAsync()
    {
        var datagram = new byte[64];
        using var pace = new PeriodicTimer(Pace);
        try
        {
            for (long i = 0; await pace.WaitForNextTickAsync(_stop.Token); i++)
            {
                BinaryPrimitives.WriteInt64BigEndian(datagram, i);
                await _socket.SendToAsync(datagram, _target, _stop.Token);
            }
        }
        catch (OperationCanceledException)
        {
            // The test is over.
        }
    }

    private async Task ReceiveAsync()
    {
        var datagram = new byte[128];
        while (!_stop.IsCancellationRequested)
        {
            try
            {
                await _socket.ReceiveFromAsync(datagram, SocketFlags.None, _target, _stop.Token);
                lock (_gate)
                    _answers.Add(TimeProvider.System.GetTimestamp());
            }
            catch (SocketException e) when (e.SocketErrorCode == SocketError.ConnectionRefused)
            {
                // Nobody listens at the moment (ICMP): no answer, as a gap will show.
            }
            catch (OperationCanceledException)
            {
                // The test is over.
            }
        }
    }
}
