using Punchline.Discovery;
using Punchline.Hosting;
using Punchline.Quic;
using Punchline.Tests.Udp;
using Xunit;

namespace Punchline.Tests.Hosting;

/// <summary>What a peer is told of where it sees us, beside what everybody is told.</summary>
public sealed class ObservedCandidateTests : ICandidateTeller
{
    private static readonly UdpAddress Reflexive = UdpTestPlatforms.Address("198.51.100.7", 40_000);
    private static readonly UdpAddress Local = UdpTestPlatforms.Address("192.168.1.2", 4433);
    private static readonly UdpAddress Other = UdpTestPlatforms.Address("198.51.100.7", 40_001);

    private readonly CandidateBook _book = new();
    private readonly HashSet<UdpAddress> _told = [];
    private readonly ObservedCandidate _observed;

    public ObservedCandidateTests()
    {
        _observed = new ObservedCandidate(_book, this);
        _book.Join(_observed);
    }

    [Fact]
    public void What_everybody_is_told_stays_when_the_path_goes_elsewhere()
    {
        _book.SetHosts([new OwnCandidate(Local, CandidateKind.Host, InterfaceKind.Physical)]);
        _book.SetReflexive(this, Reflexive);
        Assert.True(_observed.TryTake(Reflexive));
        Assert.True(_observed.TryTake(Local));
        Assert.True(_observed.TryTake(Other));
        Assert.Equal([Local, Reflexive, Other], _told);
    }

    [Fact]
    public void What_the_peer_alone_has_seen_makes_room_for_the_next()
    {
        _book.SetReflexive(this, Reflexive);
        Assert.True(_observed.TryTake(Other));
        Assert.False(_observed.TryTake(Other));
        Assert.True(_observed.TryTake(Reflexive));
        Assert.Equal([Reflexive], _told);
    }

    [Fact]
    public void Where_the_peer_sees_us_is_told_on_when_the_server_that_saw_it_is_left()
    {
        _book.SetReflexive(this, Reflexive);
        Assert.True(_observed.TryTake(Reflexive));
        _book.EndReflexive(this, isGone: false);
        Assert.Equal([Reflexive], _told);
        Assert.True(_observed.TryTake(Other));
        Assert.Equal([Other], _told);
        _book.SetReflexive(this, Reflexive);
        _book.EndReflexive(this, isGone: false);
        Assert.Equal([Other], _told);
    }

    [Fact]
    public void Where_the_peer_sees_us_is_taken_back_when_the_socket_that_it_sees_goes()
    {
        _book.SetReflexive(this, Reflexive);
        Assert.True(_observed.TryTake(Reflexive));
        _book.SetReflexive(this, Other); // Another socket has taken over.
        Assert.Equal([Other], _told);
        Assert.True(_observed.TryTake(Reflexive)); // Its packets are still on their way.
        _book.SetHosts([new OwnCandidate(Local, CandidateKind.Host, InterfaceKind.Physical)]);
        Assert.True(_observed.TryTake(Local));
        _book.SetHosts([]);
        Assert.Equal([Other], _told);
    }

    void ICandidateTeller.Tell(Candidate candidate) => _told.Add(candidate.Address);

    void ICandidateTeller.TakeBack(UdpAddress address, bool isGone) => _told.Remove(address);
}
