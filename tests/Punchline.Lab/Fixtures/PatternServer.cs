using System.Net;
using System.Net.Sockets;
using System.Threading.Channels;
using Punchline.Lab.Driver;

namespace Punchline.Lab.Fixtures;

/// <summary>
/// Sends everybody who connects the same endless row of bytes, at a pace that leaves the machine air: a transfer that is
/// always in the middle.
/// </summary>
internal sealed class PatternServer : IAsyncDisposable
{
    public const int Port = 7778;

    /// <summary>Every <see cref="Pace"/> so many bytes: some 3 MB a second.</summary>
    private const int Piece = 32_768;

    private static readonly TimeSpan Pace = TimeSpan.FromMilliseconds(10);

    private readonly CancellationTokenSource _stop = new();
    private readonly Channel<long> _ended = Channel.CreateUnbounded<long>();
    private readonly Socket _listener;
    private readonly Task _running;
    private int _disposed;

    private PatternServer(Socket listener)
    {
        _listener = listener;
        _running = AcceptAsync();
    }

    public static PatternServer Start(NatLab lab, string where) =>
        new(LabSocket.Listen(lab, where, new IPEndPoint(IPAddress.Loopback, Port)));

    /// <summary>The byte at a place of the row.</summary>
    public static byte At(long place) => (byte)(place ^ (place >> 8) ^ (place >> 16));

    /// <summary>Waits until the other side has ended a connection that had taken at least so many bytes: a host also looks in.</summary>
    public async Task EndedAsync(long bytes)
    {
        using var time = new CancellationTokenSource(ChildProcess.StepLimit);
        try
        {
            while (await _ended.Reader.ReadAsync(time.Token) < bytes)
            {
            }
        }
        catch (OperationCanceledException)
        {
            throw new LabException("no connection to the pattern server was ended");
        }
    }

    public async ValueTask DisposeAsync()
    {
        if (Interlocked.Exchange(ref _disposed, 1) != 0)
            return;
        await _stop.CancelAsync();
        await _running;
        _listener.Dispose();
        _stop.Dispose();
    }

    private async Task AcceptAsync()
    {
        List<Task> connections = [];
        try
        {
            while (true)
                connections.Add(SendAsync(await _listener.AcceptAsync(_stop.Token)));
        }
        catch (OperationCanceledException)
        {
            await Task.WhenAll(connections);
        }
    }

    private async Task SendAsync(Socket socket)
    {
        using (socket)
        {
            long place = 0;
            var piece = new byte[Piece];
            try
            {
                while (true)
                {
                    for (var i = 0; i < piece.Length; i++)
                        piece[i] = At(place + i);
                    for (var at = 0; at < piece.Length;)
                        at += await socket.SendAsync(piece.AsMemory(at), _stop.Token);
                    place += piece.Length;
                    await Task.Delay(Pace, _stop.Token);
                }
            }
            catch (SocketException)
            {
                _ended.Writer.TryWrite(place);
            }
            catch (OperationCanceledException)
            {
                // The test is over.
            }
        }
    }
}

/// <summary>One who reads a pattern server's row, comparing each byte, until it ends.</summary>
internal sealed class PatternReader : IAsyncDisposable
{
    private readonly CancellationTokenSource _stop = new();
    private readonly Socket _socket;
    private readonly Lock _gate = new();
    private readonly Task<SocketError> _end;
    private TaskCompletionSource _reached = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private long _goal = long.MaxValue;
    private long _bytes;

    private PatternReader(Socket socket)
    {
        _socket = socket;
        _end = ReadAsync();
    }

    /// <summary>Read so far, all of them right.</summary>
    public long Bytes => Volatile.Read(ref _bytes);

    /// <summary>Whether it goes on.</summary>
    public bool IsReading => !_end.IsCompleted;

    public static async Task<PatternReader> StartAsync(NatLab lab, string where, IPEndPoint address) =>
        new(await LabSocket.ConnectAsync(lab, where, address));

    /// <summary>Waits until so many more bytes have come; one may wait at a time.</summary>
    public async Task MoreAsync(long bytes)
    {
        Task reached;
        lock (_gate)
        {
            _goal = Bytes + bytes;
            _reached = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
            reached = _reached.Task;
        }

        try
        {
            if (await Task.WhenAny(reached, _end).WaitAsync(ChildProcess.StepLimit) == _end)
                throw new LabException($"the transfer ended at byte {Bytes}: {await _end}");
        }
        catch (TimeoutException)
        {
            throw new LabException($"the transfer stands still at byte {Bytes}");
        }
    }

    /// <summary>Waits for the end: <see cref="SocketError.Success"/> is a clean end of the stream.</summary>
    public async Task<SocketError> EndAsync()
    {
        try
        {
            return await _end.WaitAsync(ChildProcess.StepLimit);
        }
        catch (TimeoutException)
        {
            throw new LabException($"the transfer was not ended; it is at byte {Bytes}");
        }
    }

    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        await ((Task)_end).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        _socket.Dispose();
        _stop.Dispose();
    }

    private async Task<SocketError> ReadAsync()
    {
        var buffer = new byte[65_536];
        try
        {
            while (await _socket.ReceiveAsync(buffer, _stop.Token) is > 0 and var read)
            {
                for (var i = 0; i < read; i++)
                    if (buffer[i] != PatternServer.At(_bytes + i))
                        throw new LabException($"byte {_bytes + i} of the transfer is wrong");
                lock (_gate)
                {
                    _bytes += read;
                    if (_bytes >= _goal)
                        _reached.TrySetResult();
                }
            }

            return SocketError.Success;
        }
        catch (SocketException e)
        {
            return e.SocketErrorCode;
        }
    }
}
