namespace Punchline.Lab.Driver;

/// <summary>What a laboratory looks like; the words are those of <c>natlab list</c> (RFC 4787: mapping-filtering).</summary>
internal sealed record NatLabOptions
{
    public string ANat { get; init; } = "eim-apdf";

    public string BNat { get; init; } = "eim-apdf";

    /// <summary>A carrier NAT outside a's router, or null.</summary>
    public string? ACarrierNat { get; init; }

    /// <summary>A carrier NAT outside b's router, or null.</summary>
    public string? BCarrierNat { get; init; }

    /// <summary>One carrier NAT above both routers, or null.</summary>
    public string? SharedCarrierNat { get; init; }

    /// <summary>b sits on a's LAN.</summary>
    public bool SameLan { get; init; }

    /// <summary>With <see cref="SameLan"/>: the LAN keeps its clients apart, so that only hairpinning joins them.</summary>
    public bool Isolated { get; init; }

    /// <summary>Both LANs use the same addresses.</summary>
    public bool Overlap { get; init; }

    /// <summary>off, fw, open, only or blocked.</summary>
    public string AIpv6 { get; init; } = "off";

    /// <summary>off, fw, open, only or blocked.</summary>
    public string BIpv6 { get; init; } = "off";

    /// <summary>Bytes of the WAN link's MTU.</summary>
    public int AMtu { get; init; } = 1500;

    /// <summary>Bytes of the WAN link's MTU.</summary>
    public int BMtu { get; init; } = 1500;

    /// <summary>Makes <see cref="NatLab.DelayAsync"/> possible; costs some throughput.</summary>
    public bool Wires { get; init; }

    /// <summary>The same as options of <c>natlab up</c>.</summary>
    public IReadOnlyList<string> ToArguments()
    {
        List<string> arguments = ["--a-nat", ANat, "--b-nat", BNat, "--a-ipv6", AIpv6, "--b-ipv6", BIpv6];
        arguments.AddRange(["--a-mtu", $"{AMtu}", "--b-mtu", $"{BMtu}"]);
        foreach (var (name, value) in new[] { ("--a-cgnat", ACarrierNat), ("--b-cgnat", BCarrierNat), ("--shared-cgnat", SharedCarrierNat) })
            if (value is not null)
                arguments.AddRange([name, value]);
        foreach (var (name, wanted) in new[] { ("--same-lan", SameLan), ("--isolated", Isolated), ("--overlap", Overlap), ("--wires", Wires) })
            if (wanted)
                arguments.Add(name);
        return arguments;
    }
}
