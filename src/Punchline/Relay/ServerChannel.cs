using System.Buffers.Binary;
using System.Collections.Concurrent;
using System.Net.WebSockets;
using System.Threading.Channels;
using Punchline.Invites;
using Punchline.Protocol;
using Punchline.Quic;

namespace Punchline.Relay;

/// <summary>
/// A peer's control channel to one server (docs/wire/control.md): connects, registers a host or opens a pair, then brings events until it ends.
/// Coming back is the caller's loop (<see cref="Backoff"/>). Every failure is a <see cref="ServerChannelException"/>.
/// </summary>
internal sealed class ServerChannel : IAsyncDisposable
{
    /// <summary>For the TCP connection with upgrade and first message, and for each request.</summary>
    public static readonly TimeSpan AnswerTimeout = TimeSpan.FromSeconds(10);

    /// <summary>Keeps the mapping of a NAT alive for TCP too, and is the pace at which a dead server is noticed.</summary>
    public static readonly TimeSpan PingInterval = TimeSpan.FromSeconds(15);

    /// <summary>Three pings without any sign of life.</summary>
    public static readonly TimeSpan SilenceLimit = TimeSpan.FromSeconds(45);

    /// <summary>For the answer to the ping of <see cref="Check"/>: many times the round trip of any link, and short enough for whoever has just woken his machine.</summary>
    public static readonly TimeSpan CheckLimit = TimeSpan.FromSeconds(3);

    /// <summary>Seconds: no server keeps its peers away for longer, whatever spread it asks for.</summary>
    public const ushort MaxSpread = 300;

    /// <summary>Between two ATTEST: friends may come all at once, and the server takes five messages a second.</summary>
    private static readonly TimeSpan AttestPause = TimeSpan.FromMilliseconds(500);

    /// <summary>Events that nobody has read yet; beyond it the channel waits, and the server's own bound holds.</summary>
    private const int MaxEvents = 256;

    /// <summary>Beyond every number of the regular pings; that an answer comes is enough, whichever it answers.</summary>
    private const ulong CheckEcho = ulong.MaxValue;

    private readonly ClientWebSocket _socket;
    private readonly ServerChannelOptions _options;
    private readonly Channel<ControlMessage> _events = Channel.CreateBounded<ControlMessage>(new BoundedChannelOptions(MaxEvents) { SingleWriter = true });
    private readonly SemaphoreSlim _sending = new(1, 1);
    private readonly SemaphoreSlim _requesting = new(1, 1);
    private readonly SemaphoreSlim _attesting = new(1, 1);
    private readonly CancellationTokenSource _ending = new();
    private readonly byte[] _buffer = new byte[ControlCodec.MaxMessageLength];

    /// <summary>
    /// Requests that went out and were not answered yet, in order: the server answers each once, also one that its asker has given up, whose
    /// answer must not be taken for the next one's.
    /// </summary>
    private readonly ConcurrentQueue<TaskCompletionSource<ControlMessage>> _asked = new();
    private ServerChannelException? _failure;
    private ServerChannelException? _shutDown;
    private long _lastHeard;
    private int _checking;
    private Task _loops = Task.CompletedTask;

    private ServerChannel(ServerAddress server, ClientWebSocket socket, ServerChannelOptions options)
    {
        Server = server;
        _socket = socket;
        _options = options;
    }

    /// <summary>The server as dialled.</summary>
    public ServerAddress Server { get; }

    /// <summary>What the server said first.</summary>
    public ServerHello Hello { get; private set; } = null!;

    /// <summary>Where the server answers over UDP, as far as its claims may be followed (<see cref="ServerEndpoints"/>); never empty.</summary>
    public IReadOnlyList<UdpAddress> UdpEndpoints { get; private set; } = [];

    /// <summary>The second STUN port at the same addresses; 0 if there is none.</summary>
    public ushort AlternatePort { get; private set; }

    /// <summary>TCP reached the server over loopback: whatever it claims, this alone says that it is on this machine.</summary>
    public bool IsOverLoopback { get; private set; }

    /// <summary>The relay's frames on this channel; null if the server takes none here.</summary>
    public ChannelFrames? Frames { get; private set; }

    /// <summary>
    /// PAIR_OPENED, PAIR_CLOSED, ATTESTED and RELAY_LIMIT as they come. The reader's completion holds the <see cref="ServerChannelException"/> that
    /// ended the channel; without one it was disposed.
    /// </summary>
    public ChannelReader<ControlMessage> Events => _events.Reader;

