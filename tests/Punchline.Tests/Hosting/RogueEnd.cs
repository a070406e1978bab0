using System.Net;
using Microsoft.Extensions.Logging.Abstractions;
using Punchline.Endpoint;
using Punchline.Hosting;
using Punchline.Protocol;
using Punchline.Quic;
using Punchline.Testing;
using Punchline.Udp;

namespace Punchline.Tests.Hosting;

/// <summary>
/// An attacker's end of a QUIC connection, with an identity as it likes and the best stack that there is: ours. As a client it
/// knocks with a token that it found somewhere; as a host it takes everybody.
/// </summary>
internal sealed class RogueEnd : IAsyncDisposable
{
    private const ulong Attempts = 3;

    private readonly EndpointDriver _driver;
    private readonly IUdpSocket _socket;

    private RogueEnd(ISigner signer, bool accepts)
    {
        var clock = new MonotonicClock(TimeProvider.System);
        _socket = UdpPlatform.Portable.Bind(new UdpAddress(IPAddress.Loopback, 0));
        var quic = new QuicEndpoint(new QuicEndpointOptions
        {
            Signer = signer,
            Randomness = SystemRandomness.Instance,
            KeyExchanges = [new P256KeyExchange(SystemRandomness.Instance)],
            ResetKey = new byte[32],
            Network = new Loopback(),
            Admission = accepts ? new AcceptAll() : null,
        });
        Heard = new RogueHandler();
        _driver = new EndpointDriver(new EndpointLoopOptions
        {
            Poller = UdpPlatform.Portable.CreatePoller(),
            Sockets = [_socket],
            Core = new QuicEndpointCore(quic),
            Clock = () => clock.Now,
            WallClock = TimeProvider.System.GetUtcNow,
            Routes = new SystemRoutes(),
            Log = new EndpointLog(NullLogger.Instance),
            Accept = accepts ? connection => Heard.Take(connection) : null,
        });
    }

    /// <summary>What its connection brought.</summary>
    public RogueHandler Heard { get; }

    /// <summary>Where it is.</summary>
    public IPEndPoint Address => _socket.LocalAddress.ToIPEndPoint();

    /// <summary>A host that lets everybody in.</summary>
    public static RogueEnd Host(ISigner signer) => new(signer, accepts: true);

    /// <summary>A client that sends an Initial with this token straight to a host.</summary>
    public static async Task<RogueEnd> KnockAsync(ISigner signer, ReadOnlyMemory<byte> hostId, RecordedInitial initial, IPEndPoint host)
    {
        var end = new RogueEnd(signer, accepts: false);
        await end._driver.CallAsync(loop =>
        {
            SocketPath path = loop.DirectPath(end._socket, new UdpAddress(host.Address, (ushort)host.Port))!;
            var options = new QuicClientOptions { ExpectedPeerId = hostId, InitialDestination = new ConnectionId(initial.Destination), Token = initial.Token };
            loop.Connect(options, path, end.Heard.Take);
        });
        return end;
    }

    /// <summary>Packets that the host sent to it.</summary>
    public Task<ulong> AnswersAsync() => _driver.CallAsync(_ => Heard.Connection!.Statistics.PacketsReceived);

    /// <summary>Waits until it has sent its Initial again and again, as a client does that is not answered (RFC 9002 section 6.2).</summary>
    public async Task InsistAsync()
    {
        using var limit = new CancellationTokenSource(EventRecorder.Limit);
        while (await _driver.CallAsync(_ => Heard.Connection!.Statistics.PacketsSent) < Attempts)
            await Task.Delay(10, limit.Token);
    }

    public ValueTask DisposeAsync() => _driver.DisposeAsync();

    private sealed class Loopback : ILocalNetwork
    {
        public bool AllowsLoopback => true;

        public bool IsOnLink(UdpAddress address) => address.IsLoopback;

        public bool IsOwn(UdpAddress address) => false;
    }
}

