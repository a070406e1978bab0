using System.Net.WebSockets;
using System.Security.Cryptography;
using Microsoft.Extensions.Logging;
using Punchline.Protocol;
using Punchline.Quic;
using Punchline.Relay;
using Punchline.Server.Directory;
using Punchline.Server.Relay;

namespace Punchline.Server.Control;

/// <summary>
/// One control channel at the server: speaks first, takes one REGISTER or any number of OPENs, keeps rates and silence in bounds, carries
/// DATA frames of the relay for a peer that cannot use UDP, and takes everything back when it ends.
/// </summary>
internal sealed class ControlSession : IRelayChannel, IDisposable
{
    /// <summary>Holds every message but a registration with many entries.</summary>
    private const int SmallBuffer = 1024;

    /// <summary>Holds every DATA frame.</summary>
    private const int FrameBuffer = 2048;

    private readonly ControlService _service;
    private readonly WebSocket _socket;
    private readonly Outbox _outbox;
    private readonly ChannelInbox.Source _frames;
    private readonly CancellationTokenSource _ending;
    private readonly Instant _since;
    private readonly Lock _gate = new();
    private TokenBucket _rate;
    private long _lastHeard;
    private Registration? _registration;
    private PairEntry? _pair;
    private bool _stands;
    private volatile bool _takesFrames;
    private bool _finished;

    public ControlSession(ControlService service, WebSocket socket, UdpAddress remote)
    {
        _service = service;
        _socket = socket;
        _outbox = new Outbox(service.Frames);
        _frames = service.Inbox.SourceOf(this);
        Remote = remote;
        Instant now = service.Clock.Now;
        _rate = new TokenBucket(ServerLimits.MessagesPerSecond, ServerLimits.MessagesBurst, now);
        _since = now;
        _lastHeard = now.Ticks;
        _ending = new CancellationTokenSource(Timeout.InfiniteTimeSpan, service.Time);
        service.Randomness.FillPublic(Nonce);
    }

    /// <summary>What this channel's proofs must cover.</summary>
    public byte[] Nonce { get; } = new byte[ControlCodec.NonceLength];

    /// <summary>The peer's address as seen.</summary>
    public UdpAddress Remote { get; }

    /// <inheritdoc/>
    public bool TakesFrames => _takesFrames;

