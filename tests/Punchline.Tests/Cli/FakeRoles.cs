using System.Text;
using System.Text.Json;
using Punchline.Cli;
using Punchline.Cli.Roles;
using Punchline.Server;

namespace Punchline.Tests.Cli;

/// <summary>Roles that note what they were told, and do what a test says.</summary>
internal sealed class FakeRoles : IRoleFactory
{
    public object? Options { get; private set; }

    /// <summary>What the role reports and does when it runs.</summary>
    public Func<IProgress<PunchlineEvent>, CancellationToken, Task> Run { get; set; } = (_, _) => Task.CompletedTask;

    public bool Disposed { get; private set; }

    public IRole Host(HostOptions options, IProgress<PunchlineEvent> events) => Make(options, events);

    public IRole Client(ClientOptions options, IProgress<PunchlineEvent> events) => Make(options, events);

    public IRole Server(PunchlineServerOptions options, IProgress<PunchlineEvent> events) => Make(options, events);

    public IRole Doctor(DoctorOptions options, IProgress<PunchlineEvent> events) => Make(options, events);

    public IRole Demo(DemoSettings settings, IProgress<PunchlineEvent> events) => Make(settings, events);

    private Role Make(object options, IProgress<PunchlineEvent> events)
    {
        Options = options;
        return new Role(this, events);
    }

    private sealed class Role(FakeRoles owner, IProgress<PunchlineEvent> events) : IRole
    {
        public Task RunAsync(CancellationToken stop) => owner.Run(events, stop);

        public ValueTask DisposeAsync()
        {
            owner.Disposed = true;
            return ValueTask.CompletedTask;
        }
    }
}

/// <summary>A command line with fakes around it, in a folder of its own.</summary>
internal sealed class CliFixture : IDisposable
{
    private readonly StringWriter _out = new();
    private readonly StringWriter _error = new();
    private readonly MemoryStream _raw = new();

    public FakeRoles Roles { get; } = new();

    public Dictionary<string, string> Variables { get; } = [];

    public string Folder { get; } = Directory.CreateTempSubdirectory("punchline-cli-").FullName;

    public string Input { get; set; } = "";

    public bool InputIsTerminal { get; set; }

    public bool OutputIsTerminal { get; set; }

    public string? ConfigurationFolder { get; set; }

    public string Out => _out.ToString();

    public string Error => _error.ToString();

    public JsonElement[] Json =>
    [
        .. Encoding.UTF8.GetString(_raw.ToArray()).Split('\n', StringSplitOptions.RemoveEmptyEntries).Select(line => JsonDocument.Parse(line).RootElement),
    ];

    public Task<ExitCode> RunAsync(params string[] arguments) => RunAsync(CancellationToken.None, arguments);

    public Task<ExitCode> RunAsync(CancellationToken stop, params string[] arguments) => CommandLine.RunAsync(
        arguments,
        new CliHost
        {
            Out = _out,
            Error = _error,
            RawOut = _raw,
            In = new StringReader(Input),
            InputIsTerminal = InputIsTerminal,
            OutputIsTerminal = OutputIsTerminal,
            Variable = name => Variables.GetValueOrDefault(name),
            ConfigurationFolder = ConfigurationFolder ?? Folder,
        },
        Roles,
        stop);

    /// <summary>A file in the folder.</summary>
    public string FileWith(string name, string text)
    {
        var path = Path.Combine(Folder, name);
        File.WriteAllText(path, text);
        return path;
    }

    public void Dispose()
    {
        Directory.Delete(Folder, recursive: true);
        _out.Dispose();
        _error.Dispose();
        _raw.Dispose();
    }
}
