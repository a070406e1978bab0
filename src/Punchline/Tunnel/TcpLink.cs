using System.Buffers;
using System.IO.Pipelines;
using System.Net.Sockets;
using System.Runtime.CompilerServices;
using Punchline.Endpoint;
using Punchline.Protocol;
using Punchline.Quic;

namespace Punchline.Tunnel;

/// <summary>
/// One TCP connection and its QUIC stream. On the driver thread it moves bytes between the socket's pipes and the stream as
/// far as either takes them; whoever is full stops the other: a full stream leaves the pipe full, which stops the socket's
/// reading; a full pipe stops the stream's reading, which closes the peer's flow control window.
/// </summary>
/// <remarks>
/// Each direction ends by itself (FIN ↔ end of stream). A reset of any kind ends both at once:
/// <code>
///   socket FIN ──▶ Finish          stream end    ──▶ shutdown(send)
///   socket RST ──▶ STOP_SENDING, RESET_STREAM     RESET_STREAM, STOP_SENDING ──▶ RST
/// </code>
/// </remarks>
internal sealed class TcpLink : WorkItem
{
    private readonly IDriver _driver;
    private readonly ILinkOwner _owner;
    private readonly byte[] _prefix = new byte[StreamHeader.MaxLength];
    private readonly Action _signal;
    private IStreamTransport? _transport;
    private TcpSocketLoops? _loops;
    private Socket? _socket;
    private ConfiguredValueTaskAwaitable<FlushResult>.ConfiguredValueTaskAwaiter _flush;
    private int _prefixLength;
    private int _prefixOffset;
    private ulong _resetCode;
    private bool _flushing;
    private bool _outEnded;
    private bool _inEnded;

    public TcpLink(IDriver driver, ILinkOwner owner, ulong flowId)
    {
        _driver = driver;
        _owner = owner;
        FlowId = flowId;
        _signal = () => _driver.Post(this);
    }

    /// <summary>The number of this flow in its connection.</summary>
    public ulong FlowId { get; }

    /// <summary>The service, once known.</summary>
    public ulong ServiceId { get; set; }

    /// <summary>The stream, once there is one.</summary>
    public StreamId Stream { get; private set; }

    /// <summary>Whether it has a stream.</summary>
    public bool HasStream => _transport is not null;

    /// <summary>Over: nothing is to be called any more.</summary>
    public bool IsEnded { get; private set; }

    /// <summary>Gives it the socket, a connected one. Until it is started the bytes wait in the kernel.</summary>
    public void AttachSocket(Socket socket) => _socket = socket;

    /// <summary>Gives it the stream.</summary>
    /// <param name="transport">The connection.</param>
    /// <param name="stream">An open bidirectional stream.</param>
    /// <param name="header">Bytes that go first, at most <see cref="StreamHeader.MaxLength"/>.</param>
    public void AttachStream(IStreamTransport transport, StreamId stream, ReadOnlySpan<byte> header)
    {
        _transport = transport;
        Stream = stream;
        header.CopyTo(_prefix);
        _prefixLength = header.Length;
    }

    /// <summary>Begins, if it has both socket and stream.</summary>
    public void Start()
    {
        if (_socket is null || _transport is null || IsEnded)
            return;
        _loops = new TcpSocketLoops(_socket, _signal);
        Execute(_driver.Now);
    }

    /// <summary>Moves what can be moved, both ways.</summary>
    public override void Execute(Instant now)
    {
        if (IsEnded || _loops is null)
            return;
        if (_loops.Failed)
        {
            Abort(TunnelErrorCode.LocalReset);
            return;
        }
        if (_owner.Carrying)
        {
            PumpOut();
            if (!IsEnded)
                PumpIn();
        }
        if (!IsEnded && _outEnded && _inEnded && _loops.SendEnded)
            End(TunnelErrorCode.None);
    }

    /// <summary>The driver is gone, and with it the connection.</summary>
    public override void Abandon()
    {
        // Its owner was told of the connection's end on the driver thread and has ended this link: nothing is left to do.
    }

    /// <summary>The peer asks to stop sending: its socket is gone.</summary>
    public void OnStopped(ulong code) => Abort(FromPeer(code));

    /// <summary>The stream can be read; a reset has a code.</summary>
    public void OnReadable(ulong code)
    {
        _resetCode = code;
        Execute(_driver.Now);
    }

