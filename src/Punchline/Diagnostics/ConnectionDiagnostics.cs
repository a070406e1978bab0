using Punchline.Hosting;
using Punchline.Quic;
using Punchline.Quic.Tls;
using Punchline.Udp;

namespace Punchline.Diagnostics;

/// <summary>What a user has asked to be told of connections, for qlog tools and Wireshark: nothing, if they do not ask.</summary>
internal sealed class ConnectionDiagnostics : IAsyncDisposable
{
    private readonly QlogTrace? _qlog;
    private readonly KeyLogFile? _keyLog;

    private ConnectionDiagnostics(QlogTrace? qlog, KeyLogFile? keyLog)
    {
        _qlog = qlog;
        _keyLog = keyLog;
    }

    /// <summary>For the core's events; null if nobody asked.</summary>
    public ITrace? Trace => _qlog;

    /// <summary>For TLS secrets; null if nobody asked.</summary>
    public TlsKeyLog? KeyLog => _keyLog is { } file ? file.Write : null;

    /// <summary>Opens what is asked for, and says loudly when secrets are written down.</summary>
    /// <param name="qlogDirectory">The folder of qlog files, or null.</param>
    /// <param name="keyLogFile">The file of secrets, or null.</param>
    /// <param name="clock">The clock of the core's events.</param>
    /// <param name="time">The wall clock.</param>
    /// <param name="events">Told what is wrong.</param>
    /// <exception cref="PunchlineException">A file or folder cannot be had.</exception>
    public static ConnectionDiagnostics Open(string? qlogDirectory, string? keyLogFile, MonotonicClock clock, TimeProvider time, EventSink events)
    {
        string path = "";
        KeyLogFile? keyLog = null;
        try
        {
            if ((path = keyLogFile ?? "").Length > 0)
            {
                keyLog = new KeyLogFile(path, why => events.Problem(ProblemCode.State, $"TLS secrets are no longer written to {keyLogFile}: {why}"));
                events.Notice($"WARNING: the TLS secrets of all connections are written to {path}: whoever has this file can read what was captured of them. Delete it when you are done.");
            }
            QlogTrace? qlog = null;
            if ((path = qlogDirectory ?? "").Length > 0)
                qlog = new QlogTrace(path, time.GetUtcNow() - (clock.Now - Instant.Zero), why => events.Problem(ProblemCode.State, why));
            return new ConnectionDiagnostics(qlog, keyLog);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            keyLog?.Dispose();
            throw new PunchlineException(ProblemCode.State, $"cannot write {path}: {e.Message}", e);
        }
    }

    /// <summary>Writes what is still in memory. The driver must have stopped.</summary>
    public async ValueTask DisposeAsync()
    {
        if (_qlog is not null)
            await _qlog.DisposeAsync().ConfigureAwait(false);
        _keyLog?.Dispose();
    }
}
