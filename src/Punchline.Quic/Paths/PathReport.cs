namespace Punchline.Quic.Paths;

/// <summary>One path at one moment: how far it has come, how it is rated, and what was tried on it.</summary>
/// <param name="Network">Which path.</param>
/// <param name="Stage">How far it has come.</param>
/// <param name="Rating">What the choice looks at.</param>
/// <param name="Tally">What left and came.</param>
internal readonly record struct PathReport(NetworkPath Network, PathStage Stage, PathChooser.Rating Rating, ProbeTally Tally)
{
    /// <summary>Data takes it.</summary>
    internal bool IsCurrent { get; init; }

    /// <summary>It leads to a candidate that the peer told; else the peer's packets made it known.</summary>
    internal bool IsPair { get; init; }

    /// <summary>A small challenge was answered: the address is real, whether the path carries full datagrams or not.</summary>
    internal bool IsProven { get; init; }

    /// <summary>A full-sized challenge was answered at some time, whatever became of the path.</summary>
    internal bool WasValidated { get; init; }

    /// <summary>Opening probes or challenges are still to leave, or to be answered.</summary>
    internal bool IsBeingProbed { get; init; }

    /// <summary>It died, and is left alone for a while.</summary>
    internal bool IsPaused { get; init; }
}

/// <summary>A candidate that the peer told.</summary>
/// <param name="Candidate">What it told.</param>
/// <param name="Verdict">Whether it is probed, and why not.</param>
internal readonly record struct ToldCandidate(Candidate Candidate, CandidateVerdict Verdict);

/// <summary>What a connection knows at one moment of the ways to its peer, for whoever explains them.</summary>
/// <param name="StartedAt">When the connection began: the tallies' times are later ones of the same clock.</param>
/// <param name="Round">The round of opening probes, 0 before the first.</param>
/// <param name="Ours">The candidates that we tell.</param>
/// <param name="Theirs">Those that the peer tells.</param>
/// <param name="Paths">Every path that is kept.</param>
internal sealed record ProbingReport(
    Instant StartedAt, ulong Round, IReadOnlyList<Candidate> Ours, IReadOnlyList<ToldCandidate> Theirs, IReadOnlyList<PathReport> Paths);
