namespace Punchline.Fuzz.Running;

/// <summary>
/// Ends the process when one run does not end. Nothing else can: the code under test has no point at which it could be asked to stop.
/// The input is kept first.
/// </summary>
internal sealed class Watchdog : IDisposable
{
    /// <summary>The slowest input takes some 20 ms; a machine that is that much slower has other troubles.</summary>
    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(60);

    private readonly IFuzzTarget _target;
    private readonly byte[] _input;
    private readonly Timer _timer;
    private int _length;
    private long _runs;
    private long _runsBefore = -1;

    /// <summary>Watches the runs of a target.</summary>
    /// <param name="input">The buffer in which each input lies.</param>
    public Watchdog(IFuzzTarget target, byte[] input)
    {
        _target = target;
        _input = input;
        _timer = new Timer(static state => ((Watchdog)state!).Look(), this, Limit, Limit);
    }

    /// <summary>A run begins.</summary>
    /// <param name="length">Bytes of the input.</param>
    public void Begin(int length)
    {
        Volatile.Write(ref _length, length);
        Interlocked.Increment(ref _runs);
    }

    public void Dispose() => _timer.Dispose();

    private void Look()
    {
        long runs = Interlocked.Read(ref _runs);
        if (runs == _runsBefore)
        {
            var hang = new TimeoutException($"one input took more than {Limit.TotalSeconds} s");
            Environment.FailFast(Failure.Keep(_target, _input.AsSpan(0, Volatile.Read(ref _length)), hang).ToString());
        }
        _runsBefore = runs;
    }
}