    /// <summary>Connects and hears the server's first message.</summary>
    /// <exception cref="ServerChannelException">The server cannot be used.</exception>
    /// <exception cref="OperationCanceledException">The token was cancelled.</exception>
    public static async Task<ServerChannel> ConnectAsync(ServerAddress server, ServerChannelOptions options, CancellationToken cancellationToken)
    {
        var socket = new ClientWebSocket();
        var channel = new ServerChannel(server, socket, options);
        var dialler = new ServerDialler(server, options.OnResolved);
        try
        {
            // Our own pings see further than TCP, and the server counts them; those of WebSocket would come twice.
            socket.Options.KeepAliveInterval = TimeSpan.Zero;
            using var handler = new SocketsHttpHandler { ConnectCallback = dialler.ConnectAsync, UseProxy = false, UseCookies = false, AllowAutoRedirect = false };
            using var invoker = new HttpMessageInvoker(handler);
            using var timeout = new CancellationTokenSource(AnswerTimeout, options.Time);
            using var both = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken, timeout.Token);
            try
            {
                await socket.ConnectAsync(server.WebSocketUri, invoker, both.Token).ConfigureAwait(false);
                await channel.ReadHelloAsync(dialler.Reached, both.Token).ConfigureAwait(false);
            }
            catch (OperationCanceledException e) when (timeout.IsCancellationRequested && !cancellationToken.IsCancellationRequested)
            {
                throw new ServerChannelException(server, ServerFailure.NoAnswer, e);
            }
            catch (WebSocketException e) when (!cancellationToken.IsCancellationRequested)
            {
                throw new ServerChannelException(server, timeout.IsCancellationRequested ? ServerFailure.NoAnswer : dialler.Classify(e), e);
            }
            channel._lastHeard = options.Time.GetTimestamp();
            channel._loops = Task.WhenAll(channel.ReceiveLoopAsync(), channel.PingLoopAsync(), channel.FrameLoopAsync());
            return channel;
        }
        catch
        {
            await channel.DisposeAsync().ConfigureAwait(false);
            throw;
        }
    }

    /// <summary>Registers this host. Once on a channel.</summary>
    /// <exception cref="ServerChannelException">The server refused, did not answer, or went away.</exception>
    public async Task<Registered> RegisterAsync(HostRegistration registration, CancellationToken cancellationToken)
    {
        byte[] nonce = new byte[ControlCodec.NonceLength];
        _options.Randomness.FillPublic(nonce);
        string name = Server.DialledName;
        var message = new Register(ControlCodec.Version, ControlFeatures.ChannelFrames, nonce, name, registration.Signer.PublicKeyInfo.ToArray(), registration.DoorNonce,
            _options.ProgramVersion, EntriesOf(registration.Secrets));
        message = message with
        {
            Ended = registration.Ended,
            Signature = registration.Signer.Sign(ControlProof.HostSignatureInput(name, Hello.Nonce, message)),
            PasswordProof = registration.PasswordKey.IsEmpty ? [] : ControlProof.PasswordProof(registration.PasswordKey.Span, name, Hello.Nonce, message),
        };
        return await RequestAsync(message, cancellationToken).ConfigureAwait(false) is Registered registered
            ? registered
            : throw Fail(new ServerChannelException(Server, ServerFailure.NotAServer));
    }

    /// <summary>Asks for a pair with a host. May be repeated: the new pair replaces the old one.</summary>
    /// <param name="hostId">32 bytes.</param>
    /// <param name="invite">The invite's id, or the friend's own.</param>
    /// <param name="secret">16 bytes: the secret that goes with the id.</param>
    /// <exception cref="ServerChannelException">The server refused (see its code: the host may be offline), did not answer, or went away.</exception>
    public async Task<Opened> OpenAsync(ReadOnlyMemory<byte> hostId, InviteId invite, ReadOnlyMemory<byte> secret, CancellationToken cancellationToken)
    {
        byte[] nonce = new byte[ControlCodec.NonceLength];
        _options.Randomness.FillPublic(nonce);
        string name = Server.DialledName;
        ControlFeatures features = _options.HidesAddress ? ControlFeatures.ChannelFrames | ControlFeatures.HideAddress : ControlFeatures.ChannelFrames;
        var message = new Open(ControlCodec.Version, features, nonce, name, hostId.ToArray(), invite, _options.ProgramVersion);
        message = message with { Mac = ControlProof.OpenMac(InviteKeys.Relay(secret.Span, name), name, Hello.Nonce, message) };
        return await RequestAsync(message, cancellationToken).ConfigureAwait(false) is Opened opened
            ? opened
            : throw Fail(new ServerChannelException(Server, ServerFailure.NotAServer));
    }

    /// <summary>Agrees that the other end of a pair is told where the server sees us over UDP. From any thread; a failure is the channel's end, which is told.</summary>
    /// <param name="handle">Our handle for the pair.</param>
    public void Attest(ulong handle) => _ = AttestAsync(handle);

    /// <summary>Publishes the host's new door nonce.</summary>
    public Task SetDoorNonceAsync(ulong nonce, CancellationToken cancellationToken) => SendAsync(new SetDoorNonce(nonce), cancellationToken);

    /// <summary>Publishes the whole set of the host's invites and friends again: pairs under a missing one end at once.</summary>
    public Task SetInvitesAsync(IReadOnlyList<(InviteId Id, byte[] Secret)> secrets, IReadOnlyList<EndedEntry> ended, CancellationToken cancellationToken) =>
        SendAsync(new SetInvites(EntriesOf(secrets), ended), cancellationToken);

    /// <summary>
    /// Pings now: unless there is a sign of life within <see cref="CheckLimit"/>, the channel has failed. After a sleep, or on another
    /// network; while one check runs, another changes nothing, for the server takes few messages a second.
    /// </summary>
    public void Check()
    {
        if (Interlocked.Exchange(ref _checking, 1) == 0)
            _ = CheckAsync();
    }

    /// <summary>Closes the channel; the server forgets what stood on it at once.</summary>
    public async ValueTask DisposeAsync()
    {
        await _ending.CancelAsync().ConfigureAwait(false);
        _socket.Abort();
        await _loops.ConfigureAwait(false);
        _events.Writer.TryComplete();
        _socket.Dispose();
    }

    private List<RelayEntry> EntriesOf(IReadOnlyList<(InviteId Id, byte[] Secret)> secrets) =>
        [.. secrets.Select(s => new RelayEntry(s.Id, InviteKeys.Relay(s.Secret, Server.DialledName)))];

    private async Task ReadHelloAsync(IReadOnlyList<UdpAddress> reached, CancellationToken cancellationToken)
    {
        ControlMessage message = await ReceiveAsync(cancellationToken).ConfigureAwait(false) ?? throw new ServerChannelException(Server, ServerFailure.NotAServer);
        if (message is ErrorMessage error)
            throw new ServerChannelException(Server, error.Code);
        if (message is ShuttingDown down)
            throw ShutDown(down);
        if (message is not ServerHello hello)
            throw new ServerChannelException(Server, ServerFailure.NotAServer);
        if (hello.HighestVersion < ControlCodec.Version)
            throw new ServerChannelException(Server, ControlError.UpdateServer);
        if (hello.LowestVersion > ControlCodec.Version)
            throw new ServerChannelException(Server, ControlError.UpdatePeer);
        Hello = hello;
        IsOverLoopback = reached[0].IsLoopback;
        UdpEndpoints = ServerEndpoints.Choose(reached, hello.Addresses, hello.UdpPort, Server.Port);
        AlternatePort = ServerEndpoints.Alternate(hello.AlternatePort, Server.Port);
        if (UdpEndpoints.Count == 0)
            throw new ServerChannelException(Server, ServerFailure.NotAServer);
        if (hello.Features.HasFlag(ControlFeatures.ChannelFrames))
            Frames = new ChannelFrames();
    }

    private async Task<ControlMessage> RequestAsync(ControlMessage message, CancellationToken cancellationToken)
    {
        await _requesting.WaitAsync(cancellationToken).ConfigureAwait(false);
        try
        {
            var answer = new TaskCompletionSource<ControlMessage>(TaskCreationOptions.RunContinuationsAsynchronously);
            await SendAsync(message, cancellationToken, answer).ConfigureAwait(false);
            try
            {
                return await answer.Task.WaitAsync(AnswerTimeout, _options.Time, cancellationToken).ConfigureAwait(false);
            }
            catch (TimeoutException e)
            {
                throw Fail(new ServerChannelException(Server, ServerFailure.NoAnswer, e));
            }
            finally
            {
                // Given up: whatever comes for it later has no one to take it.
                answer.TrySetCanceled(CancellationToken.None);
            }
        }
        finally
        {
            _requesting.Release();
        }
    }

    private async Task SendAsync(ControlMessage message, CancellationToken cancellationToken, TaskCompletionSource<ControlMessage>? answer = null)
    {
        await _sending.WaitAsync(cancellationToken).ConfigureAwait(false);
        try
        {
            // From here on it is sent, or the channel is lost.
            if (answer is not null)
                _asked.Enqueue(answer);
            if (Volatile.Read(ref _failure) is { } failure)
                throw failure;
            await WriteAsync(ControlCodec.Write(message)).ConfigureAwait(false);
        }
        catch (Exception e) when (e is WebSocketException or OperationCanceledException or ObjectDisposedException or InvalidOperationException)
        {
            throw Volatile.Read(ref _failure) ?? Fail(new ServerChannelException(Server, ServerFailure.Lost, e));
        }
        finally
        {
            _sending.Release();
        }
    }

    // Cancelling a WebSocket's send ends the whole connection: only the channel's own end may do that.
    private ValueTask WriteAsync(ReadOnlyMemory<byte> message) =>
        _socket.SendAsync(message, WebSocketMessageType.Binary, endOfMessage: true, _ending.Token);

    // Takes its turn with the control messages for each frame, so that neither waits for more than one of the other.
    private async Task FrameLoopAsync()
    {
        if (Frames is not { } frames)
            return;
        byte[] buffer = new byte[RelayFrame.MaxChannelFrame];
        try
        {
            while (true)
            {
                await frames.WaitToSendAsync(_ending.Token).ConfigureAwait(false);
                while (frames.TakeFrame(buffer) is > 0 and int length)
                {
                    await _sending.WaitAsync(_ending.Token).ConfigureAwait(false);
                    try
                    {
                        await WriteAsync(buffer.AsMemory(0, length)).ConfigureAwait(false);
                    }
                    finally
                    {
                        _sending.Release();
                    }
                }
            }
        }
        catch (Exception e) when (e is WebSocketException or OperationCanceledException or ObjectDisposedException or InvalidOperationException)
        {
            Fail(new ServerChannelException(Server, ServerFailure.Lost, e));
        }
    }

    // The next message that is known; null at the end of the connection. Relay frames on the way are handed over, and never waited for.
    private async Task<ControlMessage?> ReceiveAsync(CancellationToken cancellationToken)
    {
        while (true)
        {
            int length = 0;
            ValueWebSocketReceiveResult result;
            do
            {
                if (length == _buffer.Length)
                    throw new ServerChannelException(Server, ServerFailure.NotAServer);
                result = await _socket.ReceiveAsync(_buffer.AsMemory(length), cancellationToken).ConfigureAwait(false);
                if (result.MessageType == WebSocketMessageType.Close)
                    return null;
                length += result.Count;
            }
            while (!result.EndOfMessage);
            Volatile.Write(ref _lastHeard, _options.Time.GetTimestamp());
            if (Frames is { } frames && length > 0 && _buffer[0] == (byte)RelayFrameType.Data)
            {
                frames.OnFrame(_buffer.AsSpan(0, length));
                continue;
            }
            switch (ControlCodec.TryRead(_buffer.AsSpan(0, length), out ControlMessage? message))
            {
                case ControlReadStatus.Ok:
                    return message;
                case ControlReadStatus.Skip:
                    break;
                case ControlReadStatus.UnknownCritical:
                    throw new ServerChannelException(Server, ControlError.UpdatePeer);
                default:
                    throw new ServerChannelException(Server, ServerFailure.NotAServer);
            }
        }
    }

    private async Task ReceiveLoopAsync()
    {
        ServerChannelException end;
        try
        {
            end = await DispatchAsync().ConfigureAwait(false);
        }
        catch (ServerChannelException e)
        {
            end = e;
        }
        catch (Exception e) when (e is WebSocketException or OperationCanceledException or ObjectDisposedException or InvalidOperationException)
        {
            end = new ServerChannelException(Server, ServerFailure.Lost, e);
        }
        Fail(end);
    }

    private async Task<ServerChannelException> DispatchAsync()
    {
        while (await ReceiveAsync(_ending.Token).ConfigureAwait(false) is { } message)
        {
            switch (message)
            {
                case Registered or Opened:
                    if (_asked.TryDequeue(out TaskCompletionSource<ControlMessage>? asker))
                        asker.TrySetResult(message);
                    break;
                case ErrorMessage error:
                    var refusal = new ServerChannelException(Server, error.Code) { EndProof = error.EndProof };
                    if (!ControlErrors.KeepsChannel(error.Code))
                        return refusal;
                    if (_asked.TryDequeue(out TaskCompletionSource<ControlMessage>? refused))
                        refused.TrySetException(refusal);
                    break;
                case Displaced:
                    return new ServerChannelException(Server, ServerFailure.Displaced);
                case ShuttingDown down:
                    // It goes on for a little while with what stands; whoever comes back does so at a time of their own.
                    _shutDown = ShutDown(down);
                    break;
                case Ping ping:
                    await SendAsync(new Pong(ping.Echo), _ending.Token).ConfigureAwait(false);
                    break;
                case PairOpened or PairClosed or Attested or RelayLimit:
                    await _events.Writer.WriteAsync(message, _ending.Token).ConfigureAwait(false);
                    break;
            }
        }
        return new ServerChannelException(Server, ServerFailure.Lost);
    }

    private ServerChannelException ShutDown(ShuttingDown message)
    {
        Span<byte> random = stackalloc byte[4];
        _options.Randomness.FillPublic(random);
        double share = BinaryPrimitives.ReadUInt32LittleEndian(random) / (double)uint.MaxValue;
        return new ServerChannelException(Server, ServerFailure.ShuttingDown) { ComeBackAt = _options.Time.GetUtcNow() + (TimeSpan.FromSeconds(Math.Min(message.Spread, MaxSpread)) * share) };
    }

    private async Task PingLoopAsync()
    {
        using var timer = new PeriodicTimer(PingInterval, _options.Time);
        try
        {
            ulong echo = 0;
            while (await timer.WaitForNextTickAsync(_ending.Token).ConfigureAwait(false))
            {
                if (_options.Time.GetElapsedTime(Volatile.Read(ref _lastHeard)) > SilenceLimit)
                {
                    Fail(new ServerChannelException(Server, ServerFailure.NoAnswer));
                    return;
                }
                await SendAsync(new Ping(++echo), _ending.Token).ConfigureAwait(false);
            }
        }
        catch (Exception e) when (e is OperationCanceledException or ServerChannelException)
        {
            // The channel has ended; whoever ended it has said why.
        }
    }

    private async Task CheckAsync()
    {
        long asked = _options.Time.GetTimestamp();
        // Not awaited first: with a dead connection even sending may wait. Its failure is the channel's end, which has been told.
        Task ping = SendAsync(new Ping(CheckEcho), _ending.Token);
        try
        {
            await Task.Delay(CheckLimit, _options.Time, _ending.Token).ConfigureAwait(false);
        }
        catch (OperationCanceledException)
        {
            // The channel has ended.
            return;
        }
        if (Volatile.Read(ref _lastHeard) < asked)
            Fail(new ServerChannelException(Server, ServerFailure.NoAnswer));
        await ping.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        Volatile.Write(ref _checking, 0);
    }

    private async Task AttestAsync(ulong handle)
    {
        try
        {
            await _attesting.WaitAsync(_ending.Token).ConfigureAwait(false);
            try
            {
                await SendAsync(new Attest(handle), _ending.Token).ConfigureAwait(false);
                await Task.Delay(AttestPause, _options.Time, _ending.Token).ConfigureAwait(false);
            }
            finally
            {
                _attesting.Release();
            }
        }
        catch (Exception e) when (e is ServerChannelException or OperationCanceledException)
        {
            // The channel has ended, and says so.
        }
    }

    // The first failure is the one that counts: it ends requests, events and the connection.
    private ServerChannelException Fail(ServerChannelException failure)
    {
        if (failure.Failure == ServerFailure.Lost && Volatile.Read(ref _shutDown) is { } announced)
            failure = announced;
        ServerChannelException first = Interlocked.CompareExchange(ref _failure, failure, null) ?? failure;
        bool disposed = _ending.IsCancellationRequested && first == failure;
        _events.Writer.TryComplete(disposed ? null : first);
        while (_asked.TryDequeue(out TaskCompletionSource<ControlMessage>? asker))
            asker.TrySetException(first);
        _ending.Cancel();
        _socket.Abort();
        return first;
    }
}
