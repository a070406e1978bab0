using Punchline.Quic;

namespace Punchline.Relay;

/// <summary>The way to a peer through a server: its UDP address and the handle that stands for the pair on our side (docs/wire/relay.md).</summary>
internal sealed class RelayPath(UdpAddress server, ulong handle) : NetworkPath
{
    /// <summary>What our DATA frames carry.</summary>
    public ulong Handle { get; } = handle;

    public override PathKind Kind => PathKind.Relay;

    public override UdpAddress RemoteAddress { get; } = server;

    public override int HeaderLength => RelayFrame.DataHeaderLength;

    /// <summary>What Ethernet's 1,500 bytes leave behind IPv4 (20) or IPv6 (40) and UDP (8).</summary>
    public override int MaxUdpPayload => RemoteAddress.IsIPv6 ? 1452 : 1472;

    public override string ToString() => "through " + RemoteAddress;
}
