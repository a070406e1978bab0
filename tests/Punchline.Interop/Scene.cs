using Punchline.Interop.Link;
using Punchline.Interop.Ours;
using Punchline.Lab.Driver;
using Punchline.Lab.Fixtures;
using Xunit.Sdk;

namespace Punchline.Interop;

/// <summary>What a case has set up: our side, the other program, and the link between them. All goes with the case.</summary>
internal sealed class Scene : IAsyncDisposable
{
    /// <summary>Lines of the other program in the report of a failure; it logs each packet.</summary>
    private const int ReportedLines = 120;

    private readonly List<IAsyncDisposable> _parts = [];

    public WorkFolder Folder { get; } = new();

    public UdpRunner? Ours { get; private set; }

    public ChildProcess? Theirs { get; private set; }

    public LossyLink Link { get; private set; } = null!;

    /// <summary>The other program's port, where it is the server.</summary>
    public int ServerPort { get; set; }

    /// <summary>Takes part in the scene: our side.</summary>
    public UdpRunner Add(UdpRunner ours) => Keep(Ours = ours);

    /// <summary>Takes part in the scene: the other program.</summary>
    public ChildProcess Add(ChildProcess theirs) => Keep(Theirs = theirs);

    /// <summary>Takes part in the scene: the link to the server's port.</summary>
    public LossyLink AddLink(int serverPort, ulong seed, Faults? faults = null) => Keep(Link = new LossyLink(serverPort, seed, faults));

    /// <summary>Runs a case; if it fails, both sides are heard.</summary>
    public async Task RunAsync(Func<Task> body)
    {
        try
        {
            await body();
        }
        catch (Exception e)
        {
            throw new XunitException($"{e.Message}\n--- the link: {Link.Summary}\n--- our side\n{Ours?.Report}\n--- their side\n{Tail(Theirs)}", e);
        }
    }

    public async ValueTask DisposeAsync()
    {
        for (int i = _parts.Count - 1; i >= 0; i--)
            await _parts[i].DisposeAsync();
        Folder.Dispose();
    }

    private static string Tail(ChildProcess? process) =>
        process is null ? "" : string.Join('\n', process.Output.Lines.Concat(process.Errors.Lines).TakeLast(ReportedLines));

    private T Keep<T>(T part) where T : IAsyncDisposable
    {
        _parts.Add(part);
        return part;
    }
}
