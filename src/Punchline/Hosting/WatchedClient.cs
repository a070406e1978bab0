using Punchline.Quic;
using Punchline.Udp;

namespace Punchline.Hosting;

/// <summary>A small exchange whose owner looks at it whenever it has sent or received something. Driver thread only.</summary>
internal sealed class WatchedClient(IDatagramClient inner, Action look) : IDatagramClient
{
    /// <inheritdoc/>
    public UdpAddress Server => inner.Server;

    /// <inheritdoc/>
    public Instant NextTimeout => inner.NextTimeout;

    /// <inheritdoc/>
    public bool TryTransmit(Instant now, Span<byte> buffer, out int length)
    {
        bool any = inner.TryTransmit(now, buffer, out length);
        look();
        return any;
    }

    /// <inheritdoc/>
    public bool TryReceive(Instant now, in UdpAddress from, ReadOnlySpan<byte> datagram)
    {
        if (!inner.TryReceive(now, from, datagram))
            return false;
        look();
        return true;
    }
}
