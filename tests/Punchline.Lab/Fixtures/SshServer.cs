using Punchline.Lab.Driver;

namespace Punchline.Lab.Fixtures;

/// <summary>OpenSSH on the loopback of a host of the laboratory, with keys that exist for one test.</summary>
internal sealed class SshServer : IAsyncDisposable
{
    public const int Port = 2222;

    /// <summary>sshd wants this folder, made by whoever starts it.</summary>
    private const string PrivilegeSeparationFolder = "/run/sshd";

    private readonly ChildProcess _process;
    private readonly string _userKey;

    private SshServer(WorkFolder folder, ChildProcess process, string userKey)
    {
        (Folder, _process, _userKey) = (folder, process, userKey);
    }

    /// <summary>For files to copy; gone with the server.</summary>
    public WorkFolder Folder { get; }

    public static async Task<SshServer> StartAsync(NatLab lab, string where)
    {
        var folder = new WorkFolder();
        foreach (var key in new[] { "host", "user" })
            (await ChildProcess.RunAsync(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", key, "-f", folder[key]])).Ok();
        var configuration = folder.Write("sshd_config", $"""
            ListenAddress 127.0.0.1:{Port}
            HostKey {folder["host"]}
            AuthorizedKeysFile {folder["user.pub"]}
            PidFile none
            UsePAM no
            StrictModes no
            PasswordAuthentication no
            PermitRootLogin prohibit-password
            Subsystem sftp internal-sftp
            """);
        Directory.CreateDirectory(PrivilegeSeparationFolder);
        var process = lab.Start(where, ["sshd", "-D", "-e", "-f", configuration]);
        await process.ErrorLineAsync(line => line.Contains("Server listening on", StringComparison.Ordinal), "its start");
        return new SshServer(folder, process, folder["user"]);
    }

    /// <summary>Copies a file to the server with <c>scp</c>, from a host of the laboratory.</summary>
    /// <param name="lab">The laboratory.</param>
    /// <param name="where">Where scp runs.</param>
    /// <param name="port">Where the server appears there, on 127.0.0.1.</param>
    /// <param name="source">A file.</param>
    /// <param name="target">Its copy.</param>
    public Task<string> CopyAsync(NatLab lab, string where, int port, string source, string target) => lab.RunAsync(
        where,
        [
            "scp", "-q", "-B", "-F", "none", "-i", _userKey, "-P", $"{port}",
            "-o", "StrictHostKeyChecking=no", "-o", "UserKnownHostsFile=/dev/null",
            source, $"root@127.0.0.1:{target}",
        ]);

    public async ValueTask DisposeAsync()
    {
        await _process.DisposeAsync();
        Folder.Dispose();
    }
}
