namespace Punchline.PortMapping;

/// <summary>What people read of mappings.</summary>
internal static class MappingText
{
    /// <summary>A protocol's name.</summary>
    public static string Of(MappingProtocol protocol) => protocol switch
    {
        MappingProtocol.Pcp => "PCP",
        MappingProtocol.NatPmp => "NAT-PMP",
        _ => "UPnP",
    };

    /// <summary>How long a mapping stands.</summary>
    public static string Lifetime(in Mapping mapping) =>
        mapping.Lifetime == TimeSpan.Zero ? "until it is taken back" : $"for {mapping.Lifetime.TotalSeconds:0} s";

    /// <summary>Why there is none.</summary>
    public static string Why(in MappingReply reply) =>
        reply.Outcome == MappingOutcome.Silent ? "the router does not answer any more" : $"refused with code {reply.Code}";
}
