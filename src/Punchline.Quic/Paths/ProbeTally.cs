namespace Punchline.Quic.Paths;

/// <summary>
/// What left on a path to find out about it, and what came back. Nothing is decided by it: it is for whoever explains afterwards why a
/// path was taken or not.
/// </summary>
internal struct ProbeTally
{
    /// <summary>Challenges that left, small and full-sized ones.</summary>
    internal uint Sent { get; private set; }

    /// <summary>When the first of them left.</summary>
    internal Instant? FirstSentAt { get; private set; }

    /// <summary>Challenges of the peer's that came this way.</summary>
    internal uint Received { get; private set; }

    /// <summary>When the first packet that authenticated came this way.</summary>
    internal Instant? FirstHeardAt { get; private set; }

    /// <summary>Of ours, those that the peer answered, whichever way the answer came.</summary>
    internal uint Answered { get; private set; }

    /// <summary>When the first answer came.</summary>
    internal Instant? FirstAnsweredAt { get; private set; }

    /// <summary>The shortest time from a challenge to its answer.</summary>
    internal TimeSpan? RoundTrip { get; private set; }

    internal void OnSent(Instant now)
    {
        Sent++;
        FirstSentAt ??= now;
    }

    internal void OnHeard(Instant now) => FirstHeardAt ??= now;

    internal void OnChallenged() => Received++;

    internal void OnAnswered(Instant sentAt, Instant now)
    {
        Answered++;
        FirstAnsweredAt ??= now;
        if (!(RoundTrip <= now - sentAt))
            RoundTrip = now - sentAt;
    }

    /// <summary>Of a way that was forgotten and made known again: both together.</summary>
    internal readonly ProbeTally Plus(in ProbeTally later) => new()
    {
        Sent = Sent + later.Sent,
        FirstSentAt = FirstSentAt ?? later.FirstSentAt,
        Received = Received + later.Received,
        FirstHeardAt = FirstHeardAt ?? later.FirstHeardAt,
        Answered = Answered + later.Answered,
        FirstAnsweredAt = FirstAnsweredAt ?? later.FirstAnsweredAt,
        RoundTrip = RoundTrip < later.RoundTrip || later.RoundTrip is null ? RoundTrip : later.RoundTrip,
    };
}
