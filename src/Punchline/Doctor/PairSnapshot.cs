using Punchline.Endpoint;
using Punchline.Hosting;
using Punchline.Quic;
using Punchline.Quic.Paths;
using Punchline.Traversal;

namespace Punchline.Doctor;

/// <summary>All that is known of a pair at one moment: a copy, made on the driver's thread.</summary>
/// <param name="At">The moment.</param>
/// <param name="Probing">Candidates of both sides, and the rounds.</param>
/// <param name="Ways">Every path, with what belongs to its socket.</param>
/// <param name="Facts">Both networks.</param>
/// <param name="Attempts">Made so far.</param>
/// <param name="Next">The method of the attempt that runs or comes next.</param>
/// <param name="NextAt">When.</param>
internal sealed record PairSnapshot(
    Instant At, ProbingReport Probing, IReadOnlyList<Way> Ways, RelayFacts Facts, IReadOnlyList<AttemptReport> Attempts,
    TraversalMethod Next, Instant NextAt)
{
    /// <summary>Since the first packet of the connection.</summary>
    public TimeSpan Elapsed => At - Probing.StartedAt;

    /// <summary>Looks at a connection. Driver thread only.</summary>
    public static PairSnapshot Of(PeerSession session, Instant now)
    {
        ProbingReport probing = session.Connection.ReportProbing();
        return new PairSnapshot(
            now, probing, [.. probing.Paths.Select(Way.Of)], session.Standing.Facts, session.Meeting.Traversal.Reports, session.Meeting.Traversal.Next,
            session.Meeting.Traversal.NextTimeout);
    }
}

/// <summary>A path with what the owner of its socket knows.</summary>
/// <param name="Local">Our address; none if the system chooses it.</param>
/// <param name="Refused">How often the system refused to send.</param>
/// <param name="Path">What the connection knows.</param>
internal readonly record struct Way(UdpAddress Local, int Refused, PathReport Path)
{
    /// <summary>The peer's address, or the server's.</summary>
    public UdpAddress Remote => Path.Network.RemoteAddress;

    /// <summary>Without a server.</summary>
    public bool IsDirect => Path.Network.Kind == PathKind.Direct;

    public static Way Of(PathReport path) => path.Network is SocketPath way ? new Way(way.LocalAddress, way.Refused, path) : new Way(default, 0, path);
}
