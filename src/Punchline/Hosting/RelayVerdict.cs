using Punchline.Stun;

namespace Punchline.Hosting;

/// <summary>What is known when a connection stays on a server's path.</summary>
/// <param name="Ours">What is known of the NATs on our way out.</param>
/// <param name="Theirs">The same of the peer's, as it says; null if it has not.</param>
internal readonly record struct RelayFacts(NatReport Ours, NatReport? Theirs)
{
    /// <summary>This side was told to stay on the relay.</summary>
    public bool WeHide { get; init; }

    /// <summary>The other side was.</summary>
    public bool TheyHide { get; init; }

    /// <summary>No server answers this side over UDP.</summary>
    public bool WeLackUdp { get; init; }

    /// <summary>None answers the other side.</summary>
    public bool TheyLackUdp { get; init; }

    /// <summary>Servers see both sides at one address.</summary>
    public bool SharesNat { get; init; }
}

/// <summary>Why a connection stays relayed, and the one change that would help most. Pure.</summary>
/// <param name="Cause">For programs.</param>
/// <param name="Because">The end of "relayed, because …".</param>
/// <param name="Advice">The end of "to go direct: …".</param>
internal readonly record struct RelayVerdict(RelayCause Cause, string Because, string Advice)
{
    private const string OpenPort = "turn on UPnP, NAT-PMP or PCP in the router there, or use IPv6 on both sides";

    /// <summary>Draws the conclusion: what was asked for first, then what makes a direct path impossible, then what makes it hard.</summary>
    public static RelayVerdict Of(in RelayFacts facts) => facts switch
    {
        { WeHide: true } => new(RelayCause.RelayOnly, "this side was started with --relay-only", "start it without"),
        { TheyHide: true } => new(RelayCause.RelayOnly, "the other side was started with --relay-only", "have it started without"),
        { WeLackUdp: true } => new(RelayCause.NoUdp, "this network lets no UDP out", "allow UDP to the Internet in its firewall, or use another network"),
        { TheyLackUdp: true } => new(RelayCause.NoUdp, "the other side's network lets no UDP out", "allow UDP to the Internet in its firewall, or use another network there"),
        { SharesNat: true } => new(RelayCause.SharedNat, "both sides are behind one NAT, and it sends nothing back inside (no hairpinning)",
            "in one home, let its devices reach each other (no guest network, no client isolation); behind one provider's NAT, "
            + "turn on UPnP, NAT-PMP or PCP in one side's router; or use IPv6 on both sides"),
        _ => Of(facts.Ours, facts.Theirs ?? default),
    };

    private static RelayVerdict Of(in NatReport ours, in NatReport theirs) => (IsHard(ours.Mapping), IsHard(theirs.Mapping)) switch
    {
        (true, true) => new(RelayCause.HardNats, "both sides are behind NATs that show each peer another port", $"on one side, {OpenPort}"),
        (true, _) => new(RelayCause.HardNat, "this side's NAT shows each peer another port, and the other side's lets in only whom it knows", $"on either side, {OpenPort}"),
        (_, true) => new(RelayCause.HardNat, "the other side's NAT shows each peer another port, and this side's lets in only whom it knows", $"on either side, {OpenPort}"),
        _ when IsEasy(ours.Mapping) && IsEasy(theirs.Mapping) =>
            new(RelayCause.Firewall, "both NATs are easy, but nothing comes through: a firewall drops it", "allow this program's UDP, both ways, in the firewalls of both computers and routers"),
        _ => new(RelayCause.Unknown, "no direct path was found; too little is known of the networks to say why", $"on one side, {OpenPort}"),
    };

    private static bool IsHard(NatMapping mapping) => mapping is NatMapping.AddressDependent or NatMapping.AddressAndPortDependent or NatMapping.Dependent;

    private static bool IsEasy(NatMapping mapping) => mapping is NatMapping.EndpointIndependent or NatMapping.PortIndependent;
}
