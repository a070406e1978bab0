using System.Net.WebSockets;
using System.Threading.Channels;
using Punchline.Protocol;

namespace Punchline.Server.Tests.Control;

/// <summary>The WebSocket of a peer as the server's session sees it: says what the test puts in, and takes messages or does not.</summary>
internal sealed class PeerSocket(bool reads = true) : WebSocket
{
    private readonly Channel<byte[]> _said = Channel.CreateUnbounded<byte[]>();
    private readonly CancellationTokenSource _aborted = new();

    /// <summary>What the server has sent, as far as the peer took it.</summary>
    public Channel<ControlMessage> Heard { get; } = Channel.CreateUnbounded<ControlMessage>();

    public bool WasAborted => _aborted.IsCancellationRequested;

    public override WebSocketCloseStatus? CloseStatus => null;

    public override string? CloseStatusDescription => null;

    public override WebSocketState State => WasAborted ? WebSocketState.Aborted : WebSocketState.Open;

    public override string? SubProtocol => null;

    public void Say(ControlMessage message) => Say(ControlCodec.Write(message));

    public void Say(byte[] message) => _said.Writer.TryWrite(message);

    /// <summary>The peer answers the close, or goes.</summary>
    public void Leave() => _said.Writer.TryComplete();

    public override void Abort() => _aborted.Cancel();

    public override void Dispose() => _aborted.Dispose();

    public override async Task<WebSocketReceiveResult> ReceiveAsync(ArraySegment<byte> buffer, CancellationToken cancellationToken)
    {
        using var either = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken, _aborted.Token);
        if (!await _said.Reader.WaitToReadAsync(either.Token))
            return new WebSocketReceiveResult(0, WebSocketMessageType.Close, endOfMessage: true);
        byte[] bytes = await _said.Reader.ReadAsync(either.Token);
        bytes.CopyTo(buffer.AsSpan());
        return new WebSocketReceiveResult(bytes.Length, WebSocketMessageType.Binary, endOfMessage: true);
    }

    public override async Task SendAsync(ArraySegment<byte> buffer, WebSocketMessageType messageType, bool endOfMessage, CancellationToken cancellationToken)
    {
        using var either = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken, _aborted.Token);
        if (!reads)
            await Task.Delay(Timeout.Infinite, either.Token);
        ControlCodec.TryRead(buffer, out ControlMessage? message);
        Heard.Writer.TryWrite(message!);
    }

    public override Task CloseOutputAsync(WebSocketCloseStatus closeStatus, string? statusDescription, CancellationToken cancellationToken)
    {
        Heard.Writer.TryComplete();
        return Task.CompletedTask;
    }

    public override Task CloseAsync(WebSocketCloseStatus closeStatus, string? statusDescription, CancellationToken cancellationToken) => throw new NotSupportedException();
}
