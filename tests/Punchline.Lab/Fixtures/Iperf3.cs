using System.Text.Json;
using Punchline.Lab.Driver;

namespace Punchline.Lab.Fixtures;

/// <summary>iperf3 on the loopback of a host of the laboratory.</summary>
internal sealed class Iperf3Server : IAsyncDisposable
{
    public const int Port = 5201;

    private readonly ChildProcess _process;

    private Iperf3Server(ChildProcess process) => _process = process;

    public static async Task<Iperf3Server> StartAsync(NatLab lab, string where)
    {
        var process = lab.Start(where, ["iperf3", "-s", "-B", "127.0.0.1", "-p", $"{Port}", "--forceflush"]);
        await process.LineAsync(line => line.StartsWith("Server listening on", StringComparison.Ordinal), "its start");
        return new Iperf3Server(process);
    }

    /// <summary>Measures TCP throughput, in bits a second at the receiver.</summary>
    /// <param name="lab">The laboratory.</param>
    /// <param name="where">Where the client runs.</param>
    /// <param name="port">Where the server appears there, on 127.0.0.1.</param>
    /// <param name="seconds">How long.</param>
    /// <param name="fromServer">The server sends.</param>
    /// <param name="streams">Connections at once.</param>
    public static async Task<double> MeasureAsync(NatLab lab, string where, int port, int seconds, bool fromServer = false, int streams = 1)
    {
        List<string> command = ["iperf3", "-c", "127.0.0.1", "-p", $"{port}", "-t", $"{seconds}", "-P", $"{streams}", "-J"];
        if (fromServer)
            command.Add("-R");
        var text = await lab.RunAsync(where, command);
        using var report = JsonDocument.Parse(text);
        // A run that was broken off has a report, too, with the reason in place of the sums.
        return report.RootElement.TryGetProperty("end", out var end) && end.TryGetProperty("sum_received", out var sum)
            ? sum.GetProperty("bits_per_second").GetDouble()
            : throw new LabException($"iperf3 measured nothing: {text}");
    }

    public ValueTask DisposeAsync() => _process.DisposeAsync();
}
