using System.Net.WebSockets;
using System.Security.Cryptography;
using Punchline.Protocol;
using Xunit;

namespace Punchline.Server.Tests;

/// <summary>A control channel without manners: sends what it is told.</summary>
internal sealed class RawChannel : IDisposable
{
    private readonly ClientWebSocket _socket = new();

    public byte[] ServerNonce { get; private set; } = [];

    public static async Task<RawChannel> ConnectAsync(PunchlineServer server)
    {
        var raw = new RawChannel();
        await raw._socket.ConnectAsync(TestServer.AddressOf(server).WebSocketUri, TestContext.Current.CancellationToken);
        raw.ServerNonce = Assert.IsType<ServerHello>(await raw.ReceiveAsync()).Nonce;
        return raw;
    }

    public Task SendAsync(ControlMessage message) => SendAsync(ControlCodec.Write(message));

    public Task SendAsync(byte[] bytes) => _socket.SendAsync(bytes, WebSocketMessageType.Binary, true, TestContext.Current.CancellationToken);

    /// <summary>The next message; null once the server closed.</summary>
    public async Task<ControlMessage?> ReceiveAsync()
    {
        byte[] buffer = new byte[ControlCodec.MaxMessageLength];
        WebSocketReceiveResult result = await _socket.ReceiveAsync(buffer, TestContext.Current.CancellationToken);
        if (result.MessageType == WebSocketMessageType.Close)
            return null;
        Assert.Equal(ControlReadStatus.Ok, ControlCodec.TryRead(buffer.AsSpan(0, result.Count), out ControlMessage? message));
        return message;
    }

    /// <summary>A registration signed for one name; the rest as a host makes it.</summary>
    public static Register Signed(TestHost host, string name, byte[] serverNonce, byte version = ControlCodec.Version)
    {
        var message = new Register(version, ControlFeatures.None, RandomNumberGenerator.GetBytes(32), name, host.Signer.PublicKeyInfo.ToArray(), 5, "x", []);
        return message with { Signature = host.Signer.Sign(ControlProof.HostSignatureInput(name, serverNonce, message)) };
    }

    public void Dispose() => _socket.Dispose();
}
