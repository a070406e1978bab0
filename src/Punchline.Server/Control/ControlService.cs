using System.Collections.Concurrent;
using System.Net;
using System.Net.WebSockets;
using System.Security.Cryptography;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;
using Punchline.Protocol;
using Punchline.Quic;
using Punchline.Server.Directory;
using Punchline.Server.Relay;
using Punchline.Udp;

namespace Punchline.Server.Control;

/// <summary>What all control channels share: the directory, the checks that need the server's settings, and the bounds on channels.</summary>
internal sealed class ControlService
{
    private readonly PunchlineServerOptions _options;
    private readonly byte[] _passwordKey;
    private readonly HashSet<string> _names;
    private readonly HashSet<string>? _allowedHosts;
    private readonly AddressLimiter _addresses;
    private readonly Func<bool> _isHealthy;
    private readonly ConcurrentDictionary<ControlSession, Task> _sessions = new();
    private int _channels;
    private volatile bool _stopping;

    public ControlService(PunchlineServerOptions options, MonotonicClock clock, HostDirectory directory, ChannelInbox inbox, ServerMetrics metrics, Func<bool> isHealthy, ILogger log)
    {
        _options = options;
        Clock = clock;
        Directory = directory;
        Inbox = inbox;
        Metrics = metrics;
        _isHealthy = isHealthy;
        Log = log;
        _passwordKey = string.IsNullOrEmpty(options.HostPassword) ? [] : ControlProof.PasswordKey(options.HostPassword);
        _names = new HashSet<string>(options.Names.Select(n => n.ToLowerInvariant()), StringComparer.Ordinal);
        _allowedHosts = options.AllowedHosts?.Select(h => h.ToLowerInvariant()).ToHashSet(StringComparer.Ordinal);
        _addresses = new AddressLimiter(options.MaxChannelsPerAddress, options.NewChannelsPerSecond);
    }

    public MonotonicClock Clock { get; }

    public HostDirectory Directory { get; }

    public ChannelInbox Inbox { get; }

    /// <summary>In which DATA frames wait for channels.</summary>
    public FrameMemory Frames { get; } = new();

    public ServerMetrics Metrics { get; }

    public ILogger Log { get; }

    public TimeProvider Time => _options.Time;

    public IRandomness Randomness => _options.Randomness;

    public int MaxPairsPerHost => _options.MaxPairsPerHost;

    /// <summary>Open channels at this moment.</summary>
    public int ChannelCount => Volatile.Read(ref _channels);

    /// <summary>The UDP ports that SERVER_HELLO names; set before the first channel comes.</summary>
    public (int Main, int Alternate) UdpPorts { get; set; }

    /// <summary>The public port: the control channel at /v1, /healthz, and nothing else.</summary>
    public async Task HandleAsync(HttpContext context)
    {
        string? path = context.Request.Path.Value;
        if (path == "/healthz" && HttpMethods.IsGet(context.Request.Method))
        {
            await HealthAsync(context).ConfigureAwait(false);
            return;
        }
        if (path != "/v1" || !context.WebSockets.IsWebSocketRequest)
        {
            context.Response.StatusCode = StatusCodes.Status404NotFound;
            return;
        }
        if (_stopping)
        {
            context.Response.StatusCode = StatusCodes.Status503ServiceUnavailable;
            return;
        }
        IPAddress address = ClientAddress(context);
        bool entered = _addresses.TryEnter(Clock.Now, address);
        bool room = Interlocked.Increment(ref _channels) <= _options.MaxChannels;
        try
        {
            if (entered && room)
                await RunAsync(context, new UdpAddress(address, context.Connection.RemotePort)).ConfigureAwait(false);
            else
                await TurnAwayAsync(context, entered ? ControlError.ServerFull : ControlError.TooManyFromAddress).ConfigureAwait(false);
        }
        finally
        {
            Interlocked.Decrement(ref _channels);
            if (entered)
                _addresses.Leave(address);
        }
    }

    /// <summary>Says whether the server is of use to whoever comes now: without its UDP loop, and when it stops, it is not.</summary>
    public async Task HealthAsync(HttpContext context)
    {
        string problem = _stopping ? "stopping" : _isHealthy() ? "" : "the UDP loop has failed";
        context.Response.StatusCode = problem.Length == 0 ? StatusCodes.Status200OK : StatusCodes.Status503ServiceUnavailable;
        await context.Response.WriteAsync(problem.Length == 0 ? "ok\n" : problem + "\n", context.RequestAborted).ConfigureAwait(false);
    }

    /// <summary>What the server says first on a channel.</summary>
    public ServerHello HelloFor(byte[] nonce)
    {
        var addresses = _options.AdvertisedAddresses.Take(PunchlineServerOptions.MaxAdvertisedAddresses).Select(a => new UdpAddress(a, UdpPorts.Main));
        return new ServerHello(ControlCodec.Version, ControlCodec.Version, ControlFeatures.ChannelFrames, nonce, (ushort)UdpPorts.Main, (ushort)UdpPorts.Alternate,
            [.. addresses], _options.ProgramVersion)
        {
            Relay = _options.Relay switch { null => RelayLevel.Off, { HasBounds: true } => RelayLevel.Limited, _ => RelayLevel.On },
            PairRate = (uint)Math.Min(_options.Relay?.Pair.BytesPerSecond ?? 0, uint.MaxValue),
        };
    }

