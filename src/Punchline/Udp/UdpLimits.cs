namespace Punchline.Udp;

/// <summary>The sizes that every UDP socket of ours keeps.</summary>
internal static class UdpLimits
{
    /// <summary>Bytes in one sent batch: what the kernel takes in one piece is an IP packet of at most 65,535 bytes with its headers.</summary>
    public const int MaxBatchBytes = 65_000;

    /// <summary>
    /// The kernel's receive queue in bytes: 32 ms at 1 Gbit/s, which covers a garbage collection or a lost time slice.
    /// The kernel counts its own overhead against it as well.
    /// </summary>
    public const int SocketReceiveBytes = 4 << 20;

    /// <summary>The kernel's send queue in bytes: some ten full batches. More would only be delay, as the pacer decides when to send.</summary>
    public const int SocketSendBytes = 1 << 20;
}
