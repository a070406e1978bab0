using Punchline.Quic;

namespace Punchline.Discovery;

/// <summary>A candidate of ours, and what it stands on.</summary>
/// <param name="Address">Where we may be reachable.</param>
/// <param name="Kind">How that is known.</param>
/// <param name="Adapter">The device that a host candidate belongs to; a network card for all others.</param>
internal readonly record struct OwnCandidate(UdpAddress Address, CandidateKind Kind, InterfaceKind Adapter = InterfaceKind.Physical)
{
    /// <summary>
    /// The order in which a peer is told of our candidates, smaller first; equals keep the order that they have. It decides which the peer
    /// keeps where it does not keep all, of private ones above all (docs/wire/punch.md section 7), and not when one is probed: each is at once.
    /// <list type="number">
    /// <item>addresses of network cards: without a NAT, or on one link, the best there is</item>
    /// <item>a port that a router maps, open to everybody</item>
    /// <item>where servers see us</item>
    /// <item>a mapped port of a private address: the inner side of a carrier's NAT, of use to who is behind the same one</item>
    /// <item>virtual adapters: many are alike on millions of machines, and lead nowhere</item>
    /// <item>loopback, of use on one machine alone</item>
    /// </list>
    /// </summary>
    public int Rank => (Adapter, Kind) switch
    {
        (InterfaceKind.Loopback, _) => 5,
        (InterfaceKind.Virtual, _) => 4,
        (_, CandidateKind.Host) => 0,
        (_, CandidateKind.Mapped) => Address.IsPrivate ? 3 : 1,
        _ => 2,
    };

    /// <summary>As the peer hears of it.</summary>
    public Candidate Candidate => new(Address, Kind);
}
