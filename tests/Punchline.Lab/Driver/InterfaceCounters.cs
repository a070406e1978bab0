namespace Punchline.Lab.Driver;

/// <summary>Bytes and packets that a network device has carried, by link-layer size.</summary>
internal readonly record struct InterfaceCounters(long ReceivedBytes, long SentBytes, long ReceivedPackets, long SentPackets)
{
    public static InterfaceCounters operator -(InterfaceCounters later, InterfaceCounters earlier) => new(
        later.ReceivedBytes - earlier.ReceivedBytes,
        later.SentBytes - earlier.SentBytes,
        later.ReceivedPackets - earlier.ReceivedPackets,
        later.SentPackets - earlier.SentPackets);
}
