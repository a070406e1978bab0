using System.Globalization;

namespace Punchline.Bench;

/// <summary>CPU time as the system counts it.</summary>
internal static class CpuTime
{
    /// <summary>Ticks of these files in a second.</summary>
    private const double TicksPerSecond = 100;

    /// <summary>Reads /proc/PID/stat or /proc/PID/task/TID/stat (proc(5), fields 14 and 15).</summary>
    public static double SecondsIn(string stat)
    {
        string[] fields = File.ReadAllText(stat).Split(')')[1].Split(' ', StringSplitOptions.RemoveEmptyEntries);
        return (double.Parse(fields[11], CultureInfo.InvariantCulture) + double.Parse(fields[12], CultureInfo.InvariantCulture)) / TicksPerSecond;
    }
}
