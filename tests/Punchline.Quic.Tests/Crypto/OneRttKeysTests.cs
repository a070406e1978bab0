using CsCheck;
using Punchline.Quic.Crypto;
using Xunit;

namespace Punchline.Quic.Tests.Crypto;

public class OneRttKeysTests
{
    private static readonly TimeSpan ThreePto = TimeSpan.FromMilliseconds(300);

    private static readonly TimeSpan Pto = ThreePto / 3;

    [Fact]
    public void Phases_change_on_both_sides_and_back()
    {
        using var pair = new Pair();
        for (int round = 0; round < 4; round++)
        {
            bool phase = round % 2 != 0;
            pair.Exchange();
            Assert.Equal((phase, phase), (pair.A.KeyPhase, pair.B.KeyPhase));
            Side initiator = round < 2 ? pair.A : pair.B;
            Assert.True(initiator.Keys.TryUpdate());
            Assert.Equal(!phase, initiator.KeyPhase);
            pair.Exchange();
            Assert.Equal((!phase, !phase), (pair.A.KeyPhase, pair.B.KeyPhase));
            pair.Now += ThreePto;
        }
    }

    /// <summary>RFC 9001 sections 6.1 and 6.5.</summary>
    [Fact]
    public void An_update_waits_for_confirmation_acknowledgement_and_three_PTOs()
    {
        using var pair = new Pair(confirmed: false);
        Packet first = pair.A.Seal();
        Assert.Equal(OpenResult.Opened, pair.B.Open(first));
        Assert.Equal(OpenResult.Opened, pair.A.Open(pair.B.Seal()));
        Assert.False(pair.A.Keys.TryUpdate(), "nothing is acknowledged");
        pair.A.Keys.OnAcked(first.Number);
        Assert.False(pair.A.Keys.TryUpdate(), "the handshake is not confirmed");
        pair.A.Keys.OnConfirmed();
        Assert.True(pair.A.Keys.TryUpdate());
        Assert.False(pair.A.Keys.CanUpdate, "the peer has not followed");

        Packet second = pair.A.Seal();
        pair.A.Keys.OnAcked(first.Number);
        Assert.Equal(OpenResult.Opened, pair.B.Open(second));
        Assert.Equal(OpenResult.Opened, pair.A.Open(pair.B.Seal()));
        pair.Now += ThreePto * 2;
        Assert.Equal(OpenResult.Opened, pair.A.Open(pair.B.Seal()));
        Assert.False(pair.A.Keys.TryUpdate(), "only a packet of the phase before was acknowledged");

        pair.A.Keys.OnAcked(second.Number);
        Assert.False(pair.A.Keys.TryUpdate(), "the acknowledgement came just now");
        pair.Now += ThreePto - TimeSpan.FromTicks(1);
        Assert.Equal(OpenResult.Opened, pair.A.Open(pair.B.Seal()));
        Assert.False(pair.A.Keys.TryUpdate(), "three PTOs have not passed");
        pair.Now += TimeSpan.FromTicks(1);
        Assert.Equal(OpenResult.Opened, pair.A.Open(pair.B.Seal()));
        Assert.True(pair.A.Keys.TryUpdate());
    }

    [Fact]
    public void An_acknowledgement_of_nothing_that_we_sent_permits_no_update()
    {
        using var pair = new Pair();

        pair.A.Keys.OnAcked(0);

        Assert.False(pair.A.Keys.TryUpdate());
    }

    [Fact]
    public void Packets_of_the_phase_before_open_for_three_PTOs()
    {
        using var pair = new Pair();
        pair.Exchange();
        Packet early = pair.A.Seal();
        Packet late = pair.A.Seal();
        Assert.True(pair.A.Keys.TryUpdate());
        Assert.Equal(OpenResult.Opened, pair.B.Open(pair.A.Seal()));
        Assert.True(pair.B.KeyPhase);

        pair.Now += ThreePto - TimeSpan.FromTicks(1);
        Assert.Equal(OpenResult.Opened, pair.B.Open(early));
        pair.Now += TimeSpan.FromTicks(1);
        Assert.Equal(OpenResult.Failed, pair.B.Open(late));
        Assert.Equal(OpenResult.Opened, pair.B.Open(pair.A.Seal()));
    }

