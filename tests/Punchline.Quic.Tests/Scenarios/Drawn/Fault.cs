using System.Globalization;

namespace Punchline.Quic.Tests.Scenarios;

/// <summary>What goes wrong.</summary>
internal enum FaultKind : byte
{
    /// <summary>Nothing passes a leg.</summary>
    Outage,

    /// <summary>Nothing passes anywhere.</summary>
    Blackout,

    /// <summary>A leg loses in bursts, and is slow.</summary>
    Degrade,

    /// <summary>A leg carries smaller datagrams from now on, and says nothing.</summary>
    Narrow,

    /// <summary>The side's NAT forgets its mappings.</summary>
    Rebind,

    /// <summary>The side is in another network: its outside address is another one, and its owner says so soon.</summary>
    Move,

    /// <summary>The side's process does nothing for a while, and its clock goes on.</summary>
    Sleep,

    /// <summary>The side's machine sleeps, its clock too.</summary>
    Suspend,

    /// <summary>The side's clock jumps ahead.</summary>
    ClockJump,

    /// <summary>The relay forwards nothing.</summary>
    RelayDown,

    /// <summary>The side's process begins anew, with the same key.</summary>
    Restart,
}

/// <summary>One thing that goes wrong.</summary>
/// <param name="At">When, from the start of the run.</param>
/// <param name="Kind">What.</param>
/// <param name="AtClient">On which side, where that matters.</param>
/// <param name="Leg">Which leg: 0 the client's, 1 the host's, 2 the direct one.</param>
/// <param name="Length">How long it lasts; by how much a clock jumps.</param>
/// <param name="Amount">The size that still passes, for <see cref="FaultKind.Narrow"/>.</param>
internal sealed record Fault(TimeSpan At, FaultKind Kind, bool AtClient, int Leg, TimeSpan Length, int Amount)
{
    /// <summary>While it lasts the two sides may hear nothing of each other.</summary>
    internal bool Silences => Kind is FaultKind.Outage or FaultKind.Blackout or FaultKind.Degrade or FaultKind.Sleep or FaultKind.Suspend
        or FaultKind.ClockJump or FaultKind.RelayDown or FaultKind.Move;

    /// <inheritdoc/>
    public override string ToString() => string.Create(CultureInfo.InvariantCulture,
        $"{Kind} at {At.TotalSeconds:0.000}s for {Length.TotalSeconds:0.000}s, {(AtClient ? "client" : "host")}, leg {Leg}, {Amount}");
}
