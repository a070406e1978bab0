using System.Globalization;
using System.Text.RegularExpressions;
using Punchline.Lab.Driver;

namespace Punchline.Lab.Fixtures;

/// <summary>dnsmasq on the loopback of a host of the laboratory: every name in lab.test has one address.</summary>
internal sealed class DnsServer : IAsyncDisposable
{
    public const int Port = 5353;

    private readonly ChildProcess _process;

    private DnsServer(ChildProcess process) => _process = process;

    public static async Task<DnsServer> StartAsync(NatLab lab, string where)
    {
        var process = lab.Start(
            where,
            [
                "dnsmasq", "--keep-in-foreground", "--log-facility=-", "--conf-file=/dev/null", "--pid-file=", "--user=root",
                "--no-resolv", "--no-hosts", "--listen-address=127.0.0.1", "--bind-interfaces", $"--port={Port}",
                "--address=/lab.test/192.0.2.1",
            ]);
        await process.ErrorLineAsync(line => line.Contains("started, version", StringComparison.Ordinal), "its start");
        return new DnsServer(process);
    }

    public ValueTask DisposeAsync() => _process.DisposeAsync();
}

/// <summary>What <c>dnsperf</c> saw.</summary>
internal sealed partial record DnsPerfResult(int Sent, int Completed, int Lost)
{
    /// <summary>Asks for so many names, from so many sockets.</summary>
    /// <param name="lab">The laboratory.</param>
    /// <param name="where">Where dnsperf runs.</param>
    /// <param name="port">Where the DNS server appears there, on 127.0.0.1.</param>
    /// <param name="queries">How many in all.</param>
    /// <param name="clients">How many sockets.</param>
    public static async Task<DnsPerfResult> RunAsync(NatLab lab, string where, int port, int queries, int clients)
    {
        using var folder = new WorkFolder();
        var names = folder.Write("names", string.Concat(Enumerable.Range(0, queries).Select(i => $"host{i}.lab.test A\n")));
        return Parse(await lab.RunAsync(where, ["dnsperf", "-s", "127.0.0.1", "-p", $"{port}", "-d", names, "-n", "1", "-c", $"{clients}"]));
    }

    /// <summary>Reads what <c>dnsperf</c> printed.</summary>
    public static DnsPerfResult Parse(string output)
    {
        var match = Pattern().Match(output);
        return match.Success
            ? new DnsPerfResult(Value("sent"), Value("completed"), Value("lost"))
            : throw new LabException($"dnsperf printed no sums\n{output}");

        int Value(string name) => int.Parse(match.Groups[name].ValueSpan, CultureInfo.InvariantCulture);
    }

    [GeneratedRegex(
        "Queries sent:\\s+(?<sent>[0-9]+).*Queries completed:\\s+(?<completed>[0-9]+).*Queries lost:\\s+(?<lost>[0-9]+)",
        RegexOptions.Singleline | RegexOptions.ExplicitCapture | RegexOptions.CultureInvariant, 1000)]
    private static partial Regex Pattern();
}
