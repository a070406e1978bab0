using System.Buffers.Binary;
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

    /// <summary>Seconds: no server keeps its peers away for longer, whatever spread it asks for.</summary>
    public const ushort MaxSpread = 300;

    /// <summary>Between two ATTEST: friends may come all at once, and the server takes five messages a second.</summary>
    private static readonly TimeSpan AttestPause = TimeSpan.FromMilliseconds(500);

    /// <summary>Events that nobody has read yet; beyond it the channel waits, and the server's own bound holds.</summary>
    private const int MaxEvents = 256;

    private readonly ServerChannelOptions _options;
    private readonly ChannelSocket _socket;
    private readonly ChannelRequests _requests;
    private readonly ChannelPulse _pulse;
    private readonly Channel<ControlMessage> _events = Channel.CreateBounded<ControlMessage>(new BoundedChannelOptions(MaxEvents) { SingleWriter = true });
    private readonly SemaphoreSlim _requesting = new(1, 1);
    private readonly SemaphoreSlim _attesting = new(1, 1);
    private readonly CancellationTokenSource _ending = new();
    private ServerChannelException? _failure;
    private ServerChannelException? _shutDown;
    private Task _loops = Task.CompletedTask;

    private ServerChannel(ServerAddress server, ServerChannelOptions options)
    {
        Server = server;
        _options = options;
        _socket = new ChannelSocket(server, options.Time, _ending.Token);
        _requests = new ChannelRequests(options.Time);
        _pulse = new ChannelPulse(_socket, options.Time);
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
    public ChannelFrames? Frames => _socket.Frames;

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
        var channel = new ServerChannel(server, options);
        var dialler = new ServerDialler(server, options.OnResolved);
        try
        {
            using var timeout = new CancellationTokenSource(AnswerTimeout, options.Time);
            using var both = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken, timeout.Token);
            try
            {
                await channel._socket.ConnectAsync(dialler, both.Token).ConfigureAwait(false);
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
            channel._loops = Task.WhenAll(
                channel.RunAsync(channel.DispatchAsync), channel.RunAsync(channel._pulse.RunAsync), channel.RunAsync(channel._socket.SendFramesAsync));
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
    /// Pings now: unless there is a sign of life within <see cref="ChannelPulse.CheckLimit"/>, the channel has failed. After a sleep, or on
    /// another network; while one check runs, another changes nothing.
    /// </summary>
    public void Check() => _ = RunAsync(_pulse.CheckAsync);

    /// <summary>Closes the channel; the server forgets what stood on it at once.</summary>
    public async ValueTask DisposeAsync()
    {
        // First of all, so that nothing that ends by it counts as a failure.
        _events.Writer.TryComplete();
        await _ending.CancelAsync().ConfigureAwait(false);
        _socket.Abort();
        await _loops.ConfigureAwait(false);
        _socket.Dispose();
    }

    private List<RelayEntry> EntriesOf(IReadOnlyList<(InviteId Id, byte[] Secret)> secrets) =>
        [.. secrets.Select(s => new RelayEntry(s.Id, InviteKeys.Relay(s.Secret, Server.DialledName)))];

    private async Task ReadHelloAsync(IReadOnlyList<UdpAddress> reached, CancellationToken cancellationToken)
    {
        ControlMessage message = await _socket.ReceiveAsync(cancellationToken).ConfigureAwait(false) ?? throw new ServerChannelException(Server, ServerFailure.NotAServer);
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
            _socket.Frames = new ChannelFrames();
    }

    private async Task<ControlMessage> RequestAsync(ControlMessage message, CancellationToken cancellationToken)
    {
        await _requesting.WaitAsync(cancellationToken).ConfigureAwait(false);
        try
        {
            return await _requests.AskAsync(turn => SendAsync(message, cancellationToken, turn), AnswerTimeout, cancellationToken).ConfigureAwait(false);
        }
        catch (TimeoutException e)
        {
            throw Fail(new ServerChannelException(Server, ServerFailure.NoAnswer, e));
        }
        finally
        {
            _requesting.Release();
        }
    }

    private async Task SendAsync(ControlMessage message, CancellationToken cancellationToken, Action? turn = null)
    {
        try
        {
            await _socket.SendAsync(message, cancellationToken, turn).ConfigureAwait(false);
        }
        catch (Exception e) when (ChannelSocket.IsEnd(e) && !(e is OperationCanceledException && cancellationToken.IsCancellationRequested))
        {
            throw Fail(new ServerChannelException(Server, ServerFailure.Lost, e));
        }
    }

    /// <summary>Runs something whose failure is the channel's.</summary>
    private async Task RunAsync(Func<CancellationToken, Task> loop)
    {
        try
        {
            await loop(_ending.Token).ConfigureAwait(false);
        }
        catch (ServerChannelException e)
        {
            Fail(e);
        }
        catch (Exception e) when (ChannelSocket.IsEnd(e))
        {
            Fail(new ServerChannelException(Server, ServerFailure.Lost, e));
        }
    }

    private async Task DispatchAsync(CancellationToken ending)
    {
        while (await _socket.ReceiveAsync(ending).ConfigureAwait(false) is { } message)
        {
            switch (message)
            {
                case Registered or Opened:
                    _requests.Answer(message);
                    break;
                case ErrorMessage error:
                    var refusal = new ServerChannelException(Server, error.Code) { EndProof = error.EndProof };
                    if (!ControlErrors.KeepsChannel(error.Code))
                        throw refusal;
                    _requests.Refuse(refusal);
                    break;
                case Displaced:
                    throw new ServerChannelException(Server, ServerFailure.Displaced);
                case ShuttingDown down:
                    // It goes on for a little while with what stands; whoever comes back does so at a time of their own.
                    _shutDown = ShutDown(down);
                    break;
                case Ping ping:
                    await SendAsync(new Pong(ping.Echo), ending).ConfigureAwait(false);
                    break;
                case PairOpened or PairClosed or Attested or RelayLimit:
                    await _events.Writer.WriteAsync(message, ending).ConfigureAwait(false);
                    break;
            }
        }
        throw new ServerChannelException(Server, ServerFailure.Lost);
    }

    private ServerChannelException ShutDown(ShuttingDown message)
    {
        Span<byte> random = stackalloc byte[4];
        _options.Randomness.FillPublic(random);
        double share = BinaryPrimitives.ReadUInt32LittleEndian(random) / (double)uint.MaxValue;
        return new ServerChannelException(Server, ServerFailure.ShuttingDown) { ComeBackAt = _options.Time.GetUtcNow() + (TimeSpan.FromSeconds(Math.Min(message.Spread, MaxSpread)) * share) };
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
        _events.Writer.TryComplete(first);
        _requests.FailAll(first);
        _ending.Cancel();
        _socket.Abort();
        return first;
    }
}
