namespace Punchline.PortMapping;

/// <summary>Bounds and times of port mapping, each with its reason.</summary>
internal static class MappingLimits
{
    /// <summary>
    /// What is asked for: short, so that a program that was killed leaves nothing for long (RFC 6886 section 3.3 recommends two hours),
    /// and long enough that a renewal every ten minutes costs nothing.
    /// </summary>
    public static readonly TimeSpan Lease = TimeSpan.FromMinutes(20);

    /// <summary>
    /// A router that says more is not believed (RFC 6887 section 15 has clients set such a bound): the field holds 136 years, no timer does, and
    /// NAT-PMP lets anybody on the link answer who guesses when.
    /// </summary>
    public static readonly TimeSpan LongestLease = TimeSpan.FromHours(24);

    /// <summary>A mapping that ends sooner is renewed no oftener than this (RFC 6887 section 11.2.1: 4 s).</summary>
    public static readonly TimeSpan LeastBetweenRenewals = TimeSpan.FromSeconds(4);

    /// <summary>Giving back at exit takes no longer: the router drops it at the end of the lease anyway.</summary>
    public static readonly TimeSpan ReleaseTime = TimeSpan.FromSeconds(1);

    /// <summary>After the first protocol was found, the better ones have this long: all of them are one hop away.</summary>
    public static readonly TimeSpan BetterProtocolTime = TimeSpan.FromMilliseconds(250);

    /// <summary>A router that has nothing to offer, or not any more, is asked again after this, or when the network changes.</summary>
    public static readonly TimeSpan AskAgain = TimeSpan.FromMinutes(15);

    /// <summary>
    /// The wait after the first transmission (RFC 6886 section 3.1); it doubles. RFC 6887 section 8.1.1 says 3 s, for servers that may be
    /// far away; ours is on the link.
    /// </summary>
    public static readonly TimeSpan FirstTimeout = TimeSpan.FromMilliseconds(250);

    /// <summary>Transmissions of a request, over 3.75 s: a router that has not answered by then does not speak the protocol.</summary>
    public const int MaxTransmissions = 4;
}
