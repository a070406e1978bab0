using Punchline.Quic;

namespace Punchline.Testing;

/// <summary>A path of one simulated peer: its own address, the other's, and whether a relay stands between.</summary>
public sealed class SimulatedPath(PathKind kind, UdpAddress local, UdpAddress remote) : NetworkPath
{
    /// <inheritdoc/>
    public override PathKind Kind => kind;

    /// <summary>The peer's own address.</summary>
    public UdpAddress LocalAddress => local;

    /// <inheritdoc/>
    public override UdpAddress RemoteAddress => remote;

    /// <summary>A relay's header, so that its room in batches is exercised.</summary>
    public override int HeaderLength => kind == PathKind.Relay ? 9 : 0;

    /// <inheritdoc/>
    public override bool CarriesData => kind == PathKind.Direct || RelayCarriesData;

    /// <summary>Whether the relay takes application data.</summary>
    public bool RelayCarriesData { get; set; } = true;

    /// <inheritdoc/>
    public override string ToString() => $"{kind} {local}>{remote}";
}
