using Punchline.Quic;
using Punchline.Udp;

namespace Punchline.Endpoint;

/// <summary>The routing table of this machine.</summary>
internal sealed class SystemRoutes : IRouteLookup
{
    /// <inheritdoc/>
    public bool TryGetSource(in UdpAddress remote, out UdpAddress source)
    {
        source = RouteLookup.LocalAddressFor(remote);
        return !source.IsNone;
    }
}
