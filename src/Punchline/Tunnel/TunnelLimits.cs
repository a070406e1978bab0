namespace Punchline.Tunnel;

/// <summary>The bounds of the forwarders, each with its reason.</summary>
internal static class TunnelLimits
{
    /// <summary>TCP connections carried at once for one peer: below the 1,024 bidirectional streams that QUIC allows by default, the control stream among them.</summary>
    public const int MaxConnections = 1_000;

    /// <summary>
    /// Bytes that may wait between a socket and its stream, each way: 2 ms of 1 Gbit/s, more than the driver takes to come
    /// around. What exceeds it waits in the kernel's buffers and in QUIC's flow control.
    /// </summary>
    public const int PipePause = 256 * 1024;

    /// <summary>The paused side goes on below this: half, so that it does not stop and go for every read.</summary>
    public const int PipeResume = PipePause / 2;

    /// <summary>One read from a socket or a stream: large enough that system calls are few, small enough that many connections fit into memory.</summary>
    public const int ChunkSize = 32 * 1024;

    /// <summary>A local connection that came before the direct path stood waits this long before it is reset with the reason: longer than punching takes when it succeeds (about 4 s), shorter than people's patience.</summary>
    public static readonly TimeSpan MaxWait = TimeSpan.FromSeconds(10);

    /// <summary>How long the host tries to connect to a service: local networks answer at once; a friend's program waits meanwhile.</summary>
    public static readonly TimeSpan DialTimeout = TimeSpan.FromSeconds(5);

    /// <summary>Accepting or receiving on a local port failed (no descriptors left): try again after this, not in a busy loop.</summary>
    public static readonly TimeSpan AcceptRetry = TimeSpan.FromMilliseconds(100);

    /// <summary>UDP flows for one peer: one for each local source address, a socket each at the host. The one idle longest makes room.</summary>
    public const int MaxUdpFlows = 512;

    /// <summary>
    /// New UDP flows of one peer in a second, after a table full at once: a resolver that asks from a new port each time has room; making
    /// a socket takes some 50 µs of the driver's thread, so this is about 1 % of it.
    /// </summary>
    public const double NewUdpFlowsPerSecond = 256;

    /// <summary>A UDP flow without a datagram either way for this long has ended: games, voice and DNS are never silent that long; many NATs forget a mapping sooner, so programs are used to it.</summary>
    public static readonly TimeSpan UdpIdle = TimeSpan.FromSeconds(60);

    /// <summary>
    /// Room for one local datagram: more than any path carries (1,472 bytes), so one that fills it does not fit and is
    /// counted as too large instead of being cut.
    /// </summary>
    public const int DatagramSlot = 2_048;

    /// <summary>Local datagrams that wait for the driver: 1 MiB; beyond it they are dropped as any full socket buffer would drop them.</summary>
    public const int DatagramSlots = 512;
}
