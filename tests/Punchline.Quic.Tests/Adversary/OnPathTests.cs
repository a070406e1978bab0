using Punchline.Quic.Tests.Simulation;
using Punchline.Testing;
using Xunit;

namespace Punchline.Quic.Tests.Adversary;

/// <summary>
/// An attacker on the path, without keys: a connection that stands is not ended, no byte is altered, no address is hit that
/// did not ask, and everything goes on as soon as the attacker stops. PUNCHLINE_SEED=N replays one.
/// </summary>
public sealed class OnPathTests
{
    private const int QuickSeeds = 40;
    private const int ManySeeds = 250;
    private const int LongSeeds = 5000;

    /// <summary>Shorter than the idle timeout, so that silence alone ends nothing.</summary>
    private static readonly TimeSpan AttackTime = TimeSpan.FromSeconds(20);

    /// <summary>Far beyond what a probe timeout that has backed off, a validation and a transfer take.</summary>
    private static readonly TimeSpan RecoveryTime = TimeSpan.FromMinutes(2);

    public static TheoryData<Power> Powers => [.. Enum.GetValues<Power>()];

    [Theory]
    [MemberData(nameof(Powers))]
    public void Each_power_alone(Power power)
    {
        for (ulong seed = 1; seed <= 6; seed++)
        {
            // All of the datagrams, where the network does not thereby end.
            double share = power is Power.Drop or Power.Split or Power.Truncate or Power.FlipBit ? 0.4 : power == Power.SpoofAway ? 0.5 : 1;
            RunEstablished(seed, network => new OnPathAttacker(network, seed, power, share), $"power {power}, seed {seed}");
            RunFromTheStart(seed, network => new OnPathAttacker(network, seed, power, share), $"power {power}, seed {seed}");
        }
    }

    [Fact]
    public void Some_seeds() => Run(1, QuickSeeds);

    [Fact]
    [Trait("Length", "Medium")]
    public void Many_seeds() => Run(QuickSeeds + 1, ManySeeds);

    [Fact]
    [Trait("Length", "Long")]
    public void Very_many_seeds() => Run(ManySeeds + 1, LongSeeds);

    [Fact]
    [Trait("Length", "Soak")]
    public void As_many_seeds_as_there_is_time_for()
    {
        var time = new SoakTime();
        ulong next = LongSeeds + 1 + time.Number;
        do
            RunBoth(next++);
        while (time.IsLeft);
    }

    [Fact]
    public void A_seed_run_twice_is_one_run()
    {
        Assert.Equal(Once(7), Once(7));
        Assert.NotEqual(Once(7), Once(8));

        static string Once(ulong seed) => RunEstablished(seed, network => new OnPathAttacker(network, seed), $"seed {seed}");
    }

    private static void Run(ulong first, ulong last)
    {
        if (Seeds.Given is { } given)
        {
            RunBoth(given);
            return;
        }
        Seeds.ForEach(first, last, RunBoth);
    }

    private static void RunBoth(ulong seed)
    {
        string what = Seeds.Replay($"{nameof(OnPathTests)}.{nameof(Some_seeds)}", seed);
        RunEstablished(seed, network => new OnPathAttacker(network, seed), what);
        RunFromTheStart(seed, network => new OnPathAttacker(network, seed), what);
    }

    /// <summary>The attacker comes when the connection stands: nothing ends it.</summary>
    /// <returns>The run's fingerprint.</returns>
    private static string RunEstablished(ulong seed, Func<SimulatedNetwork, OnPathAttacker> create, string what)
    {
        var draw = new SeededRandomness(seed);
        Scene scene = Scene.Connected(seed, Link(draw));
        // A second connection of the same two, whose packets are there to be taken for those of the first.
        QuicConnection second = scene.Client.Connect(Scene.ClientRelay, Scene.HostRelay, SimulatedIdentities.IdOf("host"));
        scene.Network.RunFor(TimeSpan.FromSeconds(2));
        // A link that loses much takes longer.
        bool stands = scene.Network.RunUntil(() => second.IsEstablished && scene.Host.Connections.Count(static host => host.IsEstablished) == 2, RecoveryTime);
        scene.Check(stands, "the second connection does not come about");
        // Those that forged Initial packets begin at the host may end as they like.
        QuicConnection[] standing = [scene.Connection, second, .. scene.Host.Connections];
        OnPathAttacker attacker = create(scene.Network);
        Ledger(scene, attacker);
        try
        {
            if (draw.NextBool(0.4))
                scene.OfferDirect(Link(draw));
            scene.ClientApplication.Start(scene.Connection, 1 + draw.NextInt(3), 1 << draw.NextInt(10, 18));
            scene.ClientApplication.Start(second, 1, 20_000);
            scene.Network.RunFor(AttackTime);
            attacker.IsActive = false;
            scene.Check(standing.All(connection => connection.IsOpen), "an attacker without keys ended a connection");
            scene.ClientApplication.Start(scene.Connection, 1, 10_000);
            scene.Check(scene.Network.RunUntil(() => scene.ClientApplication.IsDone, RecoveryTime), "it does not go on once the attacker has gone");
            scene.Check(standing.All(connection => connection.IsOpen), "ended after the attack");
            return scene.Network.Log.Fingerprint;
        }
        catch (Exception e) when (e is not OutOfMemoryException)
        {
            throw new InvalidOperationException($"{what}, attack on a standing connection: {attacker}\n{e.Message}", e);
        }
    }

    /// <summary>
    /// The attacker is there before the first packet. Initial packets are anybody's to forge (RFC 9000 section 21.2), so the
    /// attempt may fail; a next one without the attacker succeeds.
    /// </summary>
    private static void RunFromTheStart(ulong seed, Func<SimulatedNetwork, OnPathAttacker> create, string what)
    {
        var draw = new SeededRandomness(seed);
        var scene = new Scene(seed, Link(draw));
        OnPathAttacker attacker = create(scene.Network);
        Ledger ledger = Ledger(scene, attacker);
        ledger.IsHandshake = () => !scene.HostApplication.IsEstablished;
        try
        {
            scene.Connect();
            scene.Network.RunFor(AttackTime);
            attacker.IsActive = false;
            QuicConnection next = scene.Connect();
            scene.Check(scene.Network.RunUntil(() => next.IsEstablished, RecoveryTime), "no connection once the attacker has gone");
            scene.ClientApplication.Start(next, 2, 10_000);
            scene.Check(scene.Network.RunUntil(() => scene.ClientApplication.IsDone, RecoveryTime), "no transfer once the attacker has gone");
            Assert.Equal(SimulatedIdentities.IdOf("host"), next.PeerId.ToArray());
        }
        catch (Exception e) when (e is not OutOfMemoryException)
        {
            throw new InvalidOperationException($"{what}, attack from the start: {attacker}\n{e.Message}", e);
        }
    }

    private static Ledger Ledger(Scene scene, OnPathAttacker attacker) =>
        new(scene.Network, Scene.ClientRelay, Scene.HostRelay, Scene.ClientDirect, Scene.HostDirect) { Attack = attacker.OnDatagram };

    private static LinkProfile Link(SeededRandomness draw) => new()
    {
        Delay = TimeSpan.FromMilliseconds(draw.NextInt(2, 60)),
        Jitter = TimeSpan.FromMilliseconds(draw.NextInt(10)),
        Loss = draw.NextBool(0.3) ? 0.03 : 0,
    };
}
