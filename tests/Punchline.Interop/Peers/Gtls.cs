using System.Globalization;
using System.Net;
using System.Net.Sockets;
using Punchline.Lab.Driver;
using Punchline.Lab.Fixtures;

namespace Punchline.Interop.Peers;

/// <summary>ngtcp2's programs over GnuTLS, as Debian packages them: HTTP/3 alone.</summary>
internal static class Gtls
{
    public const string Client = "gtlsclient";
    public const string Server = "gtlsserver";

    /// <summary>What they speak.</summary>
    public const string Protocol = "h3";

    /// <summary>Packets and frames are logged, their content is not.</summary>
    private static readonly string[] Log = ["--no-quic-dump", "--no-http-dump"];

    /// <summary>Starts the client with one request for each name.</summary>
    public static ChildProcess StartClient(int port, IEnumerable<string> names, params IEnumerable<string> options) => ChildProcess.Start(
    [
        Client, .. Log, .. options, "127.0.0.1", Text(port), .. names.Select(name => $"https://localhost:{port}/{name}"),
    ]);

    /// <summary>Starts the server over a folder's files, on a port that is free.</summary>
    public static async Task<(ChildProcess Process, int Port)> StartServerAsync(WorkFolder folder, TestIdentity identity, params IEnumerable<string> options)
    {
        int port = FreePort();
        var process = ChildProcess.Start(
        [
            Server, .. Log, "-d", folder.Path, .. options, "127.0.0.1", Text(port), identity.KeyFile, identity.CertificateFile,
        ]);
        await UntilBoundAsync(process, port);
        return (process, port);
    }

    private static string Text(int number) => number.ToString(CultureInfo.InvariantCulture);

    private static int FreePort()
    {
        using var socket = new Socket(AddressFamily.InterNetwork, SocketType.Dgram, ProtocolType.Udp);
        socket.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        return ((IPEndPoint)socket.LocalEndPoint!).Port;
    }

    /// <summary>The server prints nothing when it is ready: the kernel's table of sockets tells.</summary>
    private static async Task UntilBoundAsync(ChildProcess process, int port)
    {
        var socket = $":{port:X4} ";
        while (!(await File.ReadAllTextAsync("/proc/net/udp")).Contains(socket, StringComparison.Ordinal))
        {
            if (process.HasExited)
                throw new LabException($"{Server} ended at once\n{(await process.ExitAsync()).Errors}");
            await Task.Delay(TimeSpan.FromMilliseconds(20));
        }
    }
}
