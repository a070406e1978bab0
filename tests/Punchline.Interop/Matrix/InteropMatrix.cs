using System.Collections.Concurrent;
using System.Text;
using Punchline.Interop.Matrix;
using Punchline.Lab.Driver;

[assembly: AssemblyFixture(typeof(InteropMatrix))]

namespace Punchline.Interop.Matrix;

/// <summary>What each case came to with each peer; written to <c>artifacts/tests/interop-matrix.md</c> when the tests have ended.</summary>
public sealed class InteropMatrix : IDisposable
{
    private static readonly ConcurrentDictionary<(Case, Peer), string> Cells = new();

    private static readonly (Case Case, string Name)[] Rows =
    [
        (Case.Handshake, "handshake, one request"),
        (Case.HelloRetryRequest, "HelloRetryRequest"),
        (Case.Retry, "Retry"),
        (Case.VersionNegotiation, "version negotiation"),
        (Case.Transfer, "10 MB each way"),
        (Case.ManyStreams, "many streams"),
        (Case.ClientCertificate, "client certificate"),
        (Case.Resumption, "resumption, 0-RTT"),
        (Case.KeyUpdate, "key update"),
        (Case.Rebinding, "NAT rebinding"),
        (Case.Migration, "migration by the client"),
        (Case.HeavyFaults, "heavy loss and reordering"),
        (Case.IdleTimeout, "idle timeout"),
        (Case.ApplicationClose, "application error"),
    ];

    private static readonly (Peer Peer, string Name)[] Columns =
    [
        (Peer.Ngtcp2Client, "ngtcp2 as client"),
        (Peer.Ngtcp2Server, "ngtcp2 as server"),
        (Peer.QuicheClient, "quiche as client"),
        (Peer.QuicheServer, "quiche as server"),
    ];

    /// <summary>Begins a case; it counts as failed until it is told to have passed.</summary>
    internal static Cell Begin(Case which, Peer peer)
    {
        Cells[(which, peer)] = "**failed**";
        return new Cell(which, peer);
    }

    /// <summary>One cell of the matrix.</summary>
    internal readonly record struct Cell(Case Case, Peer Peer)
    {
        /// <summary>The case has passed.</summary>
        /// <param name="figures">What was counted, for people.</param>
        public void Passed(string figures) => Cells[(Case, Peer)] = $"pass: {figures}";
    }

    /// <summary>Writes the file.</summary>
    public void Dispose()
    {
        if (Cells.IsEmpty)
            return;
        var text = new StringBuilder("| case |");
        foreach (var (_, name) in Columns)
            text.Append(' ').Append(name).Append(" |");
        text.Append("\n|").Insert(text.Length, " --- |", Columns.Length + 1).Append('\n');
        foreach (var (which, row) in Rows)
        {
            text.Append("| ").Append(row).Append(" |");
            foreach (var (peer, _) in Columns)
                text.Append(' ').Append(Cells.GetValueOrDefault((which, peer)) ?? NotOffered.Why(which, peer) ?? "not run").Append(" |");
            text.Append('\n');
        }

        var folder = Directory.CreateDirectory(Path.Combine(Repository.Root, "artifacts", "tests"));
        File.WriteAllText(Path.Combine(folder.FullName, "interop-matrix.md"), text.ToString());
    }
}
