using System.Globalization;

namespace Punchline.Testing;

/// <summary>How long an endurance test goes on: <c>./test --soak MINUTES</c> hands the minutes out in equal shares.</summary>
/// <param name="length">How long; without it the share of one endurance test.</param>
public sealed class SoakTime(TimeSpan? length = null)
{
    /// <summary>The endurance tests that there are: two of the simulation, one of the laboratory.</summary>
    private const int Tests = 3;

    private readonly long _startedAt = TimeProvider.System.GetTimestamp();
    private readonly TimeSpan _length = length ?? TimeSpan.FromMinutes(
        int.Parse(Environment.GetEnvironmentVariable("PUNCHLINE_SOAK_MINUTES") ?? "1", CultureInfo.InvariantCulture)) / Tests;

    /// <summary>Another one in each run: where its seeds begin.</summary>
    public ulong Number => (ulong)_startedAt;

    /// <summary>True while there is time for another round.</summary>
    public bool IsLeft => TimeProvider.System.GetElapsedTime(_startedAt) < _length;
}
