using System.Net;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;

namespace Punchline.Cli.Roles;

/// <summary>The small web site that the demonstration shares: a page, and a file that is large enough to measure with.</summary>
internal sealed class DemoSite : IAsyncDisposable
{
    /// <summary>Bytes of the file: a second or two of a fast tunnel.</summary>
    public const int LargeLength = 64 << 20;

    /// <summary>Where it is.</summary>
    public const string LargePath = "/large";

    private const int ChunkLength = 64 * 1024;

    private readonly WebApplication _web;

    private DemoSite(WebApplication web) => _web = web;

    /// <summary>The site's port on 127.0.0.1.</summary>
    public int Port { get; private set; }

    public static async Task<DemoSite> StartAsync(CancellationToken stop)
    {
        var builder = WebApplication.CreateEmptyBuilder(new WebApplicationOptions());
        builder.WebHost.UseKestrelCore().ConfigureKestrel(kestrel => kestrel.Listen(IPAddress.Loopback, 0));
        // Ctrl-C is the program's to hear.
        builder.Services.AddSingleton<IHostLifetime, NoLifetime>();
        var web = builder.Build();
        web.Run(HandleAsync);
        var site = new DemoSite(web);
        await web.StartAsync(stop);
        site.Port = new Uri(web.Services.GetRequiredService<IServer>().Features.Get<IServerAddressesFeature>()!.Addresses.First()).Port;
        return site;
    }

    /// <summary>The byte at a place of the file, so that whoever receives it can tell that none is missing or doubled.</summary>
    public static byte ByteAt(long offset) => (byte)(offset * 31 + (offset >> 13));

    public async ValueTask DisposeAsync()
    {
        await _web.StopAsync();
        await _web.DisposeAsync();
    }

    private static Task HandleAsync(HttpContext context)
    {
        context.Response.Headers.CacheControl = "no-store";
        switch (context.Request.Path.Value)
        {
            case "/":
                context.Response.ContentType = "text/html; charset=utf-8";
                return context.Response.WriteAsync(Page, context.RequestAborted);
            case LargePath:
                return SendLargeAsync(context);
            default:
                context.Response.StatusCode = StatusCodes.Status404NotFound;
                return Task.CompletedTask;
        }
    }

    private static async Task SendLargeAsync(HttpContext context)
    {
        context.Response.ContentType = "application/octet-stream";
        context.Response.ContentLength = LargeLength;
        var chunk = new byte[ChunkLength];
        for (long offset = 0; offset < LargeLength; offset += chunk.Length)
        {
            for (var i = 0; i < chunk.Length; i++)
                chunk[i] = ByteAt(offset + i);
            await context.Response.Body.WriteAsync(chunk, context.RequestAborted);
        }
    }

    private const string Page =
        """
        <!doctype html>
        <html lang="en">
        <meta charset="utf-8">
        <meta name="viewport" content="width=device-width">
        <title>Punchline</title>
        <style>body { font: 1.1em/1.5 system-ui, sans-serif; max-width: 38em; margin: 4em auto; padding: 0 1em }</style>
        <h1>It works.</h1>
        <p>Your browser spoke to <code>punchline join</code>, which carried the request through an encrypted UDP connection to
        <code>punchline host</code>, which asked the small web server that made this page. Nothing went through the server in
        between but the first packets.</p>
        <p><a href="/large">A larger file</a> to measure with.</p>
        </html>
        """;

    private sealed class NoLifetime : IHostLifetime
    {
        public Task WaitForStartAsync(CancellationToken cancellationToken) => Task.CompletedTask;

        public Task StopAsync(CancellationToken cancellationToken) => Task.CompletedTask;
    }
}
