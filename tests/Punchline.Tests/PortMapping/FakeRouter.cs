using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Text;
using System.Text.RegularExpressions;
using Punchline.PortMapping;
using Punchline.Quic;

namespace Punchline.Tests.PortMapping;

/// <summary>A router on loopback: a UDP port for PCP and NAT-PMP, one for searches, and HTTP. What it answers is the test's to say.</summary>
internal sealed partial class FakeRouter : IAsyncDisposable
{
    private readonly Socket _requests = Bind();
    private readonly Socket _searches = Bind();
    private readonly TcpListener _web = new(IPAddress.Loopback, 0);
    private readonly CancellationTokenSource _ending = new();
    private readonly Task _serving;

    public FakeRouter()
    {
        _web.Start();
        _serving = Task.WhenAll(
            ServeAsync(_requests, datagram => Answer(datagram)),
            ServeAsync(_searches, _ => Encoding.ASCII.GetBytes($"HTTP/1.1 200 OK\r\nLOCATION: {Url}desc.xml\r\n\r\n")),
            ServeWebAsync());
    }

    /// <summary>The router as a mapper sees it: on this machine.</summary>
    public GatewayLink Link { get; } = new(new Gateway(new UdpAddress(IPAddress.Loopback, 0), new UdpAddress(IPAddress.Loopback, 0)), TimeProvider.System);

    /// <summary>Where it takes requests of PCP and NAT-PMP.</summary>
    public ushort Port => (ushort)((IPEndPoint)_requests.LocalEndPoint!).Port;

    public UdpAddress Searches => new(IPAddress.Loopback, ((IPEndPoint)_searches.LocalEndPoint!).Port);

    public string Url => $"http://127.0.0.1:{((IPEndPoint)_web.LocalEndpoint).Port}/";

    /// <summary>What to answer at <see cref="Port"/>; null for nothing.</summary>
    public Func<byte[], byte[]?> Answer { get; set; } = _ => null;

    /// <summary>The body of a description.</summary>
    public string Description { get; set; } = "";

    /// <summary>The raw response to an action with its arguments: status and body.</summary>
    public Func<string, Dictionary<string, string>, (int Status, string Body)> Action { get; set; } = (_, _) => (500, "");

    /// <summary>In place of all that: a whole HTTP response.</summary>
    public string? RawResponse { get; set; }

    public List<string> Actions { get; } = [];

    public async ValueTask DisposeAsync()
    {
        await _ending.CancelAsync();
        _web.Stop();
        await _serving.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        _requests.Dispose();
        _searches.Dispose();
        _ending.Dispose();
    }

    public static string Fault(int code) => $"<s:Envelope xmlns:s=\"x\"><s:Body><s:Fault><detail><UPnPError><errorCode>{code}</errorCode></UPnPError></detail></s:Fault></s:Body></s:Envelope>";

    public static string Result(string name, string value) => $"<s:Envelope xmlns:s=\"x\"><s:Body><u:r xmlns:u=\"y\"><{name}>{value}</{name}></u:r></s:Body></s:Envelope>";

    private static Socket Bind()
    {
        var socket = new Socket(AddressFamily.InterNetwork, SocketType.Dgram, ProtocolType.Udp);
        socket.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        return socket;
    }

    private async Task ServeAsync(Socket socket, Func<byte[], byte[]?> answer)
    {
        byte[] buffer = new byte[1500];
        while (true)
        {
            SocketReceiveFromResult received = await socket.ReceiveFromAsync(buffer, SocketFlags.None, new IPEndPoint(IPAddress.Any, 0), _ending.Token);
            if (answer(buffer[..received.ReceivedBytes]) is { } reply)
                await socket.SendToAsync(reply, SocketFlags.None, received.RemoteEndPoint, _ending.Token);
        }
    }

    private async Task ServeWebAsync()
    {
        while (true)
        {
            using TcpClient client = await _web.AcceptTcpClientAsync(_ending.Token);
            NetworkStream stream = client.GetStream();
            string request = await ReadAsync(stream);
            string response = RawResponse ?? Respond(request);
            await stream.WriteAsync(Encoding.UTF8.GetBytes(response), _ending.Token);
        }
    }

    private async Task<string> ReadAsync(NetworkStream stream)
    {
        var text = new StringBuilder();
        byte[] buffer = new byte[8192];
        while (true)
        {
            int end = text.ToString().IndexOf("\r\n\r\n", StringComparison.Ordinal);
            Match length = ContentLength().Match(text.ToString());
            if (end >= 0 && text.Length - end - 4 >= (length.Success ? int.Parse(length.Groups["value"].Value, CultureInfo.InvariantCulture) : 0))
                return text.ToString();
            int read = await stream.ReadAsync(buffer, _ending.Token);
            if (read == 0)
                return text.ToString();
            text.Append(Encoding.UTF8.GetString(buffer, 0, read));
        }
    }

    private string Respond(string request)
    {
        (int status, string body) = (200, Description);
        if (request.StartsWith("POST", StringComparison.Ordinal))
        {
            string action = SoapAction().Match(request).Groups["value"].Value;
            var arguments = Argument().Matches(request).ToDictionary(match => match.Groups["name"].Value, match => match.Groups["value"].Value);
            Actions.Add($"{action} {arguments.GetValueOrDefault("NewExternalPort")} {arguments.GetValueOrDefault("NewLeaseDuration")}".TrimEnd());
            (status, body) = Action(action, arguments);
        }
        return $"HTTP/1.1 {status} X\r\nContent-Type: text/xml\r\nContent-Length: {Encoding.UTF8.GetByteCount(body)}\r\nConnection: close\r\n\r\n{body}";
    }

    [GeneratedRegex("Content-Length: (?<value>[0-9]+)", RegexOptions.IgnoreCase | RegexOptions.ExplicitCapture, matchTimeoutMilliseconds: 1000)]
    private static partial Regex ContentLength();

    [GeneratedRegex("SOAPAction: \"[^\"#]*#(?<value>[A-Za-z0-9]+)\"", RegexOptions.IgnoreCase | RegexOptions.ExplicitCapture, matchTimeoutMilliseconds: 1000)]
    private static partial Regex SoapAction();

    [GeneratedRegex("<(?<name>New[A-Za-z]+)>(?<value>[^<]*)<", RegexOptions.ExplicitCapture, matchTimeoutMilliseconds: 1000)]
    private static partial Regex Argument();
}
