using System.Net;
using System.Text.Json;
using Punchline.Lab.Driver;

namespace Punchline.Lab.Scenes;

/// <summary>A client of a scene, which may be started again.</summary>
internal sealed class TunnelClient
{
    private readonly TunnelScene _scene;
    private readonly string _title;
    private readonly string _where;
    private readonly IReadOnlyList<string> _arguments;
    private long _started;

    public TunnelClient(TunnelScene scene, string title, string where, string state, IReadOnlyList<string> arguments)
    {
        (_scene, _title, _where) = (scene, title, where);
        _arguments = ["--state", state, .. arguments];
        Process = Start([scene.Invite, .. _arguments]);
    }

    /// <summary>The process that runs <c>join</c>.</summary>
    public ChildProcess Process { get; private set; }

    /// <summary>Starts it again, without the invite: it remembers.</summary>
    public void StartAgain() => Process = Start(_arguments);

    /// <summary>Waits until data takes a direct path.</summary>
    /// <param name="from">A mark: only what the process prints from there on counts.</param>
    /// <returns>The event, and the time since the process was started.</returns>
    public async Task<(JsonElement Path, TimeSpan Elapsed)> DirectAsync(int from = 0)
    {
        var path = await Process.EventAsync("path", from, found => found.GetProperty("kind").GetString() == "direct");
        return (path, TimeProvider.System.GetElapsedTime(_started));
    }

    /// <summary>The same, until the direct path is one to an address that begins so, whichever came before.</summary>
    public async Task<TimeSpan> DirectToAsync(string remote)
    {
        await Process.EventAsync("path", 0, found => found.GetProperty("kind").GetString() == "direct"
            && found.GetProperty("remote").GetString()!.StartsWith(remote, StringComparison.Ordinal));
        return TimeProvider.System.GetElapsedTime(_started);
    }

    /// <summary>Waits until data flows, whichever way.</summary>
    /// <returns>The time since the process was started.</returns>
    public async Task<TimeSpan> ConnectedAsync()
    {
        await Process.EventAsync("progress", 0, found => found.GetProperty("stage").GetString() == "connected");
        return TimeProvider.System.GetElapsedTime(_started);
    }

    /// <summary>Sends a byte through the first service as soon as the client listens, whoever is there yet, and waits for its echo.</summary>
    /// <returns>The time since the process was started.</returns>
    public async Task<TimeSpan> FirstByteAsync()
    {
        using var time = new CancellationTokenSource(ChildProcess.StepLimit);
        var listening = await Process.EventAsync("listening", 0);
        using var socket = await LabSocket.ConnectAsync(_scene.Lab, _where, IPEndPoint.Parse(listening.GetProperty("address").GetString()!));
        await socket.SendAsync(new byte[1], time.Token);
        Assert.Equal(1, await socket.ReceiveAsync(new byte[1], time.Token));
        return TimeProvider.System.GetElapsedTime(_started);
    }

    /// <summary>Where a service is, as soon as the client knows.</summary>
    public async Task<IPEndPoint> AddressAsync(string service)
    {
        var found = await Process.EventAsync("listening", 0, found => found.GetProperty("service").GetString() == service);
        return IPEndPoint.Parse(found.GetProperty("address").GetString()!);
    }

    /// <summary>Ends it as Ctrl-C does.</summary>
    public async Task StopAsync()
    {
        await Process.SignalAsync("INT");
        (await Process.ExitAsync()).Ok();
    }

    private ChildProcess Start(IReadOnlyList<string> arguments)
    {
        _started = TimeProvider.System.GetTimestamp();
        return _scene.Start(_title, _where, "join", arguments);
    }
}
