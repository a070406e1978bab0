using Punchline.Testing;

namespace Punchline.Quic.Tests.Scenarios;

/// <summary>Scenarios that are a little smaller than another, the largest steps first.</summary>
internal static class Shrinker
{
    private static readonly NatBehavior PlainNat = new();

    /// <summary>Each leaves one thing out, or makes it plainer; what is left stays as it was.</summary>
    internal static IEnumerable<Scenario> Smaller(Scenario of)
    {
        foreach (Fault fault in of.Faults)
            yield return of with { Faults = of.Faults.Remove(fault) };
        if (of.Works.Length > 1)
        {
            foreach (Work work in of.Works)
                yield return of with { Works = of.Works.Remove(work) };
        }
        if (of.OfferAt is not null && of.DataOverRelay)
            yield return of with { OfferAt = null };
        if (of.IdlesBeforeEnd)
            yield return of with { IdlesBeforeEnd = false };
        foreach (Work work in of.Works)
        {
            foreach (Work smaller in Smaller(work))
                yield return of with { Works = of.Works.Replace(work, smaller) };
        }
        foreach (LinkProfile leg in Smaller(of.ClientLeg))
            yield return of with { ClientLeg = leg };
        foreach (LinkProfile leg in Smaller(of.HostLeg))
            yield return of with { HostLeg = leg };
        foreach (LinkProfile leg in Smaller(of.DirectLeg))
            yield return of with { DirectLeg = leg };
        if (of.RelayRate > 0)
            yield return of with { RelayRate = 0 };
        if (of.ClientNat != PlainNat)
            yield return of with { ClientNat = PlainNat };
        if (of.HostNat != PlainNat)
            yield return of with { HostNat = PlainNat };
        if (of.SharesNat)
            yield return of with { SharesNat = false };
        if (of.MaxStreams < 1024)
            yield return of with { MaxStreams = 1024 };
        if (of.MaxStreamWindow < 8 << 20)
            yield return of with { MaxStreamWindow = 8 << 20 };
        if (of.MaxConnectionWindow < 24 << 20)
            yield return of with { MaxConnectionWindow = 24 << 20 };
        if (of.Ending != Ending.ClientCloses)
            yield return of with { Ending = Ending.ClientCloses };
        if (of.IdleTimeout < TimeSpan.FromSeconds(60))
            yield return of with { IdleTimeout = TimeSpan.FromSeconds(60) };
    }

    private static IEnumerable<Work> Smaller(Work of)
    {
        if (of.Count > 1)
        {
            yield return of with { Count = 1 };
            yield return of with { Count = of.Count / 2 };
        }
        if (of.Down is not null)
            yield return of with { Down = null };
        foreach (Flow up in Smaller(of.Up))
            yield return of with { Up = up };
        if (of.Down is { } flow)
        {
            foreach (Flow down in Smaller(flow))
                yield return of with { Down = down };
        }
    }

    private static IEnumerable<Flow> Smaller(Flow of)
    {
        if (of.Bytes > 2 * Workload.HeaderLength)
            yield return of with { Bytes = of.Bytes / 2, StopAt = of.StopAt < 0 ? -1 : of.StopAt / 2 };
        if (of.ResetAt >= 0)
            yield return of with { ResetAt = -1 };
        if (of.StopAt >= 0)
            yield return of with { StopAt = -1 };
        if (of.ReadChunk > 0)
            yield return of with { ReadChunk = 0, ReadEvery = default };
        if (of.WriteChunk > 0)
            yield return of with { WriteChunk = 0, WriteEvery = default };
    }

    private static IEnumerable<LinkProfile> Smaller(LinkProfile of)
    {
        var none = new LinkProfile();
        if (of.Loss > 0)
            yield return of with { Loss = 0 };
        if (of.Burst is not null)
            yield return of with { Burst = null };
        if (of.Duplicate > 0)
            yield return of with { Duplicate = 0 };
        if (of.Corrupt > 0)
            yield return of with { Corrupt = 0 };
        if (of.Reorder > 0)
            yield return of with { Reorder = 0 };
        if (of.Jitter > TimeSpan.Zero)
            yield return of with { Jitter = TimeSpan.Zero };
        if (of.Rate > 0)
            yield return of with { Rate = 0 };
        if (of.MaxPayload < none.MaxPayload)
            yield return of with { MaxPayload = none.MaxPayload };
        if (of.Delay != none.Delay)
            yield return of with { Delay = none.Delay };
    }
}
