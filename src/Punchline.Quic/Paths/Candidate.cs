namespace Punchline.Quic;

/// <summary>What kind of address a candidate is (RFC 8445 section 4).</summary>
public enum CandidateKind : byte
{
    /// <summary>An address of a local interface.</summary>
    Host = 0,

    /// <summary>An address that a STUN server saw.</summary>
    ServerReflexive = 1,

    /// <summary>An address that the peer saw.</summary>
    PeerReflexive = 2,

    /// <summary>An address from a port mapping protocol.</summary>
    Mapped = 3,
}

/// <summary>An address at which a peer may be reachable.</summary>
/// <param name="Address">The address and port.</param>
/// <param name="Kind">Where it is known from.</param>
public readonly record struct Candidate(UdpAddress Address, CandidateKind Kind);
