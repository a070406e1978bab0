using System.Security.Cryptography;
using Punchline.Lab.Driver;

namespace Punchline.Lab.Fixtures;

/// <summary>Apache on the loopback of a host of the laboratory, with one file of random bytes.</summary>
internal sealed class ApacheServer : IAsyncDisposable
{
    public const int Port = 8080;

    private readonly WorkFolder _folder;
    private readonly ChildProcess _process;

    private ApacheServer(WorkFolder folder, ChildProcess process, string sha256)
    {
        (_folder, _process, Sha256) = (folder, process, sha256);
    }

    /// <summary>The file, behind the port.</summary>
    public const string Page = "/page.bin";

    /// <summary>Of the file, in lower-case hexadecimal.</summary>
    public string Sha256 { get; }

    public static async Task<ApacheServer> StartAsync(NatLab lab, string where, int pageBytes = 100_000)
    {
        var folder = new WorkFolder();
        Directory.CreateDirectory(folder["www"]);
        var page = folder.WriteRandom("www/page.bin", pageBytes, seed: 1);
        // One process that stays: one that is let go when there is less to do closes the connections that it keeps alive, and a
        // request that is on its way to one of them then fails, with or without a tunnel (RFC 9112 section 9.3.1).
        var configuration = folder.Write("apache2.conf", $"""
            ServerRoot {folder.Path}
            ServerName punchline.test
            Listen 127.0.0.1:{Port}
            PidFile {folder["apache2.pid"]}
            DefaultRuntimeDir {folder.Path}
            Mutex posixsem
            ErrorLog /proc/self/fd/2
            LoadModule mpm_event_module /usr/lib/apache2/modules/mod_mpm_event.so
            LoadModule authz_core_module /usr/lib/apache2/modules/mod_authz_core.so
            User nobody
            Group nogroup
            DocumentRoot {folder["www"]}
            StartServers 1
            ServerLimit 1
            ThreadLimit 128
            ThreadsPerChild 128
            MaxRequestWorkers 128
            MaxSpareThreads 128
            KeepAlive On
            MaxKeepAliveRequests 0
            """);
        var process = lab.Start(where, ["apache2", "-D", "FOREGROUND", "-f", configuration]);
        await process.ErrorLineAsync(line => line.Contains("resuming normal operations", StringComparison.Ordinal), "its start");
        return new ApacheServer(folder, process, Convert.ToHexStringLower(SHA256.HashData(await File.ReadAllBytesAsync(page))));
    }

    public async ValueTask DisposeAsync()
    {
        await _process.DisposeAsync();
        _folder.Dispose();
    }
}
