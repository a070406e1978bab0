using System.Buffers;
using System.Text.Json;
using Punchline.Quic;

namespace Punchline.Diagnostics;

/// <summary>
/// Writes what happens in each connection to a file of its own, in qlog (draft-ietf-quic-qlog-main-schema, draft-ietf-quic-qlog-quic-events).
/// Records are made on the driver's thread, where the connection's state is to be had, and reach the disk on another.
/// </summary>
internal sealed class QlogTrace : ITrace, IAsyncDisposable
{
    /// <summary>Connections that are logged at a time: each holds a piece of a file in memory.</summary>
    public const int MaxConnections = 64;

    /// <summary>The state that each connection begins with: who comes in the middle has no header.</summary>
    private const string Started = "started";

    /// <summary>The state behind which nothing comes.</summary>
    private const string Ended = "ended";

    private readonly Dictionary<QuicConnection, Log> _logs = [];
    private readonly ArrayBufferWriter<byte> _record = new(4096);
    private readonly Utf8JsonWriter _json;
    private readonly QlogOutput _output;
    private readonly string _folder;
    private readonly DateTimeOffset _zero;
    private readonly Action<string> _problem;
    private long _leftOut;
    private int _notLogged;

    private sealed record Log(QlogConnection File, QlogEvents Events);

    /// <param name="folder">Where the files go; it is made when missing.</param>
    /// <param name="zero">The wall clock's time at the zero of the events' clock.</param>
    /// <param name="problem">Told what is wrong with the files, or missing in them. From any thread.</param>
    /// <exception cref="IOException">The folder cannot be made.</exception>
    /// <exception cref="UnauthorizedAccessException">The folder may not be made.</exception>
    public QlogTrace(string folder, DateTimeOffset zero, Action<string> problem)
    {
        _folder = Path.GetFullPath(folder);
        DiagnosticFile.MakeFolder(_folder);
        _zero = zero;
        _problem = problem;
        _output = new QlogOutput(why => problem($"a qlog file cannot be written, {why}"));
        // What we write is valid by the tests; a packet that is not must not throw here.
        _json = new Utf8JsonWriter(_record, new JsonWriterOptions { SkipValidation = true });
    }

    /// <inheritdoc/>
    public void Record(QuicConnection connection, in TraceEvent traceEvent, ReadOnlySpan<byte> content)
    {
        string? state = traceEvent.Kind == TraceKind.State ? traceEvent.Text : null;
        if (!_logs.TryGetValue(connection, out Log? log))
        {
            if (state != Started)
                return;
            if (_logs.Count >= MaxConnections)
            {
                _notLogged++;
                return;
            }
            log = Open(connection);
            _logs.Add(connection, log);
        }
        log.Events.Write(traceEvent, content);
        if (state != Ended)
            return;
        _logs.Remove(connection);
        Complete(log);
    }

    /// <summary>Writes what is still in memory. The driver must have stopped.</summary>
    public async ValueTask DisposeAsync()
    {
        foreach (Log log in _logs.Values)
            Complete(log);
        _logs.Clear();
        await _output.DisposeAsync().ConfigureAwait(false);
        await _json.DisposeAsync().ConfigureAwait(false);
        if (_leftOut > 0)
            _problem($"the qlog files lack {_leftOut} events: the disk was too slow for them");
        if (_notLogged > 0)
            _problem($"{_notLogged} connections have no qlog file: at most {MaxConnections} are logged at a time");
    }

    private Log Open(QuicConnection connection)
    {
        string role = connection.IsClient ? "client" : "server";
        string path = Path.Combine(_folder, $"{connection.OriginalDestination}_{role}.sqlog");
        var file = new QlogConnection(_output, path, QlogHeader.Of(connection, _zero));
        return new Log(file, new QlogEvents(connection, file, _record, _json));
    }

    private void Complete(Log log)
    {
        log.File.Complete();
        _leftOut += log.File.LeftOut;
    }
}
