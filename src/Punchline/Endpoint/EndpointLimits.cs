namespace Punchline.Endpoint;

/// <summary>The bounds of the driver loop, each with its reason.</summary>
internal static class EndpointLimits
{
    /// <summary>One UDP datagram, or one coalesced batch, at most: nothing that the system hands out is ever cut.</summary>
    public const int ReceiveBufferSize = 65_536;

    /// <summary>64 datagrams of 1,500 bytes, the core's largest batch by count; by size it stays below 65,000 bytes (one IP datagram's limit for GSO).</summary>
    public const int SendBufferSize = 96_000;

    /// <summary>Room for a STUN message or a relay message: below the smallest MTU of IPv6 (1,280).</summary>
    public const int ClientBufferSize = 1_280;

    /// <summary>
    /// Batches taken from a socket in one turn: half a megabyte, 4 ms of a 1 Gbit/s link, so that acknowledgements,
    /// timers and the other sockets wait no longer than that.
    /// </summary>
    public const int MaxReceiveBatches = 8;

    /// <summary>Batches that a connection sends in one turn before the next connection has its turn: a quarter of a megabyte, 2 ms of 1 Gbit/s.</summary>
    public const int MaxTransmitBatches = 4;

    /// <summary>Relayed datagrams that are taken from a control channel in one turn: a batch's worth.</summary>
    public const int MaxChannelFrames = 64;

    /// <summary>Datagrams that a client beside QUIC sends in one turn: a STUN check asks at most a few servers at once.</summary>
    public const int MaxClientTransmits = 16;

    /// <summary>Answers that belong to no connection sent in one go: the core bounds its queue, this bounds the loop.</summary>
    public const int MaxStatelessTransmits = 64;

    /// <summary>
    /// Paths known at once. A connection has at most 64 pairs (DESIGN section 4); 128 connections that all punch fit.
    /// Beyond it datagrams from new addresses are dropped, so that nobody grows the table without end.
    /// </summary>
    public const int MaxPaths = 8_192;

    /// <summary>How long closing packets may wait for a socket whose buffer is full when the endpoint ends.</summary>
    public static readonly TimeSpan CloseFlushTime = TimeSpan.FromMilliseconds(500);
}
