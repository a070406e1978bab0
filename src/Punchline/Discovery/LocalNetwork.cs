using System.Collections.Immutable;
using Punchline.Quic;

namespace Punchline.Discovery;

/// <summary>
/// What is known of this machine's own addresses and links at one moment. Immutable: a change of the network makes a new one.
/// </summary>
internal sealed class LocalNetwork : IEquatable<LocalNetwork>
{
    /// <summary>
    /// Addresses that are offered to a peer: it keeps 16 candidates of ours, and some places belong to reflexive and mapped ones.
    /// The order decides which of a machine with more are left out.
    /// </summary>
    public const int MaxHostAddresses = 10;

    private readonly ImmutableArray<InterfaceAddress> _all;

    /// <summary>Draws the conclusions from a list of addresses.</summary>
    /// <param name="addresses">Every address of every device that is up.</param>
    /// <param name="allowsLoopback">Whether this machine itself may be reached over loopback (demonstrations and tests).</param>
    public LocalNetwork(IEnumerable<InterfaceAddress> addresses, bool allowsLoopback)
    {
        AllowsLoopback = allowsLoopback;
        _all = [.. addresses];
        Usable = [.. Select(_all, allowsLoopback)];
    }

    /// <summary>Whether loopback addresses count as usable and on-link.</summary>
    public bool AllowsLoopback { get; }

    /// <summary>
    /// The addresses to bind to and to offer, best first: network cards before virtual adapters, IPv6 before IPv4, of each device's
    /// IPv6 addresses one temporary and one stable of each scope. Never link-local IPv6 ones, which mean nothing without the
    /// peer's scope, and never deprecated or tentative ones.
    /// </summary>
    public ImmutableArray<InterfaceAddress> Usable { get; }

    /// <summary>Asks the system.</summary>
    /// <param name="allowsLoopback">See the constructor.</param>
    public static LocalNetwork Read(bool allowsLoopback) => new(SystemInterfaces.Read(), allowsLoopback);

    /// <summary>True for every address of this machine, usable or not, and for loopback.</summary>
    public bool IsOwn(UdpAddress address)
    {
        if (address.IsLoopback)
            return true;
        foreach (InterfaceAddress own in _all)
        {
            if (own.Address.SameHost(address))
                return true;
        }
        return false;
    }

    /// <summary>
    /// True if an address is reached without a router: it shares a prefix with one of ours. A link-local IPv6 address must
    /// have the scope of one of our links; loopback counts if it is allowed.
    /// </summary>
    public bool IsOnLink(UdpAddress address)
    {
        if (address.IsLoopback)
            return AllowsLoopback;
        foreach (InterfaceAddress own in _all)
        {
            if (IsLinkTo(own, address))
                return true;
        }
        return false;
    }

    /// <summary>How far it is from one of our addresses to a peer's, as far as the addresses tell: a prefix is a link, a private address is somewhere near.</summary>
    /// <param name="local">The address that datagrams leave from; none if the system chooses it.</param>
    /// <param name="remote">The peer's.</param>
    public PathReach ReachOf(UdpAddress local, UdpAddress remote)
    {
        InterfaceAddress source = _all.FirstOrDefault(own => own.Address.SameHost(local));
        if (source.Kind == InterfaceKind.Virtual)
            return PathReach.Virtual;
        foreach (InterfaceAddress own in _all)
        {
            if (IsLinkTo(own, remote) && (source.Interface is null || source.Interface == own.Interface))
                return own.Kind == InterfaceKind.Virtual ? PathReach.Virtual : PathReach.OnLink;
        }
        return remote.IsPrivate ? PathReach.Private : PathReach.Public;
    }

    /// <summary>The host candidates of bound sockets (RFC 8445 section 5.1.1.1), best first.</summary>
    /// <param name="bound">Their addresses: the wildcard of a family stands for every usable address of that family.</param>
    public ImmutableArray<OwnCandidate> HostCandidates(params ReadOnlySpan<UdpAddress> bound)
    {
        ImmutableArray<OwnCandidate>.Builder candidates = ImmutableArray.CreateBuilder<OwnCandidate>();
        foreach (InterfaceAddress usable in Usable)
        {
            foreach (UdpAddress socket in bound)
            {
                bool isReached = socket.IsUnspecified ? usable.Address.IsIPv4 == socket.IsIPv4 : usable.Address.SameHost(socket);
                if (isReached && !socket.IsNone)
                    candidates.Add(new OwnCandidate(usable.Address.WithPort(socket.Port), CandidateKind.Host, usable.Kind));
            }
        }
        return candidates.ToImmutable();
    }

    /// <inheritdoc/>
    public bool Equals(LocalNetwork? other) =>
        other is not null && AllowsLoopback == other.AllowsLoopback && _all.AsSpan().SequenceEqual(other._all.AsSpan());

    /// <inheritdoc/>
    public override bool Equals(object? obj) => Equals(obj as LocalNetwork);

    /// <inheritdoc/>
    public override int GetHashCode()
    {
        var hash = new HashCode();
        foreach (InterfaceAddress address in _all)
            hash.Add(address);
        return hash.ToHashCode();
    }

    /// <summary>True if both are on one link. Without a prefix, nothing is known of the link.</summary>
    private static bool IsLinkTo(in InterfaceAddress own, in UdpAddress address) =>
        own.Kind != InterfaceKind.Loopback && own.PrefixLength > 0 && own.Address.IsLinkLocal == address.IsLinkLocal
        && own.Address.Scope == address.Scope && own.Address.SamePrefix(address, own.PrefixLength);

    private static IEnumerable<InterfaceAddress> Select(ImmutableArray<InterfaceAddress> all, bool allowsLoopback)
    {
        // Of each device's IPv6 addresses, the first temporary and the first stable of each scope: a privacy-minded system has
        // a dozen, and every one of them leads to the same place.
        var taken = new HashSet<(string Interface, bool IsPrivate, AddressTraits Traits)>();
        return all
            .Where(entry => IsUsable(entry, allowsLoopback))
            .Where(entry => entry.Address.IsIPv4
                || taken.Add((entry.Interface, entry.Address.IsPrivate, entry.Traits & AddressTraits.Temporary)))
            .DistinctBy(entry => entry.Address)
            .OrderBy(Rank)
            .Take(MaxHostAddresses);
    }

    private static bool IsUsable(in InterfaceAddress entry, bool allowsLoopback)
    {
        UdpAddress address = entry.Address;
        if (address.IsLoopback || entry.Kind == InterfaceKind.Loopback)
            return allowsLoopback && address.IsLoopback;
        return !address.IsUnspecified && !address.IsMulticast && !address.IsBroadcastOrReserved
            && !(address.IsIPv6 && address.IsLinkLocal)
            && (entry.Traits & (AddressTraits.Deprecated | AddressTraits.Tentative)) == AddressTraits.None;
    }

    /// <summary>Smaller is better; the system's own order decides between equals.</summary>
    private static int Rank(InterfaceAddress entry)
    {
        int kind = entry.Kind switch { InterfaceKind.Physical => 0, InterfaceKind.Virtual => 100, _ => 200 };
        // An IPv4 link-local address means that nobody gave the device a real one (RFC 3927).
        int unconfigured = entry.Address.IsLinkLocal ? 50 : 0;
        // IPv6 needs no translation on most of its ways; unique local addresses lead no farther than private IPv4 ones.
        int family = entry.Address.IsIPv4 ? 10 : entry.Address.IsPrivate ? 20 : 0;
        int stable = (entry.Traits & AddressTraits.Temporary) == AddressTraits.None ? 1 : 0;
        return kind + unconfigured + family + stable;
    }
}
