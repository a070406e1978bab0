namespace Punchline.Testing;

/// <summary>When a NAT gives two destinations the same mapping, and whom it lets in (RFC 4787 sections 4.1 and 5).</summary>
public enum NatDependence : byte
{
    /// <summary>Whatever the other side's address: EIM, EIF.</summary>
    Independent,

    /// <summary>By the other side's address, its port left out: ADM, ADF.</summary>
    Address,

    /// <summary>By the other side's address and port: APDM, APDF.</summary>
    AddressAndPort,
}

/// <summary>Which port a new mapping gets (RFC 4787 section 4.2).</summary>
public enum NatPorts : byte
{
    /// <summary>The one that it has inside, and the next free one if that is taken.</summary>
    Preserving,

    /// <summary>One more than the last.</summary>
    Sequential,

    /// <summary>Any.</summary>
    Random,
}

/// <summary>How a NAT behaves, in the words of RFC 4787.</summary>
public sealed record NatBehavior
{
    /// <summary>When a mapping is used again for another destination.</summary>
    public NatDependence Mapping { get; init; }

    /// <summary>Who may answer to a mapping.</summary>
    public NatDependence Filtering { get; init; }

    /// <summary>Which port a new mapping gets.</summary>
    public NatPorts Ports { get; init; }

    /// <summary>
    /// How long a mapping, and a hole in its filter, lives after the last datagram from inside; RFC 4787 section 4.3 asks for two
    /// minutes, and the field has 10 s.
    /// </summary>
    public TimeSpan Lifetime { get; init; } = TimeSpan.FromMinutes(2);

    /// <summary>Whether two hosts behind it reach each other by their outside addresses (RFC 4787 section 6).</summary>
    public bool Hairpins { get; init; }

    /// <summary>In one line, for logs.</summary>
    public override string ToString() =>
        $"{Mapping}/{Filtering} {Ports} {Lifetime.TotalSeconds:0}s{(Hairpins ? " hairpin" : "")}";
}