    [Fact]
    public void Packets_of_the_new_phase_open_in_any_order()
    {
        using var pair = new Pair();
        pair.Exchange();
        Packet old = pair.A.Seal();
        Assert.True(pair.A.Keys.TryUpdate());
        Packet[] renewed = [pair.A.Seal(), pair.A.Seal(), pair.A.Seal()];

        Assert.Equal(OpenResult.Opened, pair.B.Open(renewed[2]));
        Assert.Equal(OpenResult.Opened, pair.B.Open(renewed[0]));
        Assert.Equal(OpenResult.Opened, pair.B.Open(old));
        Assert.Equal(OpenResult.Opened, pair.B.Open(renewed[1]));
    }

    [Fact]
    public void Both_may_update_at_once()
    {
        using var pair = new Pair();
        pair.Exchange();
        Assert.True(pair.A.Keys.TryUpdate());
        Assert.True(pair.B.Keys.TryUpdate());

        pair.Exchange();
        pair.Exchange();

        Assert.Equal((true, true), (pair.A.KeyPhase, pair.B.KeyPhase));
    }

    [Fact]
    public void A_peer_that_sealed_nothing_since_its_own_update_still_follows_the_others()
    {
        using var pair = new Pair();
        pair.Exchange();
        Assert.True(pair.A.Keys.TryUpdate());
        Assert.True(pair.B.Keys.TryUpdate());
        Packet fromA = pair.A.Seal();

        Assert.Equal(OpenResult.Opened, pair.B.Open(fromA));
        Assert.Equal(OpenResult.Opened, pair.A.Open(pair.B.Seal()));
        Assert.Equal((true, true), (pair.A.KeyPhase, pair.B.KeyPhase));
    }

    [Fact]
    public void A_forged_phase_bit_changes_nothing()
    {
        using var pair = new Pair();
        pair.Exchange();
        for (int i = 0; i < 3; i++)
        {
            Packet packet = pair.A.Seal();
            Assert.Equal(OpenResult.Failed, pair.B.Open(packet with { Phase = !packet.Phase }));
            Assert.Equal(OpenResult.Opened, pair.B.Open(packet));
            Assert.False(pair.B.KeyPhase);
        }
        // The same right after a change, while the next keys are not made, and once they are.
        Assert.True(pair.A.Keys.TryUpdate());
        Assert.Equal(OpenResult.Opened, pair.B.Open(pair.A.Seal()));
        for (int i = 0; i < 3; i++)
        {
            Packet packet = pair.A.Seal();
            Assert.Equal(OpenResult.Failed, pair.B.Open(packet with { Phase = !packet.Phase }));
            Assert.Equal(OpenResult.Opened, pair.B.Open(packet));
            Assert.True(pair.B.KeyPhase);
            pair.Now += Pto;
        }
    }

    /// <summary>RFC 9001 section 6.4: new keys on a number below one of the old phase.</summary>
    [Fact]
    public void New_keys_below_old_numbers_are_an_error()
    {
        using var pair = new Pair();
        pair.Exchange();
        Assert.Equal(OpenResult.Opened, pair.B.Open(pair.A.Seal(number: 100)));
        Assert.True(pair.A.Keys.TryUpdate());

        Assert.Equal(OpenResult.KeyUpdateError, pair.B.Open(pair.A.Seal(number: 99)));
    }

    /// <summary>RFC 9001 section 6.4, seen only when the old packet came between two new ones.</summary>
    [Fact]
    public void Old_keys_above_new_numbers_are_an_error()
    {
        using var pair = new Pair();
        pair.Exchange();
        Packet old = pair.A.Seal(number: 150);
        Assert.True(pair.A.Keys.TryUpdate());
        Assert.Equal(OpenResult.Opened, pair.B.Open(pair.A.Seal(number: 200)));
        Assert.Equal(OpenResult.Opened, pair.B.Open(old));

        Assert.Equal(OpenResult.KeyUpdateError, pair.B.Open(pair.A.Seal(number: 149)));
    }

