using System.Net;
using System.Text;

namespace Punchline.PortMapping.Upnp;

/// <summary>What a router answered: the status and the body, decoded.</summary>
internal readonly record struct UpnpResponse(HttpStatusCode Status, string Body);

/// <summary>Small HTTP to one router: no redirects, no proxy, no cookies, bounds on size and time.</summary>
internal sealed class UpnpHttp : IDisposable
{
    /// <summary>For one answer. Some routers are slow, and a mapping that comes late is still of use.</summary>
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(5);

    /// <summary>Kilobytes of headers.</summary>
    private const int MaxHeaders = 16;

    private readonly HttpClient _client = new(new SocketsHttpHandler
    {
        AllowAutoRedirect = false,
        UseProxy = false,
        UseCookies = false,
        ConnectTimeout = Patience,
        MaxResponseHeadersLength = MaxHeaders,
        MaxConnectionsPerServer = 1,
        PooledConnectionIdleTimeout = TimeSpan.FromSeconds(5),
    })
    {
        Timeout = Patience,
        MaxResponseContentBufferSize = UpnpXml.MaxLength,
    };

    /// <summary>Fetches a description; null if there is no answer within the bounds.</summary>
    public Task<UpnpResponse?> GetAsync(Uri url, CancellationToken cancellationToken) =>
        SendAsync(new HttpRequestMessage(HttpMethod.Get, url), cancellationToken);

    /// <summary>Calls an action; null if there is no answer within the bounds.</summary>
    public Task<UpnpResponse?> CallAsync(UpnpService service, string action, string body, CancellationToken cancellationToken)
    {
        var request = new HttpRequestMessage(HttpMethod.Post, service.Control) { Content = new StringContent(body, Encoding.UTF8, "text/xml") };
        request.Headers.TryAddWithoutValidation("SOAPAction", $"\"{service.Type}#{action}\"");
        return SendAsync(request, cancellationToken);
    }

    /// <inheritdoc/>
    public void Dispose() => _client.Dispose();

    private async Task<UpnpResponse?> SendAsync(HttpRequestMessage request, CancellationToken cancellationToken)
    {
        using (request)
        {
            try
            {
                using HttpResponseMessage response = await _client.SendAsync(request, cancellationToken).ConfigureAwait(false);
                byte[] body = await response.Content.ReadAsByteArrayAsync(cancellationToken).ConfigureAwait(false);
                // Everything that we look for is ASCII, whatever the header says of the rest.
                return new UpnpResponse(response.StatusCode, Encoding.UTF8.GetString(body));
            }
            catch (HttpRequestException)
            {
                return null;
            }
            catch (OperationCanceledException) when (!cancellationToken.IsCancellationRequested)
            {
                // Its time was over.
                return null;
            }
        }
    }
}
