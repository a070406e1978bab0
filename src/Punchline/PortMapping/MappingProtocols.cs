using Punchline.Discovery;
using Punchline.PortMapping.NatPmp;
using Punchline.PortMapping.Pcp;
using Punchline.PortMapping.Upnp;
using Punchline.Quic;
using Punchline.Udp;

namespace Punchline.PortMapping;

/// <summary>The router on this machine's way out, and every protocol to ask it by.</summary>
internal static class MappingProtocols
{
    /// <summary>The router now; null if there is none.</summary>
    public static Gateway? FindGateway()
    {
        UdpAddress gateway = DefaultGateway.Find();
        UdpAddress local = RouteLookup.LocalAddressFor(gateway);
        return gateway.IsNone || local.IsNone ? null : new Gateway(gateway, local);
    }

    /// <summary>All of them, best first.</summary>
    public static IReadOnlyList<IMapper> All(Gateway gateway, ushort port, TimeProvider time, IRandomness randomness)
    {
        var link = new GatewayLink(gateway, time);
        return
        [
            new PcpMapper(link, port, randomness, NatPmpMessage.Port),
            new NatPmpMapper(link, port, NatPmpMessage.Port),
            new UpnpMapper(link, port, randomness, UpnpMapper.Group),
        ];
    }

    /// <summary>Gives a mapping back, within <see cref="MappingLimits.ReleaseTime"/>.</summary>
    public static async Task GiveBackAsync(IMapper mapper, TimeProvider time)
    {
        using var limit = new CancellationTokenSource(MappingLimits.ReleaseTime, time);
        try
        {
            await mapper.UnmapAsync(limit.Token).ConfigureAwait(false);
        }
        catch (OperationCanceledException)
        {
            // The router does not answer; the lease ends by itself.
        }
    }
}
