using System.Net.WebSockets;
using System.Security.Cryptography;
using Punchline.Invites;
using Punchline.Protocol;
using Punchline.Relay;
using Punchline.Testing;
using Xunit;

namespace Punchline.Server.Tests;

/// <summary>A peer that relays on its control channel: a host or a client, message by message and frame by frame.</summary>
internal sealed class RelayPeer : IDisposable
{
    private readonly ClientWebSocket _socket = new();
    private readonly byte[] _buffer = new byte[ControlCodec.MaxMessageLength];
    private readonly string _name;

    private RelayPeer(PunchlineServer server) => _name = TestServer.AddressOf(server).DialledName;

    public ServerHello Hello { get; private set; } = null!;

    public static async Task<RelayPeer> ConnectAsync(PunchlineServer server)
    {
        var peer = new RelayPeer(server);
        await peer._socket.ConnectAsync(TestServer.AddressOf(server).WebSocketUri, TestContext.Current.CancellationToken);
        peer.Hello = Assert.IsType<ServerHello>(await peer.ReceiveAsync());
        return peer;
    }

    public async Task<Registered> RegisterAsync(TestHost host, ControlFeatures features = ControlFeatures.ChannelFrames)
    {
        var message = new Register(ControlCodec.Version, features, RandomNumberGenerator.GetBytes(32), _name, host.Signer.PublicKeyInfo.ToArray(), 5, "x",
            [new RelayEntry(host.Invite, InviteKeys.Relay(host.Secret, _name))]);
        await SendAsync(message with { Signature = host.Signer.Sign(ControlProof.HostSignatureInput(_name, Hello.Nonce, message)) });
        return Assert.IsType<Registered>(await ReceiveAsync());
    }

    public async Task<Opened> OpenAsync(TestHost host, ControlFeatures features = ControlFeatures.ChannelFrames)
    {
        var message = new Open(ControlCodec.Version, features, RandomNumberGenerator.GetBytes(32), _name, host.Signer.HostId, host.Invite, "x");
        await SendAsync(message with { Mac = ControlProof.OpenMac(InviteKeys.Relay(host.Secret, _name), _name, Hello.Nonce, message) });
        return Assert.IsType<Opened>(await ReceiveAsync());
    }

    public Task SendAsync(ControlMessage message) => SendAsync(ControlCodec.Write(message));

    public Task SendDataAsync(ulong handle, ReadOnlySpan<byte> payload)
    {
        byte[] frame = new byte[RelayFrame.DataHeaderLength + payload.Length];
        RelayFrame.WriteDataHeader(frame, handle);
        payload.CopyTo(frame.AsSpan(RelayFrame.DataHeaderLength));
        return SendAsync(frame);
    }

    /// <summary>The next message, which is no frame; null once the server closed.</summary>
    public async Task<ControlMessage?> ReceiveAsync()
    {
        if (await NextAsync() is not { } bytes)
            return null;
        Assert.Equal(ControlReadStatus.Ok, ControlCodec.TryRead(bytes, out ControlMessage? message));
        return message;
    }

    /// <summary>The next message, which is a frame.</summary>
    public async Task<(ulong Handle, byte[] Payload)> ReceiveDataAsync()
    {
        byte[]? frame = await NextAsync();
        Assert.True(RelayFrame.TryReadDataHeader(frame, out ulong handle));
        return (handle, frame![RelayFrame.DataHeaderLength..]);
    }

    /// <summary>The next message, whichever it is.</summary>
    public async Task<ReceivedMessage> ReceiveAnyAsync()
    {
        byte[]? bytes = await NextAsync();
        if (RelayFrame.TryReadDataHeader(bytes, out ulong handle))
            return new ReceivedMessage(null, handle);
        Assert.Equal(ControlReadStatus.Ok, ControlCodec.TryRead(bytes, out ControlMessage? message));
        return new ReceivedMessage(message, 0);
    }

    public void Dispose() => _socket.Dispose();

    private async Task<byte[]?> NextAsync()
    {
        ValueWebSocketReceiveResult result = await Hang.OrAsync(
            _socket.ReceiveAsync(_buffer.AsMemory(), TestContext.Current.CancellationToken).AsTask(), "a message on the control channel");
        Assert.True(result.EndOfMessage);
        return result.MessageType == WebSocketMessageType.Close ? null : _buffer.AsSpan(0, result.Count).ToArray();
    }

    private Task SendAsync(byte[] bytes) => _socket.SendAsync(bytes, WebSocketMessageType.Binary, true, TestContext.Current.CancellationToken);
}

/// <summary>A control message, or else a frame with its handle.</summary>
internal readonly record struct ReceivedMessage(ControlMessage? Message, ulong Handle);
