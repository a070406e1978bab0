using Punchline.Hosting;
using Punchline.Quic;
using Punchline.Quic.Paths;
using Punchline.Traversal;

namespace Punchline.Doctor;

/// <summary>
/// Follows a pair from look to look: keeps what paths and candidates showed before they were forgotten, and tells when nothing new is to be
/// expected. Pure; time is in the snapshots.
/// </summary>
internal sealed class PairWatch
{
    /// <summary>A direct path that stands for so long: by then seven of nine probes of the other pairs' first round have left, and a better one has taken over.</summary>
    internal static readonly TimeSpan Standing = TraversalLimits.PlainPatience;

    /// <summary>Two rounds of probing, with what the second needs to end.</summary>
    internal static readonly TimeSpan Patience = TimeSpan.FromSeconds(15);

    /// <summary>A method that cannot begin before this is not waited for: two birthday attempts have <see cref="TraversalLimits.SprayPause"/> between them.</summary>
    internal static readonly TimeSpan LongestPatience = TimeSpan.FromSeconds(50);

    private readonly Dictionary<(UdpAddress Local, UdpAddress Remote), SeenWay> _ways = [];
    private readonly Dictionary<UdpAddress, ToldCandidate> _theirs = [];
    private Instant? _directSince;
    private bool _hasEndedRound;

    /// <summary>A way as it was last seen, and its figures from before it was made known anew.</summary>
    private readonly record struct SeenWay(Way Last, ProbeTally Before);

    /// <summary>The newest look.</summary>
    public PairSnapshot? Last { get; private set; }

    /// <summary>Every direct way that ever was one.</summary>
    public IEnumerable<Way> Ways => _ways.Values.Select(seen => seen.Last with { Path = seen.Last.Path with { Tally = seen.Before.Plus(seen.Last.Path.Tally) } });

    /// <summary>Every candidate that the peer ever told.</summary>
    public IReadOnlyCollection<ToldCandidate> Theirs => _theirs.Values;

    private bool IsDirect => _directSince is not null;

    /// <summary>Takes a look in.</summary>
    public void Add(PairSnapshot look)
    {
        Last = look;
        foreach (ToldCandidate told in look.Probing.Theirs)
            _theirs[told.Candidate.Address] = told;
        // What is no longer kept is no longer in use, and works no more if it did.
        foreach (((UdpAddress, UdpAddress) key, SeenWay seen) in _ways.ToArray())
            _ways[key] = seen with { Last = seen.Last with { Path = seen.Last.Path with { Stage = PathStage.Failed, IsCurrent = false, IsBeingProbed = false } } };
        foreach (Way way in look.Ways.Where(way => way.IsDirect))
        {
            ProbeTally before = _ways.TryGetValue((way.Local, way.Remote), out SeenWay seen)
                ? IsAnew(seen.Last.Path.Tally, way.Path.Tally) ? seen.Before.Plus(seen.Last.Path.Tally) : seen.Before
                : default;
            bool hasWorked = way.Path.WasValidated || seen.Last.Path.WasValidated;
            _ways[(way.Local, way.Remote)] = new SeenWay(way with { Path = way.Path with { WasValidated = hasWorked } }, before);
        }
        bool isDirect = look.Ways.Any(way => way is { IsDirect: true, Path.IsCurrent: true });
        _directSince = isDirect ? _directSince ?? look.At : null;
        _hasEndedRound |= look.Elapsed >= Puncher.RoundInterval
            || (look.Ways.Any(way => way.IsDirect) && !look.Ways.Any(way => way is { IsDirect: true, Path.IsBeingProbed: true }));
    }

    /// <summary>Nothing is to be expected that would change the report much.</summary>
    public bool IsSettled => Last is { } last
        && (last.At - _directSince >= Standing
            || last.Elapsed >= LongestPatience
            || (!IsDirect && _hasEndedRound && IsHopeless(last.Facts))
            || (!IsDirect && !IsMethodLeft(last) && (last.Elapsed >= Patience || (_hasEndedRound && IsPlainFutile(last.Facts)))));

    /// <summary>What is being done at this moment, for people.</summary>
    public string Doing => Last switch
    {
        null => "",
        _ when IsDirect => "a direct path stands; waiting whether it lasts",
        { Attempts: [.., { Outcome: AttemptOutcome.Running, Method: var method }] } => $"trying the {PairWords.Of(method)}",
        { } last when IsMethodLeft(last) && last.NextAt - last.At > TraversalLimits.PlainPatience => $"waiting until the {PairWords.Of(last.Next)} may begin",
        _ => "probing every pair of addresses",
    };

    private static bool IsMethodLeft(PairSnapshot last)
    {
        if (last.Attempts.Any(attempt => attempt.Outcome == AttemptOutcome.Running))
            return true;
        // What the peer had no time for has not been tried; what another way overtook may be needed yet.
        return last.Next != TraversalMethod.None && last.NextAt - last.Probing.StartedAt < LongestPatience
            && !last.Attempts.Any(attempt => attempt.Method == last.Next && attempt.Outcome is not (AttemptOutcome.NotNow or AttemptOutcome.Overtaken));
    }

    /// <summary>One side has no direct path to offer: neither probing nor a method can bring one. A peer whose packets come in has UDP, whatever it said before.</summary>
    private bool IsHopeless(in RelayFacts facts) => facts.WeHide || facts.TheyHide || facts.WeLackUdp
        || (facts.TheyLackUdp && !_ways.Values.Any(static seen => seen.Last.Path.Tally.FirstHeardAt is not null));

    /// <summary>Plain probing can bring nothing, however long it goes on.</summary>
    private static bool IsPlainFutile(in RelayFacts facts) => facts.Theirs is { } theirs && TraversalStrategy.Choose(facts.Ours, theirs).AtOnce;

    private static bool IsAnew(in ProbeTally before, in ProbeTally now) =>
        (before.FirstSentAt is not null && before.FirstSentAt != now.FirstSentAt) || (before.FirstHeardAt is not null && before.FirstHeardAt != now.FirstHeardAt);
}