    /// <summary>RFC 9001 section 6.2: the peer cannot have had our acknowledgement, for we sent nothing.</summary>
    [Fact]
    public void A_second_update_before_we_answered_the_first_is_an_error()
    {
        using var pair = new Pair();
        pair.Exchange();
        Assert.True(pair.A.Keys.TryUpdate());
        Packet first = pair.A.Seal();
        Assert.Equal(OpenResult.Opened, pair.B.Open(first));
        // A believes in an answer that B never sent: another with B's secrets sends it.
        using var forger = new Pair();
        forger.Exchange();
        Assert.Equal(OpenResult.Opened, forger.B.Open(forger.SealWithUpdate()));
        Assert.Equal(OpenResult.Opened, pair.A.Open(forger.B.Seal(number: 1000)));
        pair.A.Keys.OnAcked(first.Number);
        pair.Now += ThreePto;
        Assert.Equal(OpenResult.Opened, pair.A.Open(forger.B.Seal(number: 1001)));
        Assert.True(pair.A.Keys.TryUpdate());

        Assert.Equal(OpenResult.KeyUpdateError, pair.B.Open(pair.A.Seal()));
    }

    [Fact]
    public void A_key_seals_as_many_packets_as_it_may_and_its_successor_as_many_again()
    {
        using var pair = new Pair(new AeadLimits(Confidentiality: 8, Update: 4, Exhausted: 6, Integrity: 100));
        Packet packet = default;
        for (int i = 0; i < 4; i++)
        {
            Assert.False(pair.A.Keys.NeedsUpdate);
            packet = pair.A.Seal();
        }
        Assert.True(pair.A.Keys.NeedsUpdate);
        Assert.False(pair.A.Keys.IsExhausted);

        pair.A.Keys.OnAcked(packet.Number);
        Assert.True(pair.A.Keys.TryUpdate());
        Assert.False(pair.A.Keys.NeedsUpdate);
        for (int i = 0; i < 8; i++)
        {
            Assert.Equal(i >= 6, pair.A.Keys.IsExhausted);
            pair.A.Seal();
        }
        Assert.Throws<InvalidOperationException>(() => pair.A.Seal());
    }

    /// <summary>RFC 9001 section 6.6: counted over all keys, and no packet is processed any more.</summary>
    [Fact]
    public void Too_many_forgeries_end_it()
    {
        using var pair = new Pair(new AeadLimits(Confidentiality: 100, Update: 100, Exhausted: 100, Integrity: 4));
        Packet forged = new([0x40, .. new byte[40]], 1, false);
        for (int i = 0; i < 2; i++)
            Assert.Equal(OpenResult.Failed, pair.B.Open(forged));
        pair.Exchange();
        Assert.True(pair.A.Keys.TryUpdate());
        Assert.Equal(OpenResult.Opened, pair.B.Open(pair.A.Seal()));
        for (int i = 0; i < 2; i++)
            Assert.Equal(OpenResult.Failed, pair.B.Open(forged with { Number = 1000, Phase = i == 0 }));

        Assert.Equal(OpenResult.IntegrityLimit, pair.B.Open(forged));
        Assert.Equal(OpenResult.IntegrityLimit, pair.B.Open(pair.A.Seal()));
    }

    [Fact]
    public void Limits_are_those_of_AES_128_GCM() =>
        Assert.Equal(new AeadLimits(8_388_608, 4_194_304, 8_387_584, 4_503_599_627_370_496), AeadLimits.Aes128Gcm);

    /// <summary>
    /// Two honest sides, a network that delays, reorders, doubles and drops, updates whenever they are permitted:
    /// nothing is ever called an error, and what comes within a PTO of being sent opens.
    /// </summary>
    [Fact]
    public void Honest_sides_never_lose_each_other()
    {
        int updates = 0;
        Gen.Select(Gen.Int[0, 9], Gen.Int[0, 99]).Array[50, 300].Sample(
            steps =>
            {
                using var pair = new Pair();
                var inFlight = new List<(Side To, Packet Packet, Instant Sent)>();
                foreach ((int action, int pick) in steps)
                {
                    Side side = pick % 2 == 0 ? pair.A : pair.B;
                    switch (action)
                    {
                        case <= 2:
                            inFlight.Add((pair.Other(side), side.Seal(), pair.Now));
                            break;
                        case <= 6 when inFlight.Count > 0:
                            int index = pick % inFlight.Count;
                            (Side to, Packet packet, _) = inFlight[index];
                            Assert.True(
                                to.Open(packet) == OpenResult.Opened, $"packet {packet.Number} of phase {packet.Phase} did not open");
                            to.Remember(packet);
                            if (pick % 3 != 0)
                                inFlight.RemoveAt(index);
                            break;
                        case 7:
                            side.DeliverAcknowledgement(inFlight, pair);
                            break;
                        case 8:
                            if (side.Keys.TryUpdate())
                                Interlocked.Increment(ref updates);
                            break;
                        default:
                            pair.Now += Pto / 2 * (pick % 8);
                            inFlight.RemoveAll(p => pair.Now - p.Sent > Pto);
                            break;
                    }
                }
            },
            iter: 300);
        Assert.True(updates > 300, $"only {updates} updates: the test no longer tests them");
    }

