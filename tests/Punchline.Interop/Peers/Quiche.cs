using System.Text.Json;
using Punchline.Lab.Driver;

namespace Punchline.Interop.Peers;

/// <summary>Cloudflare's quiche through the npm package <c>@matrixai/quic</c>, driven by <c>quic-peer.mjs</c>.</summary>
internal static class Quiche
{
    /// <summary>The package, as tests name what they need.</summary>
    public const string Package = "@matrixai/quic";

    /// <summary>The protocol that tests speak with it: each stream comes back as it went.</summary>
    public const string Protocol = "punchline-echo";

    private static readonly string Folder = Path.Combine(Repository.Lab, "npm");

    public static bool IsInstalled => File.Exists(Node) && Directory.Exists(Path.Combine(Folder, "node_modules", "@matrixai", "quic"));

    private static string Node => Path.Combine(Folder, "node_modules", ".bin", "node");

    /// <summary>Starts a client; what its options mean stands in the program.</summary>
    public static ChildProcess StartClient(QuicheOptions options) => Start("client", options);

    /// <summary>Starts a server on a free port.</summary>
    public static async Task<(ChildProcess Process, int Port)> StartServerAsync(QuicheOptions options)
    {
        var process = Start("server", options);
        return (process, (await process.EventAsync("listening")).GetProperty("port").GetInt32());
    }

    private static ChildProcess Start(string role, QuicheOptions options) =>
        ChildProcess.Start([Node, Path.Combine(Folder, "quic-peer.mjs"), role, JsonSerializer.Serialize(options, JsonSerializerOptions.Web)]);
}

/// <summary>Options of <c>quic-peer.mjs</c>.</summary>
internal sealed record QuicheOptions
{
    public string Protocol { get; init; } = Quiche.Protocol;

    /// <summary>The link's port, for a client.</summary>
    public int Port { get; init; }

    public string? Key { get; init; }

    public string? Cert { get; init; }

    /// <summary>The idle timeout in milliseconds.</summary>
    public int Idle { get; init; } = 30_000;

    /// <summary>Asks the peer for a certificate, and takes any.</summary>
    public bool Verify { get; init; }

    /// <summary>What a client sends.</summary>
    public string? File { get; init; }

    public int Bytes { get; init; }

    public int Streams { get; init; } = 1;

    /// <summary>The application error that a client closes with; null to wait for the end.</summary>
    [System.Text.Json.Serialization.JsonIgnore(Condition = System.Text.Json.Serialization.JsonIgnoreCondition.WhenWritingNull)]
    public int? Close { get; init; }
}
