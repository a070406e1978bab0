using System.Net;
using System.Net.Sockets;
using System.Net.WebSockets;
using Punchline.Protocol;
using Punchline.Relay;

namespace Punchline.Tests.Hosting;

/// <summary>
/// A server in its owner's hands: it stands in front of a true one, passes on every control message, relay frame and challenge, and keeps
/// a copy of all. Only where its UDP port is it says itself, and that it forwards over UDP alone. What else it does with what it has, a test orders.
/// <code>
///  host ──┐                     ┌── true server
///         ├── ROGUE ═ record ═══┤
///  client ┘      │              └── (or a host of the rogue's own)
/// </code>
/// </summary>
internal sealed class RogueServer : IAsyncDisposable
{
    private const int MaxDatagram = 65_535;
    private const int MaxRequest = 16_384;

    private readonly TcpListener _listener = new(IPAddress.Loopback, 0);
    private readonly Socket _udp = UdpSocket();
    private readonly IPEndPoint _true;
    private readonly CancellationTokenSource _stop = new();
    private readonly Lock _lock = new();
    private readonly List<Task> _running = [];
    private readonly List<Socket> _sockets = [];
    private readonly Dictionary<EndPoint, Socket> _upstreams = [];
    private readonly List<ControlMessage> _control = [];
    private readonly List<byte[]> _bytes = [];
    private readonly List<(bool ToHost, byte[] Quic)> _quic = [];
    private readonly TaskCompletionSource<RecordedInitial> _withheld = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private ulong _clientHandle;

    /// <param name="trueServer">Where everything is passed on to.</param>
    public RogueServer(IPEndPoint trueServer)
    {
        _true = trueServer;
        _listener.Start();
        Run(AcceptAsync());
        Run(FromPeersAsync());
    }

    /// <summary>As peers dial it.</summary>
    public string Address => $"{_listener.LocalEndpoint}";

    /// <summary>What it does to a registration before it passes it on; the server's nonce comes with it. By default nothing.</summary>
    public Func<Register, byte[], Register>? Rewrite { get; init; }

    /// <summary>From now on what clients send to their host is kept, and passed on to nobody.</summary>
    public bool IsWithholding { get; set; }

    /// <summary>From now on clients talk to this host instead of their own.</summary>
    public IPEndPoint? Swap { get; set; }

    /// <summary>The first Initial that was withheld.</summary>
    public Task<RecordedInitial> Withheld => _withheld.Task;

    /// <summary>The control messages so far, of both directions and all peers.</summary>
    public IReadOnlyList<ControlMessage> Control => Copy(_control);

    /// <summary>All that has passed, in pieces as it came.</summary>
    public IReadOnlyList<byte[]> Bytes => Copy(_bytes);

    /// <summary>The QUIC datagrams that it forwarded to the host.</summary>
    public IReadOnlyList<byte[]> ToHost => [.. Copy(_quic).Where(recorded => recorded.ToHost).Select(recorded => recorded.Quic)];

    /// <summary>The Initials with a token among them.</summary>
    public IReadOnlyList<RecordedInitial> Initials => [.. ToHost.Select(RecordedInitial.Read).OfType<RecordedInitial>()];

