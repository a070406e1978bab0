using Punchline.Quic;
using Punchline.Udp;

namespace Punchline.PortMapping.Upnp;

/// <summary>
/// Looks for the gateway's description, without I/O: asks on our link, some times, and takes the first answer that comes from the
/// gateway itself and leads to it. What else answers, on the link or beyond, could not open the gateway's ports, and shall not
/// have us fetch anything.
/// </summary>
/// <param name="group">Where to ask: SSDP's multicast group.</param>
/// <param name="gateway">The router's address; the port does not count.</param>
internal sealed class SsdpSearch(UdpAddress group, UdpAddress gateway) : IDatagramClient
{
    private static readonly byte[] Search = SsdpMessage.Search();

    private int _transmissions;

    /// <inheritdoc/>
    public UdpAddress Server => group;

    /// <inheritdoc/>
    public Instant NextTimeout { get; private set; } = Instant.Zero;

    /// <summary>Where the description is; null until it was told.</summary>
    public Uri? Location { get; private set; }

    /// <inheritdoc/>
    public bool TryTransmit(Instant now, Span<byte> buffer, out int length)
    {
        length = 0;
        if (now < NextTimeout)
            return false;
        if (_transmissions == MappingLimits.MaxTransmissions)
        {
            NextTimeout = Instant.Never;
            return false;
        }
        NextTimeout = now + (MappingLimits.FirstTimeout * (1 << _transmissions));
        _transmissions++;
        Search.CopyTo(buffer);
        length = Search.Length;
        return true;
    }

    /// <inheritdoc/>
    public bool TryReceive(Instant now, in UdpAddress from, ReadOnlySpan<byte> datagram)
    {
        if (!NextTimeout.IsSet || _transmissions == 0 || !from.SameHost(gateway)
            || !SsdpMessage.TryReadAnswer(datagram, out string text) || !UpnpUrl.TryRead(text, gateway, out Uri? location))
            return false;
        Location = location;
        NextTimeout = Instant.Never;
        return true;
    }
}
