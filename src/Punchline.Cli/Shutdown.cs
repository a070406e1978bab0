using System.Runtime.InteropServices;

namespace Punchline.Cli;

/// <summary>Ctrl-C, SIGTERM and SIGHUP: the first asks for a clean end, the second ends at once.</summary>
internal sealed class Shutdown : IDisposable
{
    private readonly CancellationTokenSource _stop = new();
    private readonly Action<ExitCode> _endNow;
    private readonly List<PosixSignalRegistration> _registrations = [];
    private int _requests;

    public Shutdown(Action<ExitCode> endNow) => _endNow = endNow;

    /// <summary>Cancelled by the first request.</summary>
    public CancellationToken Token => _stop.Token;

    /// <summary>Listens to the signals of this process.</summary>
    public void Listen()
    {
        foreach (var signal in new[] { PosixSignal.SIGINT, PosixSignal.SIGTERM, PosixSignal.SIGHUP })
            _registrations.Add(PosixSignalRegistration.Create(signal, context =>
            {
                context.Cancel = true;
                Request();
            }));
    }

    public void Request()
    {
        if (Interlocked.Increment(ref _requests) == 1)
            _stop.Cancel();
        else
            _endNow(ExitCode.Interrupted);
    }

    public void Dispose()
    {
        foreach (var registration in _registrations)
            registration.Dispose();
        _stop.Dispose();
    }
}
