using Punchline.Quic;
using Punchline.Udp;

namespace Punchline.Endpoint;

/// <summary>What a loop is made of; everything is handed in. The loop owns poller and sockets and disposes them.</summary>
internal sealed class EndpointLoopOptions
{
    /// <summary>Waits for all sockets.</summary>
    public required IUdpPoller Poller { get; init; }

    /// <summary>The sockets to begin with; others may join later.</summary>
    public required IReadOnlyList<IUdpSocket> Sockets { get; init; }

    /// <summary>The protocol.</summary>
    public required IEndpointCore Core { get; init; }

    /// <summary>The monotonic clock.</summary>
    public required Func<Instant> Clock { get; init; }

    /// <summary>The wall clock: beside the monotonic one it tells that the machine slept.</summary>
    public required Func<DateTimeOffset> WallClock { get; init; }

    /// <summary>Where datagrams to an address would leave from.</summary>
    public required IRouteLookup Routes { get; init; }

    /// <summary>How far it is from a local to a remote address. Called on the driver's thread, whenever paths are compared.</summary>
    public Func<UdpAddress, UdpAddress, PathReach> ReachOf { get; init; } = static (_, _) => PathReach.Public;

    /// <summary>Who is told of faults.</summary>
    public required IEndpointLog Log { get; init; }

    /// <summary>No direct path is ever made, and what comes over one is dropped unread: nobody but servers hears from this endpoint.</summary>
    public bool RelayOnly { get; init; }

    /// <summary>Makes the owner of an incoming connection; null if none are accepted (a client).</summary>
    public Func<EndpointConnection, IConnectionHandler>? Accept { get; init; }
}
