namespace Punchline.Quic.Wire;

/// <summary>Contiguous packet numbers, both ends included.</summary>
internal readonly record struct PacketRange(ulong Smallest, ulong Largest);

/// <summary>How many packets came with each ECN codepoint in one packet number space (RFC 9000 section 19.3.2).</summary>
internal readonly record struct EcnCounts(ulong Ect0, ulong Ect1, ulong Ce);
