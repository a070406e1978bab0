using Punchline.Quic;

namespace Punchline.Udp;

/// <summary>
/// A small exchange with a server that shares the QUIC socket (STUN, the binding at a relay), without I/O:
/// whoever owns the socket carries its datagrams and calls it when its time has come.
/// </summary>
internal interface IDatagramClient
{
    /// <summary>The server's address.</summary>
    UdpAddress Server { get; }

    /// <summary>When to ask <see cref="TryTransmit"/> again; <see cref="Instant.Never"/> if only a datagram can bring news.</summary>
    Instant NextTimeout { get; }

    /// <summary>Writes the next datagram that is due.</summary>
    /// <param name="now">The time.</param>
    /// <param name="buffer">At least 1,200 bytes.</param>
    /// <param name="length">Bytes written.</param>
    bool TryTransmit(Instant now, Span<byte> buffer, out int length);

    /// <summary>Looks at a datagram that is neither QUIC nor a relayed packet.</summary>
    /// <returns>True if it was this exchange's.</returns>
    bool TryReceive(Instant now, in UdpAddress from, ReadOnlySpan<byte> datagram);
}
