using System.Net;
using System.Net.Sockets;
using System.Net.WebSockets;
using System.Security.Cryptography;
using System.Text;
using Punchline.Invites;
using Punchline.Protocol;
using Punchline.Quic;
using Punchline.Testing;
using Xunit;

namespace Punchline.Tests.Relay;

/// <summary>A server that says what the test wants, over a real WebSocket on loopback. One channel.</summary>
internal sealed class FakeServer : IDisposable
{
    private readonly TcpListener _listener = new(IPAddress.Loopback, 0);
    private WebSocket? _socket;

    public FakeServer()
    {
        _listener.Start();
        Assert.True(ServerAddress.TryCreate(ServerScheme.Punch, "127.0.0.1", Port, default, out ServerAddress? address));
        Address = address!;
    }

    public int Port => ((IPEndPoint)_listener.LocalEndpoint).Port;

    public ServerAddress Address { get; }

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    /// <summary>Takes the channel and says the first message.</summary>
    public async Task AcceptAsync(ControlMessage first)
    {
        var stream = new NetworkStream(await _listener.AcceptSocketAsync(Token), ownsSocket: true);
        using var reader = new StreamReader(stream, Encoding.ASCII, leaveOpen: true);
        string key = "";
        while (await reader.ReadLineAsync(Token) is { Length: > 0 } line)
        {
            if (line.StartsWith("Sec-WebSocket-Key:", StringComparison.OrdinalIgnoreCase))
                key = line[(line.IndexOf(':', StringComparison.Ordinal) + 1)..].Trim();
        }
        // RFC 6455 section 4.2.2.
#pragma warning disable CA5350 // The protocol's own; it protects nothing.
        string accept = Convert.ToBase64String(SHA1.HashData(Encoding.ASCII.GetBytes(key + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11")));
#pragma warning restore CA5350
        await stream.WriteAsync(Encoding.ASCII.GetBytes(
            $"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: {accept}\r\n\r\n"), Token);
        _socket = WebSocket.CreateFromStream(stream, new WebSocketCreationOptions { IsServer = true });
        await SendAsync(first);
    }

    public Task SendAsync(ControlMessage message) => _socket!.SendAsync(ControlCodec.Write(message), WebSocketMessageType.Binary, true, Token);

    public async Task<ControlMessage> ReceiveAsync()
    {
        byte[] buffer = new byte[ControlCodec.MaxMessageLength];
        WebSocketReceiveResult result = await Hang.OrAsync(_socket!.ReceiveAsync(buffer, Token), "a message of the peer's");
        Assert.Equal(ControlReadStatus.Ok, ControlCodec.TryRead(buffer.AsSpan(0, result.Count), out ControlMessage? message));
        return message!;
    }

    public ServerHello Hello(params UdpAddress[] addresses) => new(1, 1, ControlFeatures.None, new byte[32], (ushort)Port, 0, addresses, "fake");

    public void Dispose()
    {
        _socket?.Dispose();
        _listener.Dispose();
    }
}