    /// <summary>Runs the channel to its end.</summary>
    public async Task RunAsync()
    {
        TrySend(_service.HelloFor(Nonce));
        Task sending = SendLoopAsync();
        try
        {
            await ReceiveLoopAsync().ConfigureAwait(false);
        }
        catch (Exception e) when (e is WebSocketException or OperationCanceledException)
        {
            // A lost connection is an ordinary event; what it held is taken back below.
        }
        finally
        {
            if (_registration is not null)
            {
                _service.Directory.Unregister(_registration);
                ServerLog.HostLeft(_service.Log, _registration.Key.HostId, Remote);
            }
            if (_pair is not null)
                _service.Directory.Close(_pair, PairCloseReason.ClientLeft);
            Finish(null);
            await sending.ConfigureAwait(false);
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        lock (_gate)
        {
            _finished = true;
            _ending.Dispose();
        }
    }

    /// <summary>Queues a message. A peer that does not take its messages is cut off. After the last message there is none.</summary>
    public void TrySend(ControlMessage message)
    {
        lock (_gate)
        {
            // A PONG or a PAIR_CLOSED that comes late must not keep the last message from leaving.
            if (_finished || _outbox.TryAdd(message))
                return;
        }
        Abort();
    }

    /// <inheritdoc/>
    /// <remarks>A peer that takes them slowly loses some, and is not cut off for it.</remarks>
    public int TrySendFrames(ReadOnlySpan<byte> batch, int segmentSize)
    {
        int left = batch.Length - _outbox.Add(batch, segmentSize);
        return (left + segmentSize - 1) / segmentSize;
    }

    /// <summary>Sends a last message if there is one, then closes. Cut off if the peer does not take it in time.</summary>
    public void Finish(ControlMessage? last)
    {
        lock (_gate)
        {
            if (_finished)
                return;
            _finished = true;
            if (last is not null)
                _outbox.TryAdd(last);
            _outbox.Complete();
            _ending.CancelAfter(ServerLimits.Farewell);
        }
    }

    /// <summary>
    /// Ends the channel if it is silent for too long, or has not brought a registration or a pair: what it says otherwise, pings and
    /// refused requests, costs nothing and so holds no place.
    /// </summary>
    public void CheckLiveness(Instant now)
    {
        bool tooLong = Volatile.Read(ref _stands)
            ? now - new Instant(Volatile.Read(ref _lastHeard)) > ServerLimits.Silence
            : now - _since > ServerLimits.FirstMessage;
        if (tooLong)
            Abort();
    }

    private void Abort()
    {
        lock (_gate)
            _finished = true;
        _outbox.Complete();
        _socket.Abort();
    }

    private async Task SendLoopAsync()
    {
        try
        {
            while (await _outbox.WaitAsync().ConfigureAwait(false))
            {
                while (_outbox.TryTake(out Outbox.Outgoing next))
                {
                    try
                    {
                        if (next.Message is not null)
                            await SendAsync(ControlCodec.Write(next.Message)).ConfigureAwait(false);
                        for (int offset = 0; offset < next.Length; offset += next.SegmentSize)
                            await SendAsync(next.Frames.AsMemory(offset, Math.Min(next.SegmentSize, next.Length - offset))).ConfigureAwait(false);
                    }
                    finally
                    {
                        _outbox.Sent(next);
                    }
                }
            }
            if (_socket.State is WebSocketState.Open or WebSocketState.CloseReceived)
                await _socket.CloseOutputAsync(WebSocketCloseStatus.NormalClosure, null, _ending.Token).ConfigureAwait(false);
            // The receive loop sees the peer's answer to the close; a peer that does not answer is not waited for longer.
            _ending.CancelAfter(ServerLimits.Farewell);
        }
        catch (Exception e) when (e is WebSocketException or OperationCanceledException or ObjectDisposedException or InvalidOperationException or IOException)
        {
            _socket.Abort();
        }
        finally
        {
            _outbox.Abandon();
        }
    }

    private ValueTask SendAsync(ReadOnlyMemory<byte> message) => _socket.SendAsync(message, WebSocketMessageType.Binary, endOfMessage: true, _ending.Token);

    private async Task ReceiveLoopAsync()
    {
        byte[] buffer = new byte[SmallBuffer];
        while (true)
        {
            int length = 0;
            ValueWebSocketReceiveResult result;
            do
            {
                if (length == buffer.Length)
                {
                    if (length == ControlCodec.MaxMessageLength)
                    {
                        Refuse(ControlError.Malformed);
                        return;
                    }
                    Array.Resize(ref buffer, ControlCodec.MaxMessageLength);
                }
                result = await _socket.ReceiveAsync(buffer.AsMemory(length), _ending.Token).ConfigureAwait(false);
                if (result.MessageType == WebSocketMessageType.Close)
                    return;
                length += result.Count;
            }
            while (!result.EndOfMessage);
            if (!Handle(buffer.AsSpan(0, length), result.MessageType))
                return;
            int usual = TakesFrames ? FrameBuffer : SmallBuffer;
            if (buffer.Length != usual)
                buffer = new byte[usual];
        }
    }

    private bool Handle(ReadOnlySpan<byte> bytes, WebSocketMessageType type)
    {
        Instant now = _service.Clock.Now;
        Volatile.Write(ref _lastHeard, now.Ticks);
        // Before anything was proven there is no pair that frames could be of.
        if (TakesFrames && _stands && type == WebSocketMessageType.Binary && RelayFrame.TryReadDataHeader(bytes, out _))
            return HandleFrame(bytes);
        if (!_rate.TryTake(now))
            return Refuse(ControlError.TooFast);
        if (type != WebSocketMessageType.Binary)
            return Refuse(ControlError.Malformed);
        switch (ControlCodec.TryRead(bytes, out ControlMessage? message))
        {
            case ControlReadStatus.Skip:
                return true;
            case ControlReadStatus.UnknownCritical:
                return Refuse(ControlError.NewerNeeded);
            case ControlReadStatus.Malformed:
                return Refuse(ControlError.Malformed);
        }
        switch (message)
        {
            case Ping ping:
                TrySend(new Pong(ping.Echo));
                return true;
            case Pong:
                return true;
            case Register register when _registration is null && _pair is null:
                return Register(register);
            case Open open when _registration is null:
                return Open(open);
            case SetInvites invites when _registration is not null:
                _service.Directory.SetInvites(_registration, invites);
                return true;
            case SetDoorNonce nonce when _registration is not null:
                _service.Directory.SetDoorNonce(_registration, nonce.DoorNonce);
                return true;
            case Attest attest when _registration is not null:
                _service.Directory.Attest(_registration, attest.Handle);
                return true;
            case Attest attest when _pair is not null:
                _service.Directory.Attest(_pair, attest.Handle);
                return true;
            // Of a pair whose opening was refused, or that has ended meanwhile.
            case Attest when _stands:
                return true;
            default:
                return Refuse(ControlError.Unexpected);
        }
    }

    // Not a message: what it may cost is the relay's to say.
    private bool HandleFrame(ReadOnlySpan<byte> frame)
    {
        if (frame.Length > RelayFrame.MaxChannelFrame)
            return Refuse(ControlError.Malformed);
        _frames.TryAdd(frame);
        return true;
    }

    private bool Register(Register message)
    {
        ControlError error = _service.CheckRegister(message, Nonce);
        if (error != ControlError.None)
            return Refuse(error);
        _takesFrames = message.Features.HasFlag(ControlFeatures.ChannelFrames);
        var key = new HostKey(Convert.ToHexStringLower(SHA256.HashData(message.PublicKey)), message.Name);
        _registration = _service.Directory.Register(key, this, message);
        if (_registration is null)
            return Refuse(ControlError.ServerFull);
        Volatile.Write(ref _stands, true);
        _service.Metrics.Registrations.Inc();
        ServerLog.HostRegistered(_service.Log, key.HostId, Remote, message.ProgramVersion);
        TrySend(new Registered(_registration.Binding.Handle, _registration.Binding.Key, Remote, (ushort)Math.Min(_service.MaxPairsPerHost, ushort.MaxValue)));
        return true;
    }

    private bool Open(Open message)
    {
        ControlError error = _service.CheckOpen(message);
        if (error != ControlError.None)
            return Refuse(error);
        if (_pair is not null)
        {
            _service.Directory.Close(_pair, PairCloseReason.Replaced);
            _pair = null;
        }
        _takesFrames = message.Features.HasFlag(ControlFeatures.ChannelFrames);
        error = _service.Directory.Open(this, message, out _pair);
        if (error != ControlError.None)
            return Refuse(error, error == ControlError.UnknownInvite ? _service.Directory.EndProofOf(message) : []);
        Volatile.Write(ref _stands, true);
        _service.Metrics.Opened.Inc();
        return true;
    }

    // Says why; true if the channel goes on all the same.
    private bool Refuse(ControlError error, byte[]? endProof = null)
    {
        _service.Metrics.Refused.WithLabels(error.ToString()).Inc();
        ServerLog.Refused(_service.Log, Remote, error);
        var message = new ErrorMessage(error, ControlErrors.Text(error)) { EndProof = endProof ?? [] };
        if (ControlErrors.KeepsChannel(error))
        {
            TrySend(message);
            return true;
        }
        Finish(message);
        return false;
    }
}
