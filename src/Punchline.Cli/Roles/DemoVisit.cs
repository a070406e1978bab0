using System.Net;

namespace Punchline.Cli.Roles;

/// <summary>What the demonstration does at the client's end: fetches the page and the file, checks every byte, and measures.</summary>
internal static class DemoVisit
{
    /// <summary>For the whole visit; a tunnel that takes longer does not work.</summary>
    private static readonly TimeSpan Patience = TimeSpan.FromMinutes(2);

    /// <exception cref="PunchlineException">Something came back wrong, or not at all.</exception>
    public static async Task RunAsync(IPEndPoint address, IProgress<PunchlineEvent> events, TimeProvider time, CancellationToken stop)
    {
        using var http = new HttpClient(new SocketsHttpHandler { UseProxy = false }) { BaseAddress = new Uri($"http://{address}/"), Timeout = Patience };
        try
        {
            var start = time.GetTimestamp();
            var page = await http.GetByteArrayAsync("/", stop);
            events.Report(new Transferred(time.GetUtcNow(), "The page", page.Length, time.GetElapsedTime(start)));

            start = time.GetTimestamp();
            using var response = await http.GetAsync(DemoSite.LargePath, HttpCompletionOption.ResponseHeadersRead, stop);
            response.EnsureSuccessStatusCode();
            await using var body = await response.Content.ReadAsStreamAsync(stop);
            var length = await CheckAsync(body, stop);
            events.Report(new Transferred(time.GetUtcNow(), "A larger file", length, time.GetElapsedTime(start)));
        }
        catch (Exception e) when (e is HttpRequestException or IOException || (e is OperationCanceledException && !stop.IsCancellationRequested))
        {
            throw new PunchlineException(ProblemCode.ConnectionLost, $"The demonstration could not fetch its page through the tunnel: {e.Message}", e);
        }
    }

    private static async Task<long> CheckAsync(Stream body, CancellationToken stop)
    {
        var buffer = new byte[256 * 1024];
        long offset = 0;
        int count;
        while ((count = await body.ReadAsync(buffer, stop)) > 0)
        {
            for (var i = 0; i < count; i++)
            {
                if (buffer[i] != DemoSite.ByteAt(offset + i))
                    throw new PunchlineException(ProblemCode.Internal, $"byte {offset + i} of the file was altered on its way");
            }

            offset += count;
        }

        return offset == DemoSite.LargeLength
            ? offset
            : throw new PunchlineException(ProblemCode.Internal, $"the file was cut off after {offset} bytes");
    }
}