    /// <summary>Everything that a registration must prove; the signature comes last, as it costs the most.</summary>
    public ControlError CheckRegister(Register message, byte[] nonce)
    {
        if (CheckPeer(message.Version, message.Name) is var error && error != ControlError.None)
            return error;
        if (_allowedHosts is not null && Convert.ToHexStringLower(SHA256.HashData(message.PublicKey)) is var id && !_allowedHosts.Contains(id))
        {
            ServerLog.HostNotListed(Log, id);
            return ControlError.HostNotAllowed;
        }
        if (_passwordKey.Length > 0)
        {
            if (message.PasswordProof.Length == 0)
                return ControlError.PasswordNeeded;
            if (!CryptographicOperations.FixedTimeEquals(ControlProof.PasswordProof(_passwordKey, message.Name, nonce, message), message.PasswordProof))
                return ControlError.WrongPassword;
        }
        byte[] input = ControlProof.HostSignatureInput(message.Name, nonce, message);
        return ControlProof.VerifyHostSignature(message.PublicKey, input, message.Signature) ? ControlError.None : ControlError.BadSignature;
    }

    /// <summary>What an OPEN must be before the directory looks at it.</summary>
    public ControlError CheckOpen(Open message) => CheckPeer(message.Version, message.Name);

    /// <summary>Called every few seconds: ends silent channels, forgets addresses.</summary>
    public void Sweep()
    {
        Instant now = Clock.Now;
        foreach (ControlSession session in _sessions.Keys)
            session.CheckLiveness(now);
        _addresses.Sweep(now);
    }

    /// <summary>
    /// Tells every peer that the server goes down, and goes on serving those that are there until they have gone elsewhere or the time in
    /// which they should has passed. Then their channels are closed.
    /// </summary>
    /// <param name="atOnce">Ends the waiting.</param>
    public async Task StopAsync(CancellationToken atOnce)
    {
        _stopping = true;
        Task all = Task.WhenAll(_sessions.Values);
        ControlSession[] sessions = [.. _sessions.Keys];
        var spread = new ShuttingDown((ushort)Math.Min(1 + (sessions.Length / ServerLimits.ComebacksPerSecond), ushort.MaxValue));
        foreach (ControlSession session in sessions)
            session.TrySend(spread);
        await all.WaitAsync(TimeSpan.FromSeconds(spread.Spread) + ServerLimits.Farewell, Time, atOnce).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        foreach (ControlSession session in sessions)
            session.Finish(null);
        await all.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
    }

    private ControlError CheckPeer(byte version, string name)
    {
        if (version > ControlCodec.Version)
            return ControlError.UpdateServer;
        if (version < ControlCodec.Version)
            return ControlError.UpdatePeer;
        return _names.Count > 0 && !_names.Contains(name) ? ControlError.WrongName : ControlError.None;
    }

    private async Task RunAsync(HttpContext context, UdpAddress remote)
    {
        using WebSocket socket = await context.WebSockets.AcceptWebSocketAsync().ConfigureAwait(false);
        using var session = new ControlSession(this, socket, remote);
        var ended = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        _sessions[session] = ended.Task;
        try
        {
            // A stop that came meanwhile did not see this session.
            if (_stopping)
                session.Finish(new ShuttingDown(0));
            await session.RunAsync().ConfigureAwait(false);
        }
        finally
        {
            _sessions.TryRemove(session, out _);
            ended.SetResult();
        }
    }

    // With a reason that the peer can show, as a status code of HTTP would tell people nothing.
    private async Task TurnAwayAsync(HttpContext context, ControlError error)
    {
        Metrics.Refused.WithLabels(error.ToString()).Inc();
        using var farewell = new CancellationTokenSource(ServerLimits.Farewell, Time);
        try
        {
            using WebSocket socket = await context.WebSockets.AcceptWebSocketAsync().ConfigureAwait(false);
            byte[] message = ControlCodec.Write(new ErrorMessage(error, ControlErrors.Text(error)));
            await socket.SendAsync(message, WebSocketMessageType.Binary, endOfMessage: true, farewell.Token).ConfigureAwait(false);
            await socket.CloseOutputAsync(WebSocketCloseStatus.NormalClosure, null, farewell.Token).ConfigureAwait(false);
        }
        catch (Exception e) when (e is WebSocketException or OperationCanceledException or IOException)
        {
            // It left before it heard the reason.
        }
    }

    private IPAddress ClientAddress(HttpContext context)
    {
        IPAddress address = context.Connection.RemoteIpAddress ?? IPAddress.None;
        if (address.IsIPv4MappedToIPv6)
            address = address.MapToIPv4();
        if (!_options.TrustedProxies.Contains(address))
            return address;
        // The proxy appends whom it saw; what stands before that, the peer may have written itself.
        string? last = context.Request.Headers["X-Forwarded-For"].LastOrDefault()?.Split(',')[^1].Trim();
        return IPAddress.TryParse(last, out IPAddress? forwarded) ? forwarded : address;
    }
}
