using System.Net.NetworkInformation;

namespace Punchline.Doctor;

/// <summary>
/// Tells a firewall of this machine from all others: the system counts every packet that the network brought, also those that its own firewall
/// then drops (on Linux and the BSDs the counters lie before and behind it). Packets that did not arrive were dropped elsewhere.
/// </summary>
/// <param name="time">The clock.</param>
/// <param name="isIPv4">Which family is counted.</param>
/// <param name="read">How many packets have come so far and went nowhere; null where the system does not tell.</param>
internal sealed class ArrivalWatch(TimeProvider time, bool isIPv4, Func<bool, long?> read)
{
    /// <summary>Counts what the system counts.</summary>
    public ArrivalWatch(TimeProvider time, bool isIPv4)
        : this(time, isIPv4, Undelivered)
    {
    }

    /// <summary>
    /// Has something done that should bring packets; if it brought none, looks whether they arrived and were dropped. What else arrives and is dropped
    /// meanwhile is taken off, as far as as much comes in the same time afterwards.
    /// </summary>
    /// <param name="work">Brings packets.</param>
    /// <param name="came">Whether its answer says that one was received.</param>
    /// <param name="expected">How many would have arrived, at least; one in five, and one at least, may have been lost.</param>
    /// <param name="stop">Gives up.</param>
    /// <returns>What the work said; and whether this machine dropped them, null if that is not known or not asked.</returns>
    public async Task<(T Answer, bool? DroppedHere)> DuringAsync<T>(Func<Task<T>> work, Func<T, bool> came, int expected, CancellationToken stop)
    {
        long? before = read(isIPv4);
        long start = time.GetTimestamp();
        T answer = await work().ConfigureAwait(false);
        if (came(answer))
            return (answer, null);
        long? after = read(isIPv4);
        await Task.Delay(time.GetElapsedTime(start), time, stop).ConfigureAwait(false);
        long? dropped = after - before - (read(isIPv4) - after);
        return (answer, dropped is null ? null : dropped >= expected - ((expected + 4) / 5));
    }

    private static long? Undelivered(bool isIPv4)
    {
        // macOS tells of IPv4 alone.
        if (!isIPv4 && OperatingSystem.IsMacOS())
            return null;
        try
        {
            IPGlobalProperties system = IPGlobalProperties.GetIPGlobalProperties();
            IPGlobalStatistics counters = isIPv4 ? system.GetIPv4GlobalStatistics() : system.GetIPv6GlobalStatistics();
            return counters.ReceivedPackets - counters.ReceivedPacketsDelivered - counters.ReceivedPacketsForwarded;
        }
        catch (Exception e) when (e is NetworkInformationException or PlatformNotSupportedException)
        {
            return null;
        }
    }
}
