using Punchline.Quic;

namespace Punchline.Udp.Portable;

/// <summary>Sockets of the base library, on every system it runs on.</summary>
internal sealed class PortableUdpPlatform : UdpPlatform
{
    /// <inheritdoc/>
    /// <remarks>The base library can tell the local address of a datagram only at the price of an allocation for each.</remarks>
    public override bool KnowsLocalAddress => false;

    /// <inheritdoc/>
    public override string Name => "portable";

    /// <inheritdoc/>
    public override IUdpSocket Bind(in UdpAddress local) => new PortableUdpSocket(local);

    /// <inheritdoc/>
    public override IUdpPoller CreatePoller() => new PortableUdpPoller();
}
