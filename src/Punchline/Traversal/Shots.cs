using Punchline.Quic;
using Punchline.Quic.Paths;

namespace Punchline.Traversal;

/// <summary>One probe of an attempt.</summary>
/// <param name="At">From the beginning of the attempt.</param>
/// <param name="Socket">The place of its socket among those of the attempt.</param>
/// <param name="Port">The peer's port.</param>
/// <param name="TimeToLive">Hops that it may make, 0 for the usual number.</param>
internal readonly record struct Shot(TimeSpan At, int Socket, ushort Port, byte TimeToLive);

/// <summary>What leaves in an attempt, and when. Pure: both sides of every method are lists in the order of time.</summary>
internal static class Shots
{
    /// <summary>From the opening packets to the first that shall arrive: the other side may begin later by what half a round trip varies.</summary>
    private static readonly TimeSpan LeastOpening = TimeSpan.FromMilliseconds(40);

    /// <summary>Times of the probes that shall arrive, in units of the first one's.</summary>
    private static readonly int[] Repeats = [1, 2, 4, 8, 16];

    /// <summary>The repeats of the longest end before the peer gives the attempt up.</summary>
    private static readonly TimeSpan LongestOpening = TimeSpan.FromMilliseconds(250);

    /// <summary>
    /// <see cref="TraversalMethod.Exchange"/>: every port in order, first with packets that open our own NAT and die before the peer's, so that no
    /// router sees an unexpected packet and keeps the flow to itself; then with such as arrive.
    /// </summary>
    /// <param name="ports">The peer's; those below 1,024 are left out.</param>
    /// <param name="roundTrip">Of the path that the two sides agreed over.</param>
    public static Shot[] Exchange(ReadOnlySpan<ushort> ports, TimeSpan roundTrip)
    {
        TimeSpan unit = Clamp(roundTrip / 2, LeastOpening, LongestOpening);
        var shots = new List<Shot>();
        Add(TimeSpan.Zero, ports, TraversalLimits.OpeningTimeToLive);
        foreach (int repeat in Repeats)
            Add(unit * repeat, ports, 0);
        return [.. shots];

        void Add(TimeSpan at, ReadOnlySpan<ushort> to, byte timeToLive)
        {
            foreach (ushort port in to)
            {
                if (port >= CandidateRules.LowestPort)
                    shots.Add(new Shot(at, 0, port, timeToLive));
            }
        }
    }

    /// <summary>
    /// The side that opens, of the birthday method: each socket to the peer's one port, at first with packets that die on the way; the
    /// peer's own arrive here. When the peer has tried all, each once more with such as arrive: a router of the peer's that was tried lets it in, also
    /// where a second NAT of ours was not opened before. It refreshes each mapping within 10 s.
    /// </summary>
    /// <param name="port">The peer's.</param>
    /// <param name="sockets">How many.</param>
    /// <param name="roundTrip">Of the path that the two sides agreed over.</param>
    public static Shot[] Open(ushort port, int sockets, TimeSpan roundTrip)
    {
        if (port < CandidateRules.LowestPort)
            return [];
        var shots = new List<Shot>(2 * sockets);
        TimeSpan second = SecondOpening(roundTrip);
        for (int i = 0; i < sockets; i++)
            shots.Add(new Shot(PacedTime(i), i, port, TraversalLimits.OpeningTimeToLive));
        for (int i = 0; i < sockets; i++)
            shots.Add(new Shot(second + PacedTime(i), i, port, 0));
        return [.. shots];
    }

    /// <summary>The side that tries, of the birthday method: distinct ports by lot, from one socket, each once.</summary>
    /// <param name="randomness">Draws the ports.</param>
    public static Shot[] Spray(IRandomness randomness)
    {
        var drawn = new HashSet<ushort>(TraversalLimits.SprayedPorts);
        var shots = new List<Shot>(TraversalLimits.SprayedPorts);
        Span<byte> bytes = stackalloc byte[2];
        while (shots.Count < TraversalLimits.SprayedPorts)
        {
            randomness.FillPublic(bytes);
            ushort port = BitConverter.ToUInt16(bytes);
            if (port >= CandidateRules.LowestPort && drawn.Add(port))
                shots.Add(new Shot(PacedTime(shots.Count), 0, port, 0));
        }
        return [.. shots];
    }

    /// <summary>From the beginning of a birthday attempt to its last probe, on whichever side.</summary>
    public static TimeSpan SprayTime(TimeSpan roundTrip) => SecondOpening(roundTrip) + PacedTime(TraversalLimits.OpenedSockets);

    // When the last port that was tried has opened the peer's router.
    private static TimeSpan SecondOpening(TimeSpan roundTrip) =>
        PacedTime(TraversalLimits.SprayedPorts) + Clamp(roundTrip, LeastOpening, TraversalLimits.Aftermath);

    private static TimeSpan PacedTime(int shot) => shot / TraversalLimits.Burst * TraversalLimits.BurstInterval;

    private static TimeSpan Clamp(TimeSpan value, TimeSpan least, TimeSpan most) => value < least ? least : value > most ? most : value;
}
