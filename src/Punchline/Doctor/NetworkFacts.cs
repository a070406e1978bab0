using Punchline.Discovery;
using Punchline.PortMapping;
using Punchline.Quic;
using Punchline.Stun;
using Punchline.Traversal.Lifetime;

namespace Punchline.Doctor;

/// <summary>What became of the server's control channel.</summary>
/// <param name="Failure">Why it could not be used; null if it could.</param>
/// <param name="Relays">Whether the server relays data.</param>
/// <param name="IsSilent">It could not be used because nothing answered there.</param>
internal readonly record struct ChannelFacts(string? Failure, bool Relays, bool IsSilent = false);

/// <summary>What was found over UDP in one address family.</summary>
/// <param name="Server">Whom we asked.</param>
internal sealed record UdpFacts(UdpAddress Server)
{
    /// <summary>Where it sees us; none if it did not answer.</summary>
    public UdpAddress Mapped { get; init; }

    /// <summary>To the server and back; null if it is not known.</summary>
    public TimeSpan? RoundTripTime { get; init; }

    /// <summary>What is known of the NATs and firewalls on the way.</summary>
    public NatReport Nat { get; init; }

    /// <summary>
    /// Packets that nobody here asked for, or even answers, arrive and are dropped by this machine. False if none arrived; null if that is not known,
    /// or they were received.
    /// </summary>
    public bool? DropsHere { get; init; }

    /// <summary>The server answers.</summary>
    public bool Works => !Mapped.IsNone;
}

/// <summary>What one port mapping protocol came to.</summary>
/// <param name="Protocol">Which.</param>
/// <param name="IsFound">The router speaks it.</param>
internal sealed record MappingFacts(MappingProtocol Protocol, bool IsFound)
{
    /// <summary>What the router said to the wish for a port.</summary>
    public MappingReply Reply { get; init; }

    /// <summary>What is to be thought of the address that it named.</summary>
    public MappingVerdict Verdict { get; init; }

    /// <summary>What a server's packets to it have shown; pending if none were asked for.</summary>
    public MappingCheckOutcome Check { get; init; }

    /// <summary>A server's packet came in through it.</summary>
    public bool IsOpen => Check == MappingCheckOutcome.Open;

    /// <summary>It arrived, and this machine dropped it.</summary>
    public bool IsDroppedHere { get; init; }
}

/// <summary>All that an examination of this network found.</summary>
/// <param name="Network">This machine's addresses.</param>
/// <param name="Channel">The server over TCP.</param>
internal sealed record NetworkFacts(LocalNetwork Network, ChannelFacts Channel)
{
    /// <summary>The server over UDP and IPv4; null if it has no such address that we know, or this machine no way there.</summary>
    public UdpFacts? IPv4 { get; init; }

    /// <summary>The same over IPv6.</summary>
    public UdpFacts? IPv6 { get; init; }

    /// <summary>Whether two sockets of ours reach each other at their public addresses; null if that is not known.</summary>
    public bool? Hairpins { get; init; }

    /// <summary>The router; null if there is none.</summary>
    public Gateway? Gateway { get; init; }

    /// <summary>The router may be asked for ports: the user did not forbid it.</summary>
    public bool MayMapPorts { get; init; } = true;

    /// <summary>What each port mapping protocol came to; null if they were not asked.</summary>
    public IReadOnlyList<MappingFacts>? Mappings { get; init; }

    /// <summary>How long mappings live without traffic; null if that was not measured.</summary>
    public MappingLifetime? Lifetime { get; init; }

    /// <summary>The family that peers are met over; null if UDP does not get through.</summary>
    public UdpFacts? BestUdp => IPv4 is { Works: true } ? IPv4 : IPv6 is { Works: true } ? IPv6 : null;

    /// <summary>A port of the router's leads here, as a packet from outside has shown.</summary>
    public bool HasOpenPort => Mappings?.Any(static mapping => mapping.IsOpen) == true;
}
