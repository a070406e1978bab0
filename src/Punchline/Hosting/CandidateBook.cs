using Punchline.Discovery;
using Punchline.Quic;

namespace Punchline.Hosting;

/// <summary>
/// The addresses at which we may be reachable, and who tells them to peers: a session is told what is known when it joins, and
/// every change from then on. Driver thread only.
/// </summary>
internal sealed class CandidateBook
{
    /// <summary>A peer keeps 16 candidates of ours (docs/wire/punch.md section 4.1); one place is for the address at which that peer itself sees us.</summary>
    public const int MaxTold = 15;

    private readonly Dictionary<object, UdpAddress> _reflexive = [];
    private readonly List<ICandidateTeller> _tellers = [];
    private List<OwnCandidate> _hosts = [];
    private UdpAddress _mapped;
    private List<Candidate> _told = [];

    /// <summary>The candidates now, best first (<see cref="OwnCandidate.Rank"/>).</summary>
    public IReadOnlyList<Candidate> Current => _told;

    /// <summary>The addresses of our interfaces, best first.</summary>
    public void SetHosts(IEnumerable<OwnCandidate> hosts)
    {
        _hosts = [.. hosts];
        Tell();
    }

    /// <summary>A server sees us at this address.</summary>
    /// <param name="source">Who says so, of which socket: its next word replaces this one.</param>
    /// <param name="mapped">The address.</param>
    public void SetReflexive(object source, in UdpAddress mapped)
    {
        _reflexive[source] = mapped;
        Tell();
    }

    /// <summary>A source says no more where we are seen.</summary>
    /// <param name="source">Which.</param>
    /// <param name="isGone">False if the server was left: what it said of our socket may be true all the same.</param>
    public void EndReflexive(object source, bool isGone)
    {
        _reflexive.Remove(source);
        Tell(isGone);
    }

    /// <summary>The port that a router maps to us and that is worth telling; none takes it back.</summary>
    public void SetMapped(in UdpAddress external)
    {
        if (external == _mapped)
            return;
        _mapped = external;
        Tell();
    }

    /// <summary>True if a server sees one of our sockets at this very address.</summary>
    public bool IsReflexive(UdpAddress address) => _reflexive.ContainsValue(address);

    /// <summary>True if peers are told this address.</summary>
    public bool Tells(UdpAddress address) => _told.Exists(candidate => candidate.Address == address);

    /// <summary>Tells this session's peer from now on.</summary>
    public void Join(ICandidateTeller teller)
    {
        _tellers.Add(teller);
        foreach (Candidate candidate in _told)
            teller.Tell(candidate);
    }

    /// <summary>Tells it no more.</summary>
    public void Leave(ICandidateTeller teller) => _tellers.Remove(teller);

    private void Tell(bool isGone = true)
    {
        List<OwnCandidate> all = [.. _hosts, .. _reflexive.Values.Select(address => new OwnCandidate(address, CandidateKind.ServerReflexive))];
        if (!_mapped.IsNone)
            all.Add(new OwnCandidate(_mapped, CandidateKind.Mapped));
        List<Candidate> now = [.. all.DistinctBy(own => own.Address).OrderBy(own => own.Rank).Take(MaxTold).Select(own => own.Candidate)];
        List<Candidate> before = _told;
        _told = now;
        foreach (ICandidateTeller teller in _tellers)
        {
            foreach (Candidate gone in before.Where(old => !now.Exists(c => c.Address == old.Address)))
                teller.TakeBack(gone.Address, isGone && !all.Exists(own => own.Address == gone.Address)); // Better ones may have taken its place.
            foreach (Candidate added in now.Where(c => !before.Exists(old => old.Address == c.Address)))
                teller.Tell(added);
        }
    }
}

/// <summary>Tells a peer our candidates.</summary>
internal interface ICandidateTeller
{
    /// <summary>There is another one.</summary>
    void Tell(Candidate candidate);

    /// <summary>One is to be told no more.</summary>
    /// <param name="address">Where it is.</param>
    /// <param name="isGone">It leads to us no longer; false if there is but nobody left who says that it does.</param>
    void TakeBack(UdpAddress address, bool isGone);
}
