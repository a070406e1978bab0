using System.Net.WebSockets;
using Punchline.Invites;
using Punchline.Protocol;

namespace Punchline.Relay;

/// <summary>
/// The WebSocket under a control channel: whole messages both ways, with the relay's frames among them. When it ends, whatever waits on it throws an
/// exception of which <see cref="IsEnd"/> is true.
/// </summary>
/// <param name="server">The server as dialled.</param>
/// <param name="time">For <see cref="LastHeard"/>.</param>
/// <param name="ending">The end of the channel. Cancelling a WebSocket's send ends the whole connection: nobody else may do that.</param>
internal sealed class ChannelSocket(ServerAddress server, TimeProvider time, CancellationToken ending) : IDisposable
{
    private readonly ClientWebSocket _socket = new();
    private readonly SemaphoreSlim _sending = new(1, 1);
    private readonly byte[] _buffer = new byte[ControlCodec.MaxMessageLength];
    private long _lastHeard;

    /// <summary>The server as dialled.</summary>
    public ServerAddress Server => server;

    /// <summary>The relay's frames on this channel; null if the server takes none here.</summary>
    public ChannelFrames? Frames { get; set; }

    /// <summary>When the last message came, by the provider's timestamps.</summary>
    public long LastHeard => Volatile.Read(ref _lastHeard);

    /// <summary>True if it says that the connection is lost, or has been closed here.</summary>
    public static bool IsEnd(Exception exception) =>
        exception is WebSocketException or OperationCanceledException or ObjectDisposedException or InvalidOperationException;

    /// <summary>Connects.</summary>
    public async Task ConnectAsync(ServerDialler dialler, CancellationToken cancellationToken)
    {
        // The channel's own pings see further than TCP, and the server counts them; those of WebSocket would come twice.
        _socket.Options.KeepAliveInterval = TimeSpan.Zero;
        using var handler = new SocketsHttpHandler { ConnectCallback = dialler.ConnectAsync, UseProxy = false, UseCookies = false, AllowAutoRedirect = false };
        using var invoker = new HttpMessageInvoker(handler);
        await _socket.ConnectAsync(server.WebSocketUri, invoker, cancellationToken).ConfigureAwait(false);
    }

    /// <summary>Sends a message, in its turn.</summary>
    /// <param name="message">What to send.</param>
    /// <param name="cancellationToken">Gives up as long as it is not its turn.</param>
    /// <param name="turn">Called when it is: from here on the message is sent, or the connection is lost.</param>
    public Task SendAsync(ControlMessage message, CancellationToken cancellationToken, Action? turn = null) =>
        SendAsync(ControlCodec.Write(message), cancellationToken, turn);

    /// <summary>Sends the relay's frames as they come. Each takes its turn with the control messages, so that neither waits for more than one of the other.</summary>
    public async Task SendFramesAsync(CancellationToken cancellationToken)
    {
        if (Frames is not { } frames)
            return;
        byte[] buffer = new byte[RelayFrame.MaxChannelFrame];
        while (true)
        {
            await frames.WaitToSendAsync(cancellationToken).ConfigureAwait(false);
            while (frames.TakeFrame(buffer) is > 0 and int length)
                await SendAsync(buffer.AsMemory(0, length), cancellationToken).ConfigureAwait(false);
        }
    }

    /// <summary>The next message that is known; null at the end of the connection. Relay frames on the way are handed over, and never waited for.</summary>
    /// <exception cref="ServerChannelException">What came is no message of a server's that we understand.</exception>
    public async Task<ControlMessage?> ReceiveAsync(CancellationToken cancellationToken)
    {
        while (true)
        {
            int length = 0;
            ValueWebSocketReceiveResult result;
            do
            {
                if (length == _buffer.Length)
                    throw new ServerChannelException(server, ServerFailure.NotAServer);
                result = await _socket.ReceiveAsync(_buffer.AsMemory(length), cancellationToken).ConfigureAwait(false);
                if (result.MessageType == WebSocketMessageType.Close)
                    return null;
                length += result.Count;
            }
            while (!result.EndOfMessage);
            Volatile.Write(ref _lastHeard, time.GetTimestamp());
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
                    throw new ServerChannelException(server, ControlError.UpdatePeer);
                default:
                    throw new ServerChannelException(server, ServerFailure.NotAServer);
            }
        }
    }

    /// <summary>Ends the connection at once.</summary>
    public void Abort() => _socket.Abort();

    /// <inheritdoc/>
    public void Dispose() => _socket.Dispose();

    private async Task SendAsync(ReadOnlyMemory<byte> message, CancellationToken cancellationToken, Action? turn = null)
    {
        await _sending.WaitAsync(cancellationToken).ConfigureAwait(false);
        try
        {
            turn?.Invoke();
            await _socket.SendAsync(message, WebSocketMessageType.Binary, endOfMessage: true, ending).ConfigureAwait(false);
        }
        finally
        {
            _sending.Release();
        }
    }
}