    private readonly record struct Packet(byte[] Bytes, ulong Number, bool Phase, ulong? Acknowledges = null);

    /// <summary>One end: its keys, and the numbers it has used and seen.</summary>
    private sealed class Side(Pair pair, OneRttKeys keys)
    {
        private const int HeaderLength = 5;

        private ulong _next;
        private ulong? _largestSeen;

        public OneRttKeys Keys { get; } = keys;

        public bool KeyPhase => Keys.KeyPhase;

        public Packet Seal(ulong? number = null)
        {
            _next = number ?? _next;
            byte[] packet = new byte[60];
            packet[0] = (byte)(Keys.KeyPhase ? 0x44 : 0x40);
            Keys.Seal(packet, HeaderLength, _next);
            return new Packet(packet, _next++, Keys.KeyPhase, _largestSeen);
        }

        /// <summary>Opens a copy, so that a packet may come twice. The phase bit in the header stays as it was sealed.</summary>
        public OpenResult Open(Packet packet) =>
            Keys.TryOpen([.. packet.Bytes], HeaderLength, packet.Number, packet.Phase, pair.Now, ThreePto);

        public void Remember(Packet packet)
        {
            _largestSeen = Math.Max(_largestSeen ?? 0, packet.Number);
            if (packet.Acknowledges is { } largest)
                Keys.OnAcked(largest);
        }

        /// <summary>The other side's newest packet for this one, which tells what it has seen, comes at once.</summary>
        public void DeliverAcknowledgement(List<(Side To, Packet Packet, Instant Sent)> inFlight, Pair pair)
        {
            Packet packet = pair.Other(this).Seal();
            inFlight.Add((this, packet, pair.Now));
            Assert.Equal(OpenResult.Opened, Open(packet));
            Remember(packet);
        }
    }

    /// <summary>Two ends with the same secrets, and their clock.</summary>
    private sealed class Pair : IDisposable
    {
        private static readonly byte[] SecretA = [.. Enumerable.Repeat((byte)0xa, 32)];

        private static readonly byte[] SecretB = [.. Enumerable.Repeat((byte)0xb, 32)];

        public Pair(AeadLimits? limits = null, bool confirmed = true)
        {
            A = new Side(this, new OneRttKeys(SecretA, SecretB, limits));
            B = new Side(this, new OneRttKeys(SecretB, SecretA, limits));
            if (confirmed)
            {
                A.Keys.OnConfirmed();
                B.Keys.OnConfirmed();
            }
        }

        public Side A { get; }

        public Side B { get; }

        public Instant Now { get; set; } = new(1_000_000);

        public Side Other(Side side) => side == A ? B : A;

        /// <summary>A packet each way, each acknowledged; then three PTOs of quiet and another packet each way.</summary>
        public void Exchange()
        {
            for (int i = 0; i < 2; i++)
            {
                Packet toB = A.Seal();
                Assert.Equal(OpenResult.Opened, B.Open(toB));
                Packet toA = B.Seal();
                Assert.Equal(OpenResult.Opened, A.Open(toA));
                A.Keys.OnAcked(toB.Number);
                B.Keys.OnAcked(toA.Number);
                Now += ThreePto;
            }
        }

        public Packet SealWithUpdate()
        {
            Assert.True(A.Keys.TryUpdate());
            return A.Seal();
        }

        public void Dispose()
        {
            A.Keys.Dispose();
            B.Keys.Dispose();
        }
    }
}
