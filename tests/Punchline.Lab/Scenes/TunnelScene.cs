using System.Globalization;
using System.Net;
using System.Net.Sockets;
using Punchline.Lab.Driver;
using Punchline.Lab.Fixtures;

namespace Punchline.Lab.Scenes;

/// <summary>
/// The built program in a laboratory, as people run it: <c>serve</c> at the server, <c>host</c> on a, any number of <c>join</c>
/// on b, each a process of its own with its own state. What they printed is in the report of a test that fails.
/// </summary>
internal sealed class TunnelScene : IAsyncDisposable
{
    /// <summary>Of the end of a program's output, so many lines are reported.</summary>
    private const int ReportedLines = 60;

    private static readonly IPEndPoint Admin = new(IPAddress.Loopback, 9478);

    /// <summary>The clients' ports on loopback.</summary>
    private const int FirstPort = 52_000;
    private const int PortsEach = 100;
    private const int ClientsAtOnce = 20;

    private readonly TunnelOptions _options;
    private readonly WorkFolder _folder = new();
    private readonly List<(string Title, ChildProcess Process)> _processes = [];
    private readonly HttpClient _admin;
    private int _clients;

    private TunnelScene(NatLab lab, TunnelOptions options)
    {
        (Lab, _options) = (lab, options);
        _admin = new HttpClient(new SocketsHttpHandler
        {
            ConnectCallback = async (_, _) => new NetworkStream(await LabSocket.ConnectAsync(lab, "server", Admin), ownsSocket: true),
        });
    }

    public NatLab Lab { get; }

    /// <summary>The process that runs <c>serve</c>.</summary>
    public ChildProcess Server { get; private set; } = null!;

    /// <summary>The process that runs <c>host</c>.</summary>
    public ChildProcess Host { get; private set; } = null!;

    /// <summary>The invite that the host printed at its last start.</summary>
    public string Invite { get; private set; } = "";

    /// <summary>Brings up a laboratory, the server, and a host that is registered.</summary>
    /// <param name="options">What it looks like.</param>
    /// <param name="beforeHost">Starts what is to be shared, where the host must find it: it looks by connecting, which not every program bears.</param>
    public static async Task<TunnelScene> StartAsync(TunnelOptions options, Func<NatLab, Task>? beforeHost = null)
    {
        var scene = new TunnelScene(await NatLab.UpAsync(options.Lab), options);
        try
        {
            // The system must not give these away as ports of outgoing connections.
            await scene.Lab.RunAsync("b", ["sysctl", "-qw", $"net.ipv4.ip_local_reserved_ports={FirstPort}-{FirstPort + (PortsEach * ClientsAtOnce) - 1}"]);
            if (options.Prepare is { } prepare)
                await prepare(scene.Lab);
            await scene.StartServerAsync();
            if (beforeHost is not null)
                await beforeHost(scene.Lab);
            await scene.StartHostAsync();
            return scene;
        }
        catch (LabException)
        {
            await scene.DisposeAsync();
            throw;
        }
    }

    /// <summary>Starts the server, or starts it again.</summary>
    public async Task StartServerAsync()
    {
        Server = Start("serve", "server", "serve", ["--admin", $"{Admin}", .. _options.ServerArguments]);
        await Server.EventAsync("ready");
    }

    /// <summary>Starts the host, or starts it again with the same state.</summary>
    public async Task StartHostAsync()
    {
        Host = Start("host", "a", "host", [.. _options.Services, "--server", ServerName, "--state", _folder["host"], .. _options.HostArguments]);
        Invite = (await Host.EventAsync("invite", 0)).GetProperty("invite").GetString()!;
        await Host.EventAsync("ready", 0);
    }

    /// <summary>Starts a client that nobody has seen before, and waits for nothing.</summary>
    /// <param name="where">Where it is.</param>
    /// <param name="arguments">More of the command line.</param>
    public TunnelClient Join(string where = "b", params IReadOnlyList<string> arguments)
    {
        var number = _clients++;
        var state = _folder[string.Create(CultureInfo.InvariantCulture, $"client{number}")];
        // Ports of its own: several clients may be on one computer, but never so many. The first one may stay for good.
        var place = number == 0 ? 0 : 1 + ((number - 1) % (ClientsAtOnce - 1));
        var listen = new IPEndPoint(IPAddress.Loopback, FirstPort + (PortsEach * place));
        return new TunnelClient(this, $"join {number}", where, state, ["--listen", $"{listen}", .. arguments]);
    }

