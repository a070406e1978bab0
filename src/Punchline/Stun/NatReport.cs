using Punchline.Quic;

namespace Punchline.Stun;

/// <summary>How a NAT maps (RFC 4787 section 4.1).</summary>
internal enum NatMapping : byte
{
    /// <summary>Nothing is known: fewer than two servers answered.</summary>
    Unknown,

    /// <summary>EIM: one mapping towards everybody.</summary>
    EndpointIndependent,

    /// <summary>
    /// One mapping towards two ports of one address, and no second address was asked: endpoint-independent in nearly every case,
    /// else address-dependent.
    /// </summary>
    PortIndependent,

    /// <summary>ADM: another mapping for each remote address, one for all its ports.</summary>
    AddressDependent,

    /// <summary>APDM: another mapping for each remote address and port.</summary>
    AddressAndPortDependent,

    /// <summary>Towards another address there is another mapping; ports of one address were not compared.</summary>
    Dependent,
}

/// <summary>How a NAT or firewall filters what comes in (RFC 4787 section 5).</summary>
internal enum NatFiltering : byte
{
    /// <summary>Nothing is known.</summary>
    Unknown,

    /// <summary>EIF: from everybody.</summary>
    EndpointIndependent,

    /// <summary>ADF: from addresses that were sent to.</summary>
    AddressDependent,

    /// <summary>APDF: from addresses and ports that were sent to.</summary>
    AddressAndPortDependent,

    /// <summary>From other ports of an address that was sent to; other addresses were not tried: endpoint-independent or address-dependent.</summary>
    PortIndependent,
}

/// <summary>How a NAT finds the port for a new mapping (RFC 4787 section 4.2.1).</summary>
internal enum PortAllocation : byte
{
    /// <summary>Nothing is known.</summary>
    Unknown,

    /// <summary>The port that the socket has itself.</summary>
    Preserving,

    /// <summary>A fixed step, or nearly, after the mapping before.</summary>
    Sequential,

    /// <summary>No rule is to be seen.</summary>
    Random,
}

/// <summary>One server's answer for one local socket.</summary>
/// <param name="Server">The address and port that was asked.</param>
/// <param name="Mapped">The address and port that it saw.</param>
internal readonly record struct NatObservation(UdpAddress Server, UdpAddress Mapped);

/// <summary>
/// What is known of the NATs between one local socket and the Internet, in the words of RFC 4787. Null and unknown are values:
/// nothing is guessed.
/// </summary>
/// <param name="Mapping">How they map.</param>
/// <param name="Filtering">How they filter.</param>
/// <param name="IsTranslated">False if servers see the socket's own address and port.</param>
/// <param name="PreservesPort">True if every mapped port was the local one (RFC 4787 section 4.2.1).</param>
/// <param name="HasPairedPooling">False if mapped addresses differ for one local address: pooling is "arbitrary" (RFC 4787 section 4.1).</param>
/// <param name="Allocation">How the ports of new mappings are found.</param>
/// <param name="Step">Where they are sequential, how far the next one is from the last; else 0.</param>
internal readonly record struct NatReport(
    NatMapping Mapping, NatFiltering Filtering, bool? IsTranslated, bool? PreservesPort, bool? HasPairedPooling,
    PortAllocation Allocation = PortAllocation.Unknown, byte Step = 0)
{
    /// <summary>Another destination gets another mapping.</summary>
    public bool VariesByDestination => Mapping is NatMapping.AddressDependent or NatMapping.AddressAndPortDependent or NatMapping.Dependent;

    /// <summary>Draws the conclusions from what servers saw of one socket.</summary>
    /// <param name="local">The socket's address and port towards the servers; none if its address is unknown.</param>
    /// <param name="observations">At most one for each server address and port, all of one address family.</param>
    /// <param name="filtering">From <see cref="FilteringFrom"/>, if that was tried.</param>
    /// <param name="samples">The public ports of new mappings, in the order in which these were made (<see cref="PortSamples"/>).</param>
    public static NatReport From(
        in UdpAddress local, ReadOnlySpan<NatObservation> observations, NatFiltering filtering = NatFiltering.Unknown,
        ReadOnlySpan<ushort> samples = default)
    {
        if (observations.IsEmpty)
            return new NatReport(NatMapping.Unknown, filtering, null, null, null);
        bool allLocal = true;
        bool allPorts = true;
        bool oneHost = true;
        foreach (ref readonly NatObservation observation in observations)
        {
            allLocal &= observation.Mapped == local;
            allPorts &= observation.Mapped.Port == local.Port;
            oneHost &= observation.Mapped.SameHost(observations[0].Mapped);
        }
        bool? preserves = local.Port == 0 ? null : allPorts;
        byte step = 0;
        PortAllocation allocation = preserves == true ? PortAllocation.Preserving : PortSamples.Classify(samples, out step);
        return new NatReport(
            MappingFrom(observations),
            filtering,
            IsTranslated: local.IsNone || local.IsUnspecified ? null : !allLocal,
            PreservesPort: preserves,
            HasPairedPooling: observations.Length < 2 ? null : oneHost,
            allocation,
            step);
    }

    /// <summary>How filtering is, from two requests for an answer from elsewhere (RFC 5780 section 4.4).</summary>
    /// <param name="fromOtherAddress">Whether the answer from the server's other address and port came; null if that was not tried.</param>
    /// <param name="fromOtherPort">Whether the answer from the same address and the other port came; null if that was not tried.</param>
    public static NatFiltering FilteringFrom(bool? fromOtherAddress, bool? fromOtherPort) => (fromOtherAddress, fromOtherPort) switch
    {
        (true, _) => NatFiltering.EndpointIndependent,
        (_, false) => NatFiltering.AddressAndPortDependent,
        (false, true) => NatFiltering.AddressDependent,
        (null, true) => NatFiltering.PortIndependent,
        _ => NatFiltering.Unknown,
    };

    /// <summary>Compares each pair of servers: what differed between them, and whether the mapping did.</summary>
    private static NatMapping MappingFrom(ReadOnlySpan<NatObservation> observations)
    {
        bool? variesWithPort = null;
        bool? variesWithAddress = null;
        for (int i = 0; i < observations.Length; i++)
        {
            for (int j = i + 1; j < observations.Length; j++)
            {
                if (observations[i].Server == observations[j].Server)
                    continue;
                bool varies = observations[i].Mapped != observations[j].Mapped;
                if (observations[i].Server.SameHost(observations[j].Server))
                    variesWithPort = varies || variesWithPort == true;
                else
                    variesWithAddress = varies || variesWithAddress == true;
            }
        }
        return (variesWithAddress, variesWithPort) switch
        {
            (_, true) => NatMapping.AddressAndPortDependent,
            (true, false) => NatMapping.AddressDependent,
            (true, null) => NatMapping.Dependent,
            (false, _) => NatMapping.EndpointIndependent,
            (null, false) => NatMapping.PortIndependent,
            (null, null) => NatMapping.Unknown,
        };
    }
}
