using System.Net;
using Punchline.Quic.Tests.Simulation;
using Punchline.Quic.Wire;
using Punchline.Testing;
using Xunit;

namespace Punchline.Quic.Tests.Adversary;

/// <summary>
/// A peer with valid keys who wants packets sent to somebody else: by candidates, by source addresses that are not its own, or
/// both. The <see cref="Ledger"/> watches every datagram (DESIGN section 4; docs/wire/punch.md section 7; RFC 9000 sections 8.2 and 9.3).
/// </summary>
public sealed class HostileCandidateTests
{
    private const int QuickSeeds = 30;
    private const int ManySeeds = 300;
    private const int LongSeeds = 5000;

    private static readonly LinkProfile Link = new() { Delay = TimeSpan.FromMilliseconds(15) };

    private static readonly UdpAddress[] Forbidden =
    [
        Address("127.0.0.1", 5000), Address("::1", 5000), Address("0.0.0.0", 5000), Address("::", 5000), Address("0.1.2.3", 5000),
        Address("224.0.0.1", 5000), Address("239.255.255.250", 1900), Address("ff02::fb", 5353), Address("255.255.255.255", 5000),
        Address("240.0.0.1", 5000), Address("169.254.1.1", 5000), Address("fe80::1", 5000), Address("198.51.100.9", 53),
        Address("198.51.100.9", 123), Address("198.51.100.9", 1023), Address("2001:db8::1", 443),
    ];

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void Addresses_that_may_not_be_probed_get_nothing(bool byClient)
    {
        (Hostile hostile, Ledger ledger) = Begin(1, byClient);
        hostile.Say(Raw.Times(Forbidden.Length, i => Raw.Candidate((ulong)i, Forbidden[i])));
        for (int i = 0; i < 600; i++)
        {
            hostile.Say(Raw.Ints(FrameTypes.Punch, (ulong)i + 1));
            hostile.Scene.Network.RunFor(TimeSpan.FromMilliseconds(100));
        }
        Assert.True(hostile.Victim.IsOpen, $"{hostile.Victim.CloseError}");
        Assert.Empty(ledger.Strangers);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void Its_own_addresses_get_nothing(bool byClient)
    {
        (Hostile hostile, Ledger ledger) = Begin(2, byClient);
        UdpAddress[] own = byClient ? [Scene.HostRelay, Scene.HostDirect] : [Scene.ClientRelay, Scene.ClientDirect];
        hostile.VictimPeer.AddAddress(own[1]);
        hostile.Say([.. Raw.Candidate(0, own[0]), .. Raw.Candidate(1, own[1]), .. Raw.Ints(FrameTypes.Punch, 1)]);
        hostile.Scene.Network.RunFor(TimeSpan.FromSeconds(30));
        foreach (UdpAddress address in own)
            Assert.Equal(0, own.Sum(from => ledger.Of(from, address).PacketsOut));
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void Sixteen_ports_of_a_victim_and_rounds_as_fast_as_they_may(bool byClient)
    {
        (Hostile hostile, Ledger ledger) = Begin(3, byClient);
        UdpAddress[] ports = [.. Enumerable.Range(0, 16).Select(i => Address("203.0.113.7", 4000 + i))];
        ledger.Candidates.UnionWith(ports);
        hostile.Say(Raw.Times(16, i => Raw.Candidate((ulong)i, ports[i])));
        for (int i = 0; i < 600; i++)
        {
            hostile.Say(Raw.Ints(FrameTypes.Punch, (ulong)i + 2));
            hostile.Scene.Network.RunFor(TimeSpan.FromMilliseconds(100));
        }
        Assert.True(hostile.Victim.IsOpen, $"{hostile.Victim.CloseError}");
        int probes = ledger.Strangers.Sum(entry => entry.Account.PacketsOut);
        // A minute has twelve rounds, and one began before it.
        Assert.InRange(probes, 16 * 9, 16 * 9 * 13);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void One_address_told_and_withdrawn_over_and_over_gets_the_probes_of_one_pair(bool byClient)
    {
        (Hostile hostile, Ledger ledger) = Begin(4, byClient);
        UdpAddress victim = Address("203.0.113.7", 4000);
        ledger.Candidates.Add(victim);
        for (int i = 0; i < 600; i++)
        {
            hostile.Say(Raw.Candidate((ulong)i, victim));
            hostile.Scene.Network.RunFor(TimeSpan.FromMilliseconds(50));
            hostile.Say(Raw.CandidateGone((ulong)i));
            hostile.Scene.Network.RunFor(TimeSpan.FromMilliseconds(50));
        }
        Assert.True(hostile.Victim.IsOpen, $"{hostile.Victim.CloseError}");
        Assert.NotEmpty(ledger.Strangers);
    }

    [Theory]
    [InlineData(true, 1)]
    [InlineData(true, 100)]
    [InlineData(false, 1)]
    [InlineData(false, 100)]
    public void Challenges_in_the_name_of_a_candidate_are_answered_within_three_times(bool byClient, int challenges)
    {
        (Hostile hostile, Ledger ledger) = Begin(5, byClient);
        UdpAddress victim = Address("203.0.113.7", 4000);
        ledger.Candidates.Add(victim);
        hostile.Say(Raw.Candidate(0, victim));
        for (int i = 0; i < 1000; i++)
        {
            hostile.Say(Challenges(i, challenges), source: victim);
            hostile.Scene.Network.RunFor(TimeSpan.FromMilliseconds(20));
        }
        Assert.NotEmpty(ledger.Strangers);
    }

    [Fact]
    public void Some_seeds() => Run(1, QuickSeeds);

    [Fact]
    [Trait("Length", "Medium")]
    public void Many_seeds() => Run(QuickSeeds + 1, ManySeeds);

    [Fact]
    [Trait("Length", "Long")]
    public void Very_many_seeds() => Run(ManySeeds + 1, LongSeeds);

    private static void Run(ulong first, ulong last)
    {
        if (Seeds.Given is { } given)
            Run(given);
        else
            Seeds.ForEach(first, last, Run);
    }

    /// <summary>All of it mixed, by a peer of either role, while the other side has much to say.</summary>
    private static void Run(ulong seed)
    {
        try
        {
            var draw = new SeededRandomness(seed);
            (Hostile hostile, Ledger ledger) = Begin(seed, byClient: draw.NextBool(0.5));
            ulong sequence = 0;
            ulong round = 0;
            for (int i = 0; i < 400 && hostile.Victim.IsOpen; i++)
            {
                UdpAddress victim = Address($"203.0.113.{1 + draw.NextInt(4)}", 4000 + draw.NextInt(2));
                switch (draw.NextInt(7))
                {
                    case 0 when sequence < 12:
                        ledger.Candidates.Add(victim);
                        hostile.Say(Raw.Candidate(sequence++, victim));
                        break;
                    case 1 when sequence > 0:
                        hostile.Say([.. Raw.CandidateGone(sequence - 1), .. Raw.Candidate(sequence++, victim)]);
                        ledger.Candidates.Add(victim);
                        break;
                    case 2:
                        hostile.Say(Raw.Ints(FrameTypes.Punch, ++round));
                        break;
                    case 3:
                        hostile.Say(Challenges(i, draw.NextInt(1, 100)), source: victim);
                        break;
                    case 4:
                        // Not a probing packet: a host follows it.
                        hostile.Say([1, .. new byte[draw.NextInt(1100)]], source: victim);
                        break;
                    case 5:
                        hostile.Say([.. Challenges(i, 1), .. new byte[1180]], source: victim);
                        break;
                    default:
                        hostile.Victim.TrySendDatagram(new byte[1000]);
                        hostile.AcknowledgeAll();
                        break;
                }
                hostile.Scene.Network.RunFor(TimeSpan.FromMilliseconds(draw.NextInt(1, 300)));
            }
            Assert.True(hostile.Victim.IsOpen, $"{hostile.Victim.CloseError}");
        }
        catch (Exception e) when (e is not OutOfMemoryException)
        {
            throw new InvalidOperationException($"{Seeds.Replay($"{nameof(HostileCandidateTests)}.{nameof(Some_seeds)}", seed)}\n{e.Message}", e);
        }
    }

    private static (Hostile Hostile, Ledger Ledger) Begin(ulong seed, bool byClient)
    {
        Scene scene = Scene.Connected(seed, Link);
        (byClient ? scene.Host : scene.Client).AddAddress(byClient ? Scene.HostDirect : Scene.ClientDirect);
        Hostile hostile = new Hostile(scene, byClient).WithoutSkips().Mute();
        return (hostile, new Ledger(scene.Network, Scene.ClientRelay, Scene.HostRelay));
    }

    private static byte[] Challenges(int number, int count) => Raw.Times(count, i => [0x1a, .. BitConverter.GetBytes(((long)number << 16) + i)]);

    private static UdpAddress Address(string address, int port) => new(IPAddress.Parse(address), port);
}
