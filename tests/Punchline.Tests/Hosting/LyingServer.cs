using System.Net;
using System.Net.WebSockets;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;
using Punchline.Protocol;

namespace Punchline.Tests.Hosting;

/// <summary>Somebody at a server's place who answers everything with one error.</summary>
internal sealed class LyingServer : IAsyncDisposable
{
    private readonly WebApplication _app;

    private LyingServer(WebApplication app) => _app = app;

    public static async Task<LyingServer> StartAsync(int port, ErrorMessage says)
    {
        WebApplicationBuilder builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.ConfigureKestrel(kestrel => kestrel.Listen(IPAddress.Loopback, port));
        WebApplication app = builder.Build();
        app.UseWebSockets();
        app.Run(async context =>
        {
            using WebSocket socket = await context.WebSockets.AcceptWebSocketAsync();
            await SendAsync(socket, new ServerHello(1, 1, ControlFeatures.None, new byte[32], (ushort)port, 0, [], "0"));
            try
            {
                while ((await socket.ReceiveAsync(new byte[ControlCodec.MaxMessageLength], context.RequestAborted)).MessageType != WebSocketMessageType.Close)
                    await SendAsync(socket, says);
            }
            catch (Exception e) when (e is WebSocketException or OperationCanceledException)
            {
                // The peer is gone.
            }
        });
        await app.StartAsync();
        return new LyingServer(app);
    }

    public ValueTask DisposeAsync() => _app.DisposeAsync();

    private static Task SendAsync(WebSocket socket, ControlMessage message) =>
        socket.SendAsync(ControlCodec.Write(message), WebSocketMessageType.Binary, endOfMessage: true, CancellationToken.None);
}
