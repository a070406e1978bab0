namespace Punchline.Interop.Link;

/// <summary>What a link does to datagrams, in each direction.</summary>
/// <param name="Delay">Every datagram takes so long.</param>
/// <param name="Loss">How many never arrive, 0 to 1.</param>
/// <param name="Reordering">How many take <paramref name="Detour"/> longer, so that later ones overtake them, 0 to 1.</param>
/// <param name="Detour">How much longer.</param>
/// <param name="Duplication">How many arrive twice, 0 to 1.</param>
internal sealed record Faults(TimeSpan Delay, double Loss, double Reordering, TimeSpan Detour, double Duplication)
{
    /// <summary>
    /// What every case goes through: one datagram in a hundred lost, one in fifty late, one in a hundred doubled. The round trip is short,
    /// because a loss-based window over a longer one would make 10 MB a matter of minutes.
    /// </summary>
    public static Faults Usual { get; } = new(TimeSpan.FromMilliseconds(2), 0.01, 0.02, TimeSpan.FromMilliseconds(3), 0.01);

    /// <summary>For the case that is about the network itself: one in ten lost, one in five late, one in twenty doubled.</summary>
    public static Faults Heavy { get; } = new(TimeSpan.FromMilliseconds(3), 0.10, 0.20, TimeSpan.FromMilliseconds(5), 0.05);

    public override string ToString() =>
        $"{Loss:0%} lost, {Reordering:0%} reordered, {Duplication:0%} doubled, {Delay.TotalMilliseconds:0} ms each way";
}
