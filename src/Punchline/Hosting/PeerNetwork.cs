using Punchline.Discovery;
using Punchline.Quic;

namespace Punchline.Hosting;

/// <summary>What the rules about candidates ask (docs/wire/punch.md section 7), answered from the network as it is now. Driver thread only.</summary>
internal sealed class PeerNetwork(LocalNetwork current) : ILocalNetwork
{
    private readonly HashSet<ushort> _ports = [];

    /// <summary>This machine's addresses and links.</summary>
    public LocalNetwork Current { get; set; } = current;

    /// <inheritdoc/>
    public bool AllowsLoopback => Current.AllowsLoopback;

    /// <summary>The ports of our sockets.</summary>
    public void SetPorts(IEnumerable<ushort> ports)
    {
        _ports.Clear();
        _ports.UnionWith(ports);
    }

    /// <inheritdoc/>
    public bool IsOnLink(UdpAddress address) => Current.IsOnLink(address);

    /// <inheritdoc/>
    /// <remarks>Another port of this machine's is another program, which may well be the peer.</remarks>
    public bool IsOwn(UdpAddress address) => _ports.Contains(address.Port) && Current.IsOwn(address);
}
