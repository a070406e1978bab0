using System.Net;
using System.Net.Sockets;
using Punchline.Lab.Driver;

namespace Punchline.Lab.Fixtures;

/// <summary>Gives back what it gets, over TCP and UDP, on the loopback of a host of the laboratory.</summary>
internal sealed class EchoServer : IAsyncDisposable
{
    public const int Port = 7777;

    private readonly CancellationTokenSource _stop = new();
    private readonly Socket _tcp;
    private readonly Socket _udp;
    private readonly Task _running;
    private int _connections;

    private EchoServer(Socket tcp, Socket udp)
    {
        (_tcp, _udp) = (tcp, udp);
        _running = Task.WhenAll(AcceptAsync(), DatagramsAsync());
    }

    /// <summary>TCP connections that ever came.</summary>
    public int Connections => Volatile.Read(ref _connections);

    public static EchoServer Start(NatLab lab, string where)
    {
        var address = new IPEndPoint(IPAddress.Loopback, Port);
        return new EchoServer(LabSocket.Listen(lab, where, address), LabSocket.Udp(lab, where, address));
    }

    /// <summary>Sends so many bytes over a new TCP connection while it reads; they must come back unaltered, and then the end.</summary>
    public static async Task CheckTcpAsync(NatLab lab, string where, IPEndPoint address, int bytes)
    {
        using var time = new CancellationTokenSource(ChildProcess.StepLimit);
        using var socket = await LabSocket.ConnectAsync(lab, where, address);
        var sent = new byte[bytes];
        new Random(bytes).NextBytes(sent);
        var sending = SendAsync();
        var received = new byte[bytes];
        for (var at = 0; at < bytes;)
        {
            var read = await socket.ReceiveAsync(received.AsMemory(at), time.Token);
            Assert.NotEqual(0, read);
            at += read;
        }

        await sending;
        Assert.True(sent.AsSpan().SequenceEqual(received), "the echo differs");
        Assert.Equal(0, await socket.ReceiveAsync(new byte[1], time.Token));

        async Task SendAsync()
        {
            for (var at = 0; at < bytes;)
                at += await socket.SendAsync(sent.AsMemory(at), time.Token);
            socket.Shutdown(SocketShutdown.Send);
        }
    }

    /// <summary>Sends datagrams one after another; each must come back. For links that lose nothing.</summary>
    public static async Task CheckUdpAsync(NatLab lab, string where, IPEndPoint address, int datagrams, int bytes)
    {
        using var time = new CancellationTokenSource(ChildProcess.StepLimit);
        using var socket = LabSocket.Udp(lab, where);
        var random = new Random(datagrams);
        var (sent, received) = (new byte[bytes], new byte[bytes + 1]);
        for (var i = 0; i < datagrams; i++)
        {
            random.NextBytes(sent);
            await socket.SendToAsync(sent, address, time.Token);
            var result = await socket.ReceiveFromAsync(received, SocketFlags.None, address, time.Token);
            Assert.Equal(address, result.RemoteEndPoint);
            Assert.True(sent.AsSpan().SequenceEqual(received.AsSpan(0, result.ReceivedBytes)), "the echo differs");
        }
    }

    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        await _running;
        _tcp.Dispose();
        _udp.Dispose();
        _stop.Dispose();
    }

    private async Task AcceptAsync()
    {
        List<Task> connections = [];
        try
        {
            while (true)
            {
                var socket = await _tcp.AcceptAsync(_stop.Token);
                Interlocked.Increment(ref _connections);
                connections.Add(EchoAsync(socket));
            }
        }
        catch (OperationCanceledException)
        {
            await Task.WhenAll(connections);
        }
    }

    private async Task EchoAsync(Socket socket)
    {
        using (socket)
        {
            socket.NoDelay = true;
            var buffer = new byte[65_536];
            try
            {
                while (await socket.ReceiveAsync(buffer, _stop.Token) is > 0 and var read)
                    for (var at = 0; at < read;)
                        at += await socket.SendAsync(buffer.AsMemory(at, read - at), _stop.Token);
                socket.Shutdown(SocketShutdown.Send);
            }
            catch (Exception e) when (e is OperationCanceledException or SocketException)
            {
                // The test is over, or the other side has gone: what it saw is its own to judge.
            }
        }
    }

    private async Task DatagramsAsync()
    {
        var buffer = new byte[65_536];
        try
        {
            while (true)
            {
                var result = await _udp.ReceiveFromAsync(buffer, SocketFlags.None, new IPEndPoint(IPAddress.Any, 0), _stop.Token);
                await _udp.SendToAsync(buffer.AsMemory(0, result.ReceivedBytes), SocketFlags.None, result.RemoteEndPoint, _stop.Token);
            }
        }
        catch (OperationCanceledException)
        {
            // The test is over.
        }
    }
}