    /// <summary>The same, and waits until its data flows directly.</summary>
    public async Task<TunnelClient> JoinDirectAsync(string where = "b", params IReadOnlyList<string> arguments)
    {
        var client = Join(where, arguments);
        await client.DirectAsync();
        return client;
    }

    /// <summary>Has the doctor examine the network of b.</summary>
    /// <returns>Each finding's value by its name.</returns>
    public async Task<Dictionary<string, string>> DoctorAsync(params IReadOnlyList<string> arguments)
    {
        var doctor = Start("doctor", "b", "doctor", ["--server", ServerName, "--state", _folder["doctor"], .. arguments]);
        var network = await doctor.EventAsync("network");
        (await doctor.ExitAsync()).Ok();
        return network.GetProperty("findings").EnumerateArray()
            .ToDictionary(finding => finding.GetProperty("name").GetString()!, finding => finding.GetProperty("value").GetString()!);
    }

    /// <summary>Starts <c>doctor</c> with the host's invite, as somebody whom nobody has seen before; the router is left alone, which takes seconds where it knows nothing.</summary>
    public ChildProcess Doctor(string where = "b") => Start("doctor", where, "doctor", [Invite, "--no-port-mapping", "--state", _folder["doctor"]]);

    /// <summary>Bytes that the server has forwarded, as its metrics say: the payload of UDP.</summary>
    public async Task<long> ForwardedBytesAsync()
    {
        const string name = "punchline_relay_bytes_total ";
        var text = await _admin.GetStringAsync(new Uri($"http://{Admin}/metrics"));
        var line = text.Split('\n').Single(line => line.StartsWith(name, StringComparison.Ordinal));
        return (long)double.Parse(line[name.Length..], CultureInfo.InvariantCulture);
    }

    public async ValueTask DisposeAsync()
    {
        Report();
        foreach (var (_, process) in _processes)
            await process.DisposeAsync();
        _admin.Dispose();
        await Lab.DisposeAsync();
        _folder.Dispose();
    }

    /// <summary>Starts the program in a place.</summary>
    internal ChildProcess Start(string title, string where, string command, IReadOnlyList<string> arguments)
    {
        var program = _options.Published ? Repository.PublishedProgram : Repository.ReleaseProgram;
        if (!File.Exists(program))
            throw new LabException($"{program} is missing: {(_options.Published ? "./publish --no-tool linux-x64 makes it" : "./test builds it")}");
        List<string> line = [program, command, .. arguments, "--json"];
        if (_options.Verbose)
            line.Add("--verbose");
        var process = Lab.Start(where, line, _folder.Path, Environment());
        lock (_processes)
            _processes.Add((title, process));
        return process;
    }

    private string ServerName => _options.Lab.AIpv6 == "only" ? $"[{NatLab.ServerIpv6}]:3478" : $"{NatLab.Server}:3478";

    // Options may come from variables: those of whoever runs the tests must not.
    private Dictionary<string, string?> Environment()
    {
        var variables = System.Environment.GetEnvironmentVariables().Keys.Cast<string>()
            .Where(name => name.StartsWith("PUNCHLINE_", StringComparison.Ordinal))
            .ToDictionary(name => name, _ => (string?)null);
        if (_options.Portable)
            variables["PUNCHLINE_PORTABLE"] = "1";
        return variables;
    }

    // The runner shows it for a test that fails.
    private void Report()
    {
        if (TestContext.Current.TestOutputHelper is not { } output)
            return;
        foreach (var (title, process) in _processes)
        {
            output.WriteLine($"--- {title}");
            foreach (var line in process.Output.Lines.TakeLast(ReportedLines).Concat(process.Errors.Lines.TakeLast(ReportedLines)))
                output.WriteLine(line);
        }
    }
}
