namespace Punchline.Quic.Paths;

/// <summary>Whether a candidate of the peer's is probed, and if not, why (docs/wire/punch.md section 7).</summary>
internal enum CandidateVerdict : byte
{
    /// <summary>It is.</summary>
    Probe,

    /// <summary>No single machine has it: unspecified, multicast, broadcast or reserved.</summary>
    NoMachine,

    /// <summary>Its port is below <see cref="CandidateRules.LowestPort"/>.</summary>
    LowPort,

    /// <summary>It is an address of our own.</summary>
    Own,

    /// <summary>It is a loopback address, which means another machine there than here.</summary>
    Loopback,

    /// <summary>It is link-local on a link that is not ours.</summary>
    OtherLink,

    /// <summary>There are more candidates than may come in so short a time.</summary>
    TooMany,

    /// <summary>It is private and off our links, and there are as many of these as may be.</summary>
    TooManyPrivate,
}