/// <summary>What an attacker's connection is told. As soon as its own side believes that the handshake is done it behaves as a friend would, and asks for a service.</summary>
internal sealed class RogueHandler : IConnectionHandler
{
    /// <summary>What it sends to the service that it asks for.</summary>
    public static ReadOnlySpan<byte> Request => "let me in"u8;

    private readonly TaskCompletionSource<QuicError> _ended = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly TaskCompletionSource _answered = new(TaskCreationOptions.RunContinuationsAsynchronously);

    public EndpointConnection? Connection { get; private set; }

    /// <summary>The reason of the connection's end.</summary>
    public Task<QuicError> Ended => _ended.Task;

    /// <summary>Completes when the other side has sent application data.</summary>
    public Task Answered => _answered.Task;

    /// <summary>What came that only a friend may have: bytes of streams, datagrams, candidates. Driver thread only, or after the end.</summary>
    public List<string> Gained { get; } = [];

    public RogueHandler Take(EndpointConnection connection)
    {
        Connection = connection;
        return this;
    }

    public void OnEstablished()
    {
        if (!Connection!.IsClient)
        {
            Gained.Add("a client");
            return;
        }
        if (Connection.TryOpenStream(bidirectional: true, out StreamId control))
            Connection.Write(control, TunnelCodec.Write(new TunnelHello(0, "0")), out _);
        if (!Connection.TryOpenStream(bidirectional: true, out StreamId flow))
            return;
        Span<byte> header = stackalloc byte[StreamHeader.MaxLength];
        Connection.Write(flow, header[..new StreamHeader(1, 1).Write(header)], out _);
        Connection.Write(flow, Request, out _);
    }

    public void OnStreamOpened(StreamId stream) => Gained.Add($"stream {stream}");

    public void OnStreamReadable(StreamId stream, ulong code)
    {
        var buffer = new byte[4_096];
        if (Connection!.Read(stream, buffer, out int count) == StreamStatus.Ok && count > 0)
        {
            Gained.Add($"{count} bytes on stream {stream}");
            _answered.TrySetResult();
        }
    }

    public void OnDatagram() => Gained.Add("a datagram");

    public void OnCandidateReceived(Candidate candidate) => Gained.Add($"candidate {candidate.Address}");

    public void OnClosed(QuicError error) => _ended.TrySetResult(error);

    public void OnStreamWritable(StreamId stream)
    {
    }

    public void OnStreamStopped(StreamId stream, ulong code)
    {
    }

    public void OnStreamsAvailable()
    {
    }

    public void OnCandidateGone(Candidate candidate)
    {
    }

    public void OnObservedAddress(UdpAddress address, NetworkPath? path)
    {
    }

    public void OnPathChanged(NetworkPath path)
    {
    }

    public void OnPathValidated(NetworkPath path)
    {
    }

    public void OnPathLost(NetworkPath path)
    {
    }

    public void OnUnreachable()
    {
    }

    public void OnReachable()
    {
    }

    public void OnPunchingFailed()
    {
    }
}

/// <summary>Shows somebody else's key, and signs with its own.</summary>
internal sealed class BorrowedSigner(ISigner own, ReadOnlyMemory<byte> publicKeyInfo) : ISigner
{
    // The names in it mean nothing and its signature is not looked at: the key in it is all that counts.
    private readonly byte[] _certificate = Replace(own.Certificate.ToArray(), own.PublicKeyInfo.Span, publicKeyInfo.Span);

    public ReadOnlyMemory<byte> Certificate => _certificate;

    public ReadOnlyMemory<byte> PublicKeyInfo => publicKeyInfo;

    public byte[] Sign(ReadOnlySpan<byte> content) => own.Sign(content);

    private static byte[] Replace(byte[] certificate, ReadOnlySpan<byte> from, ReadOnlySpan<byte> to)
    {
        to.CopyTo(certificate.AsSpan(certificate.AsSpan().IndexOf(from)));
        return certificate;
    }
}
