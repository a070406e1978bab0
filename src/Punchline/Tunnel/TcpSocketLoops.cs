using System.IO.Pipelines;
using System.Net.Sockets;

namespace Punchline.Tunnel;

/// <summary>
/// The two loops at a TCP socket's edge, each with its pipe: socket → <see cref="FromSocket"/>, <see cref="ToSocket"/> → socket.
/// They run on the thread pool and know nothing of QUIC; the driver holds the other ends of the pipes, which never run code
/// of its on their threads nor theirs on its.
/// </summary>
internal sealed class TcpSocketLoops
{
    private static readonly PipeOptions Options = new(
        readerScheduler: PipeScheduler.ThreadPool,
        // The one continuation on the writer's side that can be resumed by the driver is the receive loop's: not on its thread.
        writerScheduler: PipeScheduler.ThreadPool,
        pauseWriterThreshold: TunnelLimits.PipePause,
        resumeWriterThreshold: TunnelLimits.PipeResume,
        minimumSegmentSize: TunnelLimits.ChunkSize,
        useSynchronizationContext: false);

    private readonly Socket _socket;
    private readonly Action _signal;
    private readonly Pipe _received = new(Options);
    private readonly Pipe _toSend = new(Options);
    private volatile bool _failed;
    private volatile bool _aborted;
    private volatile bool _sendEnded;

    /// <summary>Starts the loops.</summary>
    /// <param name="socket">A connected socket, owned by the loops from now on.</param>
    /// <param name="signal">Called from any thread when bytes have come or a loop has ended.</param>
    public TcpSocketLoops(Socket socket, Action signal)
    {
        _socket = socket;
        _signal = signal;
        _ = ReceiveAsync();
        _ = SendAsync();
    }

    /// <summary>What the socket received; completed after its FIN.</summary>
    public PipeReader FromSocket => _received.Reader;

    /// <summary>What the socket shall send; completing it sends a FIN after the last byte.</summary>
    public PipeWriter ToSocket => _toSend.Writer;

    /// <summary>The connection broke: what the pipes still hold is worth nothing.</summary>
    public bool Failed => _failed;

    /// <summary>Everything was sent, the FIN too.</summary>
    public bool SendEnded => _sendEnded;

    /// <summary>Ends with a reset (RST); the driver is done with both pipes.</summary>
    public void Abort()
    {
        _aborted = true;
        _received.Reader.Complete();
        _toSend.Writer.Complete();
        Reset(_socket);
    }

    /// <summary>Closes a socket with RST instead of FIN.</summary>
    public static void Reset(Socket socket)
    {
        try
        {
            // Closing with this option aborts the connection (RFC 9293 section 3.10.5).
            socket.LingerState = new LingerOption(true, 0);
        }
        catch (SocketException)
        {
            // The system has torn the connection down already, or it never stood: there is nothing to reset.
        }
        socket.Dispose();
    }

    /// <summary>Ends after both directions came to their end.</summary>
    public void Close()
    {
        _received.Reader.Complete();
        _toSend.Writer.Complete();
        _socket.Dispose();
    }

    private async Task ReceiveAsync()
    {
        PipeWriter writer = _received.Writer;
        try
        {
            // Here and not in the constructor: on a connection that was reset already some systems refuse it.
            _socket.NoDelay = true;
            bool more = false;
            while (true)
            {
                // An idle connection holds no buffer: wait for data first, unless the last read left some behind.
                if (!more)
                    await _socket.ReceiveAsync(Memory<byte>.Empty, SocketFlags.None).ConfigureAwait(false);
                Memory<byte> memory = writer.GetMemory(TunnelLimits.ChunkSize);
                int count = await _socket.ReceiveAsync(memory, SocketFlags.None).ConfigureAwait(false);
                if (count == 0)
                    break;
                more = count == memory.Length;
                writer.Advance(count);
                ValueTask<FlushResult> flush = writer.FlushAsync();
                _signal();
                if ((await flush.ConfigureAwait(false)).IsCompleted)
                    break;
            }
        }
        catch (Exception e) when (e is SocketException or ObjectDisposedException)
        {
            _failed = true;
        }
        await writer.CompleteAsync().ConfigureAwait(false);
        _signal();
    }

    private async Task SendAsync()
    {
        PipeReader reader = _toSend.Reader;
        try
        {
            bool completed = false;
            while (!completed)
            {
                ReadResult result = await reader.ReadAsync().ConfigureAwait(false);
                foreach (ReadOnlyMemory<byte> segment in result.Buffer)
                {
                    for (ReadOnlyMemory<byte> rest = segment; !rest.IsEmpty;)
                        rest = rest[await _socket.SendAsync(rest, SocketFlags.None).ConfigureAwait(false)..];
                }
                reader.AdvanceTo(result.Buffer.End);
                completed = result.IsCompleted;
            }
            if (!_aborted)
                _socket.Shutdown(SocketShutdown.Send);
            _sendEnded = true;
        }
        catch (Exception e) when (e is SocketException or ObjectDisposedException)
        {
            _failed = true;
        }
        await reader.CompleteAsync().ConfigureAwait(false);
        _signal();
    }
}
