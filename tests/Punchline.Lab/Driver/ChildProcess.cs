using System.Diagnostics;
using System.Globalization;
using System.Text.Json;

namespace Punchline.Lab.Driver;

/// <summary>
/// A program that a test started: its output by lines (or JSON objects), its input, signals, and its certain end.
/// Disposing it ends it and what it started; so does the end of the test process.
/// </summary>
internal sealed class ChildProcess : IAsyncDisposable
{
    /// <summary>How long a single step may take before the test calls it a hang; far beyond what a busy machine needs.</summary>
    public static readonly TimeSpan StepLimit = TimeSpan.FromSeconds(90);

    private readonly Process _process;
    private readonly string _title;
    private readonly Task _drained;
    private int _nextLine;
    private int _disposed;

    private ChildProcess(Process process, string title)
    {
        _process = process;
        _title = title;
        Id = process.Id;
        _drained = Task.WhenAll(PumpAsync(process.StandardOutput, Output), PumpAsync(process.StandardError, Errors));
    }

    public int Id { get; }

    public bool HasExited => _process.HasExited;

    /// <summary>Standard output so far.</summary>
    public OutputLog Output { get; } = new();

    /// <summary>Standard error so far.</summary>
    public OutputLog Errors { get; } = new();

    public StreamWriter Input => _process.StandardInput;

    /// <summary>
    /// Starts a program, found on PATH or in the folders of system programs. Who started the tests may have had signals ignored (nohup, a shell's
    /// background), which a program inherits: here it begins with none ignored.
    /// </summary>
    /// <param name="command">The program and its arguments.</param>
    /// <param name="folder">Where it starts; null for the test's own folder.</param>
    /// <param name="environment">Variables to set, or with null to remove.</param>
    public static ChildProcess Start(
        IReadOnlyList<string> command, string? folder = null, IReadOnlyDictionary<string, string?>? environment = null)
    {
        // env becomes the program: its process id is the program's.
        var info = new ProcessStartInfo("env", ["--default-signal", Programs.Find(command[0]) ?? command[0], .. command.Skip(1)])
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            UseShellExecute = false,
            WorkingDirectory = folder ?? "",
        };
        foreach (var (name, value) in environment ?? new Dictionary<string, string?>())
            info.Environment[name] = value;
        var process = Process.Start(info) ?? throw new LabException($"{command[0]} did not start");
        var child = new ChildProcess(process, string.Join(' ', command));
        AtExit.Add(child.Kill);
        return child;
    }

    /// <summary>Runs a program to its end.</summary>
    public static async Task<ProcessResult> RunAsync(
        IReadOnlyList<string> command, string? folder = null, IReadOnlyDictionary<string, string?>? environment = null, TimeSpan? limit = null)
    {
        await using var child = Start(command, folder, environment);
        child.Input.Close();
        return await child.ExitAsync(limit);
    }

    /// <summary>Waits for a line of standard output; each call looks only behind the line that the last one found.</summary>
    public async Task<string> LineAsync(Func<string, bool> fits, string what, TimeSpan? limit = null)
    {
        (var line, _nextLine) = await FindAsync(Output, fits, _nextLine, what, limit);
        return line;
    }

    /// <summary>Waits for a line of standard error, from its first on or behind as many as are given.</summary>
    public async Task<string> ErrorLineAsync(Func<string, bool> fits, string what, TimeSpan? limit = null, int behind = 0) =>
        (await FindAsync(Errors, fits, behind, what, limit)).Line;

    /// <summary>Waits for the next JSON line whose <c>event</c> is this one (and fits); those before it are passed over.</summary>
    public async Task<JsonElement> EventAsync(string name, Func<JsonElement, bool>? fits = null, TimeSpan? limit = null)
    {
        JsonElement found = default;
        await LineAsync(
            line => Fits(line, name, fits, out found),
            $"the event '{name}'",
            limit);
        return found;
    }

    /// <summary>How many lines it has printed so far: with it, events are awaited that come from now on.</summary>
    public int Mark => Output.Lines.Count;

    /// <summary>Waits for a JSON line from a mark on, whatever other calls have found.</summary>
    public async Task<JsonElement> EventAsync(string name, int from, Func<JsonElement, bool>? fits = null, TimeSpan? limit = null)
    {
        JsonElement found = default;
        await FindAsync(Output, line => Fits(line, name, fits, out found), from, $"the event '{name}'", limit);
        return found;
    }

    /// <summary>Sends a signal, such as <c>TERM</c> or <c>INT</c>.</summary>
    public async Task SignalAsync(string signal)
    {
        using var kill = Process.Start("kill", ["-" + signal, Id.ToString(CultureInfo.InvariantCulture)]);
        await kill.WaitForExitAsync();
    }

    /// <summary>Ends it and all it started, at once.</summary>
    public void Kill()
    {
        try
        {
            _process.Kill(entireProcessTree: true);
        }
        catch (InvalidOperationException)
        {
            // It has ended already, which is what was wanted.
        }
    }

    /// <summary>Waits for its end and for the end of its output.</summary>
    public async Task<ProcessResult> ExitAsync(TimeSpan? limit = null)
    {
        using var time = new CancellationTokenSource(limit ?? StepLimit);
        try
        {
            await _process.WaitForExitAsync(time.Token);
            await _drained.WaitAsync(time.Token);
        }
        catch (OperationCanceledException)
        {
            throw new LabException($"{_title} did not end{Report()}");
        }

        return new ProcessResult(_title, _process.ExitCode, Output.ToString(), Errors.ToString());
    }

    public async ValueTask DisposeAsync()
    {
        if (Interlocked.Exchange(ref _disposed, 1) != 0)
            return;
        Kill();
        await _process.WaitForExitAsync();
        AtExit.Remove(Kill);
        _process.Dispose();
    }

    private static bool Fits(string line, string name, Func<JsonElement, bool>? fits, out JsonElement found)
    {
        using var document = JsonDocument.Parse(line);
        found = document.RootElement.Clone();
        return found.GetProperty("event").GetString() == name && fits?.Invoke(found) != false;
    }

    private static async Task PumpAsync(StreamReader from, OutputLog log)
    {
        try
        {
            while (await from.ReadLineAsync() is { } line)
                log.Add(line);
        }
        catch (Exception e) when (e is IOException or ObjectDisposedException)
        {
            // The pipe went with the process.
        }

        log.End();
    }

    private async Task<(string Line, int Next)> FindAsync(OutputLog log, Func<string, bool> fits, int from, string what, TimeSpan? limit)
    {
        using var time = new CancellationTokenSource(limit ?? StepLimit);
        try
        {
            var (line, next) = await log.FindAsync(fits, from, time.Token);
            return (line ?? throw new LabException($"{_title} ended without {what}{Report()}"), next);
        }
        catch (OperationCanceledException)
        {
            throw new LabException($"{_title} did not come to {what}{Report()}");
        }
    }

    private string Report() => $"\n--- output\n{Output}\n--- errors\n{Errors}";
}