    /// <summary>Ends both directions with a reset, of the stream and of the socket.</summary>
    public void Abort(TunnelErrorCode code)
    {
        if (IsEnded)
            return;
        if (_transport is not null)
        {
            // STOP_SENDING first: its event carries the code also where a reset only shows in reading.
            if (!_inEnded)
                _transport.StopSending(Stream, (ulong)code);
            if (!_outEnded)
                _transport.Reset(Stream, (ulong)code);
        }
        if (_loops is not null)
            _loops.Abort();
        else if (_socket is not null)
            TcpSocketLoops.Reset(_socket);
        IsEnded = true;
        _owner.OnLinkEnded(this, code);
    }

    private void End(TunnelErrorCode code)
    {
        IsEnded = true;
        _loops!.Close();
        _owner.OnLinkEnded(this, code);
    }

    private bool SendPrefix()
    {
        if (_prefixOffset == _prefixLength)
            return true;
        if (_transport!.Write(Stream, _prefix.AsSpan(_prefixOffset, _prefixLength - _prefixOffset), out int accepted) != StreamStatus.Ok)
            return false;
        _prefixOffset += accepted;
        return _prefixOffset == _prefixLength;
    }

    private void PumpOut()
    {
        // The header goes at once, even if the program says nothing: services that speak first wait for the stream.
        if (_outEnded || !SendPrefix())
            return;
        while (_loops!.FromSocket.TryRead(out ReadResult result))
        {
            long taken = 0;
            foreach (ReadOnlyMemory<byte> segment in result.Buffer)
            {
                StreamStatus status = _transport!.Write(Stream, segment.Span, out int accepted);
                if (status != StreamStatus.Ok)
                {
                    // Stopped by the peer, whose code comes with its event; or the connection is gone.
                    _loops.FromSocket.AdvanceTo(result.Buffer.Start);
                    if (status != StreamStatus.Stopped)
                        Abort(TunnelErrorCode.PeerLost);
                    return;
                }
                taken += accepted;
                if (accepted < segment.Length)
                    break;
            }
            bool all = taken == result.Buffer.Length;
            // Examined as far as consumed: the rest is handed out again when the stream is writable.
            _loops.FromSocket.AdvanceTo(result.Buffer.GetPosition(taken));
            if (!all)
                return;
            if (!result.IsCompleted)
                continue;
            // The end of the pipe is a FIN only if the socket has not failed meanwhile: a reset must not look like an end.
            if (_loops.Failed)
            {
                Abort(TunnelErrorCode.LocalReset);
                return;
            }
            _outEnded = true;
            _transport!.Finish(Stream);
            return;
        }
    }

    private void PumpIn()
    {
        if (_flushing)
        {
            if (!_flush.IsCompleted)
                return;
            _flushing = false;
            if (!TakeFlush())
                return;
        }
        PipeWriter writer = _loops!.ToSocket;
        while (!_inEnded)
        {
            StreamStatus status = _transport!.Read(Stream, writer.GetMemory(TunnelLimits.ChunkSize).Span, out int count);
            writer.Advance(count);
            if (status is not (StreamStatus.Ok or StreamStatus.Finished))
            {
                Abort(status == StreamStatus.Reset ? FromPeer(_resetCode) : TunnelErrorCode.PeerLost);
                return;
            }
            if (status == StreamStatus.Finished)
            {
                _inEnded = true;
                // Also flushes; the sender's loop sends the rest, then the FIN.
                writer.Complete();
                return;
            }
            if (count == 0)
                return;
#pragma warning disable CA2012 // The awaiter is used as it must be: its result is taken once, after it has completed.
            _flush = writer.FlushAsync().ConfigureAwait(false).GetAwaiter();
#pragma warning restore CA2012
            if (!_flush.IsCompleted)
            {
                // Full: read no more from the stream until the socket has taken enough.
                _flushing = true;
                _flush.UnsafeOnCompleted(_signal);
                return;
            }
            if (!TakeFlush())
                return;
        }
    }

    // A reset may be read before its event has brought the code: then it is taken for the usual one.
    private static TunnelErrorCode FromPeer(ulong code) => code == 0 ? TunnelErrorCode.LocalReset : (TunnelErrorCode)code;

    private bool TakeFlush()
    {
        if (!_flush.GetResult().IsCompleted)
            return true;
        // The sender's loop is gone before its pipe's end: the socket broke.
        Abort(TunnelErrorCode.LocalReset);
        return false;
    }
}

/// <summary>Who holds a link.</summary>
internal interface ILinkOwner
{
    /// <summary>Whether bytes may be moved now: a direct path stands.</summary>
    bool Carrying { get; }

    /// <summary>The link is over; the last call.</summary>
    void OnLinkEnded(TcpLink link, TunnelErrorCode code);
}