    /// <summary>Sends a datagram from its own port, which is the one that its peers know.</summary>
    public void Send(byte[] datagram, IPEndPoint to) => _udp.SendTo(datagram, to);

    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        _listener.Dispose();
        _udp.Dispose();
        foreach (Socket socket in Copy(_sockets))
            socket.Dispose();
        await Task.WhenAll(Copy(_running)).WaitAsync(EventRecorder.Limit);
        _stop.Dispose();
    }

    private static Socket UdpSocket()
    {
        var socket = new Socket(AddressFamily.InterNetwork, SocketType.Dgram, ProtocolType.Udp);
        socket.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        return socket;
    }

    private T[] Copy<T>(List<T> list)
    {
        lock (_lock)
            return [.. list];
    }

    private void Add<T>(List<T> list, T value)
    {
        lock (_lock)
            list.Add(value);
    }

    private void Run(Task task) => Add(_running, UntilClosedAsync(task));

    private static async Task UntilClosedAsync(Task task)
    {
        try
        {
            await task;
        }
        catch (Exception e) when (e is SocketException or IOException or ObjectDisposedException or WebSocketException or OperationCanceledException)
        {
            // A peer has gone, or the test has ended.
        }
    }

    // ---- the control channel

    private async Task AcceptAsync()
    {
        while (true)
            Run(SpliceAsync(await _listener.AcceptSocketAsync(_stop.Token)));
    }

    private async Task SpliceAsync(Socket peer)
    {
        Add(_sockets, peer);
        var server = new Socket(SocketType.Stream, ProtocolType.Tcp);
        Add(_sockets, server);
        await server.ConnectAsync(_true, _stop.Token);
        await using var toPeer = new NetworkStream(peer, ownsSocket: true);
        await using var toServer = new NetworkStream(server, ownsSocket: true);
        // The upgrade, byte for byte as both sides say it.
        await toServer.WriteAsync(await HeadAsync(toPeer), _stop.Token);
        await toPeer.WriteAsync(await HeadAsync(toServer), _stop.Token);
        using WebSocket peerSide = WebSocket.CreateFromStream(toPeer, new WebSocketCreationOptions { IsServer = true });
        using WebSocket serverSide = WebSocket.CreateFromStream(toServer, new WebSocketCreationOptions { IsServer = false });
        var nonce = new byte[ControlCodec.NonceLength];
        Task first = UntilClosedAsync(PassOnAsync(serverSide, peerSide, message => FromServer(message, nonce)));
        Task second = UntilClosedAsync(PassOnAsync(peerSide, serverSide, message => FromPeer(message, nonce)));
        await Task.WhenAny(first, second);
        // Either side's end is the other's.
        peerSide.Abort();
        serverSide.Abort();
        await Task.WhenAll(first, second);
    }

    private async Task<byte[]> HeadAsync(NetworkStream from)
    {
        var head = new List<byte>();
        var one = new byte[1];
        while (head.Count < MaxRequest && !(head.Count >= 4 && head[^4..] is [13, 10, 13, 10]))
        {
            await from.ReadExactlyAsync(one, _stop.Token);
            head.Add(one[0]);
        }
        return [.. head];
    }

    private async Task PassOnAsync(WebSocket from, WebSocket to, Func<ControlMessage, ControlMessage> take)
    {
        var buffer = new byte[ControlCodec.MaxMessageLength];
        while (true)
        {
            int length = 0;
            ValueWebSocketReceiveResult piece;
            do
            {
                piece = await from.ReceiveAsync(buffer.AsMemory(length), _stop.Token);
                if (piece.MessageType == WebSocketMessageType.Close)
                    return;
                length += piece.Count;
            }
            while (!piece.EndOfMessage);
            byte[] bytes = buffer[..length];
            Add(_bytes, bytes);
            if (ControlCodec.TryRead(bytes, out ControlMessage? message) == ControlReadStatus.Ok && take(message!) is var taken && taken != message)
                bytes = ControlCodec.Write(taken);
            await to.SendAsync(bytes, WebSocketMessageType.Binary, endOfMessage: true, _stop.Token);
        }
    }

    private ControlMessage FromServer(ControlMessage message, byte[] nonce)
    {
        Add(_control, message);
        if (message is Opened opened)
            Volatile.Write(ref _clientHandle, opened.Handle);
        if (message is not ServerHello hello)
            return message;
        hello.Nonce.CopyTo(nonce, 0);
        // All that is forwarded shall pass where it is looked at.
        return hello with { UdpPort = (ushort)((IPEndPoint)_udp.LocalEndPoint!).Port, Features = ControlFeatures.None };
    }

    private ControlMessage FromPeer(ControlMessage message, byte[] nonce)
    {
        Add(_control, message);
        return message is Register register && Rewrite is not null ? Rewrite(register, nonce) : message;
    }

    // ---- the relay

    private async Task FromPeersAsync()
    {
        var buffer = new byte[MaxDatagram];
        while (true)
        {
            SocketReceiveFromResult received;
            try
            {
                received = await _udp.ReceiveFromAsync(buffer, new IPEndPoint(IPAddress.Any, 0), _stop.Token);
            }
            catch (SocketException e) when (e.SocketErrorCode == SocketError.ConnectionReset)
            {
                // Windows tells that a peer's port has closed.
                continue;
            }
            byte[] datagram = buffer[..received.ReceivedBytes];
            Add(_bytes, datagram);
            Socket upstream = UpstreamOf(received.RemoteEndPoint);
            bool isData = RelayFrame.TryReadDataHeader(datagram, out ulong handle);
            if (!isData || handle != Volatile.Read(ref _clientHandle))
            {
                await upstream.SendToAsync(datagram, _true, _stop.Token);
                continue;
            }
            byte[] quic = datagram[RelayFrame.DataHeaderLength..];
            if (IsWithholding)
            {
                if (RecordedInitial.Read(quic) is { } initial)
                    _withheld.TrySetResult(initial);
            }
            else if (Swap is { } swap)
            {
                await upstream.SendToAsync(quic, swap, _stop.Token);
            }
            else
            {
                Add(_quic, (true, quic));
                await upstream.SendToAsync(datagram, _true, _stop.Token);
            }
        }
    }

    // Each peer gets a socket towards the server, by which the answers find the way back.
    private Socket UpstreamOf(EndPoint peer)
    {
        if (_upstreams.TryGetValue(peer, out Socket? socket))
            return socket;
        socket = UdpSocket();
        Add(_sockets, socket);
        _upstreams.Add(peer, socket);
        Run(ToPeerAsync(socket, peer));
        return socket;
    }

    private async Task ToPeerAsync(Socket upstream, EndPoint peer)
    {
        var buffer = new byte[MaxDatagram];
        while (true)
        {
            SocketReceiveFromResult received;
            try
            {
                received = await upstream.ReceiveFromAsync(buffer, new IPEndPoint(IPAddress.Any, 0), _stop.Token);
            }
            catch (SocketException e) when (e.SocketErrorCode == SocketError.ConnectionReset)
            {
                continue;
            }
            byte[] datagram = buffer[..received.ReceivedBytes];
            Add(_bytes, datagram);
            if (received.RemoteEndPoint.Equals(Swap))
            {
                byte[] wrapped = [.. new byte[RelayFrame.DataHeaderLength], .. datagram];
                RelayFrame.WriteDataHeader(wrapped, Volatile.Read(ref _clientHandle));
                await _udp.SendToAsync(wrapped, peer, _stop.Token);
            }
            else if (received.RemoteEndPoint.Equals(_true))
            {
                if (RelayFrame.TryReadDataHeader(datagram, out ulong handle) && handle == Volatile.Read(ref _clientHandle))
                    Add(_quic, (false, datagram[RelayFrame.DataHeaderLength..]));
                await _udp.SendToAsync(datagram, peer, _stop.Token);
            }
        }
    }
}

/// <summary>What an Initial packet with a token shows to whoever carries it (RFC 9000 section 17.2.2).</summary>
/// <param name="Destination">The connection id to which the token is bound, and from which the packet's keys follow.</param>
/// <param name="Token">The token.</param>
internal sealed record RecordedInitial(byte[] Destination, byte[] Token)
{
    /// <summary>Reads it; null for anything else.</summary>
    public static RecordedInitial? Read(byte[] datagram)
    {
        if (datagram.Length < 1_200 || (datagram[0] & 0xf0) != 0xc0)
            return null;
        int at = 5;
        byte[] destination = datagram[(at + 1)..(at + 1 + datagram[at])];
        at += 1 + destination.Length;
        at += 1 + datagram[at];
        int length = (datagram[at] & 0xc0) == 0x40 ? ((datagram[at++] & 0x3f) << 8) | datagram[at++] : datagram[at++];
        return length == 0 ? null : new RecordedInitial(destination, datagram[at..(at + length)]);
    }
}
