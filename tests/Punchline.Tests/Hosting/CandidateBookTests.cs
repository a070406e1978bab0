using Punchline.Discovery;
using Punchline.Hosting;
using Punchline.Quic;
using Punchline.Tests.Udp;
using Xunit;

namespace Punchline.Tests.Hosting;

/// <summary>In which order peers are told where we are, and what gives way where it is too much.</summary>
public sealed class CandidateBookTests
{
    private readonly CandidateBook _book = new();

    // Each row: what is known, in any order; then the order in which it is told.
    public static TheoryData<string, string> Orders => new()
    {
        { "card 192.168.1.5, seen 203.0.113.9", "192.168.1.5, 203.0.113.9" },
        { "docker 172.17.0.1, card 192.168.1.5, seen 203.0.113.9", "192.168.1.5, 203.0.113.9, 172.17.0.1" },
        { "seen 203.0.113.9, mapped 203.0.113.9, card 192.168.1.5", "192.168.1.5, 203.0.113.9" },
        { "seen 203.0.113.9, mapped 203.0.113.8, card 192.168.1.5", "192.168.1.5, 203.0.113.8, 203.0.113.9" },
        { "docker 172.17.0.1, mapped 100.64.1.2, seen 203.0.113.9, card 192.168.1.5", "192.168.1.5, 203.0.113.9, 100.64.1.2, 172.17.0.1" },
        { "docker fd08::2, card 2001:db8::5, card 192.168.1.5, docker 10.8.0.2, seen 203.0.113.9", "2001:db8::5, 192.168.1.5, 203.0.113.9, fd08::2, 10.8.0.2" },
        { "card 203.0.113.9, seen 203.0.113.9", "203.0.113.9" },
        { "self 127.0.0.1, docker 172.17.0.1, card 192.168.1.5", "192.168.1.5, 172.17.0.1, 127.0.0.1" },
    };

    [Theory]
    [MemberData(nameof(Orders))]
    public void The_best_is_told_first(string known, string told)
    {
        Learn(known);
        Assert.Equal(told, string.Join(", ", _book.Current.Select(candidate => candidate.Address.ToIPAddress())));
    }

    [Fact]
    public void A_better_one_takes_the_place_of_a_virtual_adapter_where_there_is_no_other()
    {
        Learn(string.Join(", ", Enumerable.Range(1, CandidateBook.MaxTold).Select(i => $"docker 172.17.{i}.1")));
        var peer = new Peer();
        _book.Join(peer);
        Assert.Equal(CandidateBook.MaxTold, peer.Known.Count);
        _book.SetReflexive(this, Address("203.0.113.9"));
        Assert.Equal(CandidateBook.MaxTold, peer.Known.Count);
        Assert.Contains(Address("203.0.113.9"), peer.Known);
        Assert.DoesNotContain(Address($"172.17.{CandidateBook.MaxTold}.1"), peer.Known);
        Assert.Empty(peer.Gone); // The one that made room still leads here.
        _book.EndReflexive(this, isGone: true);
        Assert.Equal([Address("203.0.113.9")], peer.Gone);
        Assert.Equal(_book.Current.Select(candidate => candidate.Address), peer.Known);
    }

    private static UdpAddress Address(string text) => UdpTestPlatforms.Address(text, 40_000);

    private void Learn(string known)
    {
        List<OwnCandidate> hosts = [];
        foreach (string[] word in known.Split(", ").Select(one => one.Split(' ')))
        {
            UdpAddress address = Address(word[1]);
            switch (word[0])
            {
                case "seen":
                    _book.SetReflexive(address, address);
                    break;
                case "mapped":
                    _book.SetMapped(address);
                    break;
                default:
                    InterfaceKind adapter = word[0] switch { "card" => InterfaceKind.Physical, "docker" => InterfaceKind.Virtual, _ => InterfaceKind.Loopback };
                    hosts.Add(new OwnCandidate(address, CandidateKind.Host, adapter));
                    break;
            }
        }
        _book.SetHosts(hosts);
    }

    private sealed class Peer : ICandidateTeller
    {
        public List<UdpAddress> Known { get; } = [];

        public void Tell(Candidate candidate) => Known.Add(candidate.Address);

        public List<UdpAddress> Gone { get; } = [];

        public void TakeBack(UdpAddress address, bool isGone)
        {
            Assert.True(Known.Remove(address));
            if (isGone)
                Gone.Add(address);
        }
    }
}
