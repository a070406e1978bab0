using Punchline.Quic;
using Punchline.Server.Control;
using Punchline.Server.Directory;
using Punchline.Server.Relay;
using Punchline.Server.Tests.Control;
using Xunit;

namespace Punchline.Server.Tests.Directory;

/// <summary>What pairs may spend, across all ways to get a new one; where nothing else is said, where no data is relayed. In virtual time.</summary>
public sealed class RelayBudgetTests : IDisposable
{
    private const int Datagram = 8192;

    /// <summary>Of large datagrams a pair's bytes are spent before its number of datagrams is.</summary>
    private const int PerPair = (int)ServerLimits.PairBytesBurst / Datagram;

    private readonly ControlScene _scene = new();
    private readonly PeerSocket _socket = new();
    private readonly ControlSession _host;
    private readonly Registration _registration;

    public RelayBudgetTests()
    {
        _host = _scene.Session(_socket);
        _registration = _scene.Register(_host, invites: 20);
    }

    public void Dispose()
    {
        _host.Dispose();
        _socket.Dispose();
    }

    [Fact]
    public void Opening_a_pair_again_brings_no_new_budget()
    {
        using ControlSession client = _scene.Session(_socket);
        RelayPair relay = _scene.Open(client, 1, out PairEntry pair);
        Assert.Equal(PerPair, Spend(relay));
        _scene.Directory.Close(pair, Protocol.PairCloseReason.Replaced);
        Assert.Equal(0, Spend(_scene.Open(client, 1, out pair)));
        // From another channel of the same customer, and with the same host registered anew: neither.
        _scene.Directory.Close(pair, Protocol.PairCloseReason.ClientLeft);
        using ControlSession again = _scene.Session(_socket, "192.0.2.1");
        _scene.Directory.Unregister(_registration);
        _scene.Register(_host, invites: 20);
        Assert.Equal(0, Spend(_scene.Open(again, 1, out pair)));
        _scene.Directory.Close(pair, Protocol.PairCloseReason.ClientLeft);
        // It fills as a pair that stands would.
        _scene.Time.Advance(TimeSpan.FromSeconds(Datagram / ServerLimits.PairBytesPerSecond));
        Assert.Equal(1, Spend(_scene.Open(again, 1, out pair)));
        _scene.Directory.Close(pair, Protocol.PairCloseReason.ClientLeft);
        _scene.Time.Advance(ServerLimits.BudgetRefill);
        Assert.Equal(PerPair, Spend(_scene.Open(again, 1, out _)));
    }

    [Fact]
    public void Friends_elsewhere_do_not_spend_each_others()
    {
        using ControlSession one = _scene.Session(_socket, "192.0.2.1");
        using ControlSession other = _scene.Session(_socket, "192.0.2.2");
        Assert.Equal(PerPair, Spend(_scene.Open(one, 1, out _)));
        Assert.Equal(PerPair, Spend(_scene.Open(other, 1, out _)));
    }

    [Fact]
    public void One_address_has_a_bound_for_all_its_pairs_together()
    {
        int spent = 0;
        for (ulong invite = 1; invite <= 20; invite++)
        {
            using ControlSession client = _scene.Session(_socket, "2001:db8:0:1::" + invite);
            spent += Spend(_scene.Open(client, invite, out _));
        }
        Assert.Equal(ServerLimits.ChannelsPerAddress / ServerLimits.ChannelsPerPairBudget * PerPair, spent);
    }

    [Fact]
    public void A_quota_outlives_the_pair_that_used_it_up_and_a_hosts_its_registration()
    {
        const int Datagrams = 100;
        var scene = new ControlScene(new RelayTerms { Pair = new RelayBound(null, Datagrams * Datagram), Host = new RelayBound(null, 2 * Datagrams * Datagram) });
        using ControlSession host = scene.Session(_socket);
        Registration registration = scene.Register(host, invites: 3);
        using ControlSession one = scene.Session(_socket, "192.0.2.1");
        using ControlSession other = scene.Session(_socket, "192.0.2.2");
        using ControlSession third = scene.Session(_socket, "192.0.2.3");
        Assert.Equal(Datagrams + PerPair, Spend(scene, scene.Open(one, 1, out PairEntry pair)));
        scene.Directory.Close(pair, Protocol.PairCloseReason.ClientLeft);
        scene.Time.Advance(ServerLimits.BudgetRefill);
        // What fills again is the small allowance alone.
        Assert.Equal(PerPair, Spend(scene, scene.Open(one, 1, out pair)));
        scene.Directory.Close(pair, Protocol.PairCloseReason.ClientLeft);
        Assert.Equal(Datagrams + PerPair, Spend(scene, scene.Open(other, 2, out _)));
        scene.Directory.Unregister(registration);
        scene.Register(host, invites: 3);
        // A third friend's quota is whole; the host's is not, also under a new registration.
        Assert.Equal(PerPair, Spend(scene, scene.Open(third, 3, out _)));
        scene.Time.Advance(ServerLimits.QuotaTime);
        Assert.Equal(Datagrams + PerPair, Spend(scene, scene.Open(one, 1, out _)));
    }

    [Fact]
    public void Budgets_are_forgotten_once_they_are_full_again_and_kept_while_they_are_used()
    {
        var budgets = new RelayBudgets<int, RelayBudget>(ServerLimits.BudgetRefill, now => RelayBudget.ForPair(now, null));
        var now = new Instant(TimeSpan.TicksPerDay);
        RelayBudget kept = budgets.Take(now, 1);
        budgets.Take(now, 2);
        budgets.Return(now, 2);
        Assert.Same(kept, budgets.Take(now + ServerLimits.BudgetRefill, 1));
        Assert.Equal(1, budgets.Count);
        for (int i = 0; i < ServerLimits.RememberedBudgets + 10; i++)
        {
            budgets.Take(now, 10 + i);
            budgets.Return(now, 10 + i);
        }
        Assert.Equal(ServerLimits.RememberedBudgets, budgets.Count);
        Assert.Same(kept, budgets.Take(now, 1));
    }

    private int Spend(RelayPair relay) => Spend(_scene, relay);

    private static int Spend(ControlScene scene, RelayPair relay)
    {
        int count = 0;
        while (relay.Spend(scene.Clock.Now, Datagram, Datagram, out _) == 1)
            count++;
        return count;
    }
}
