using CsCheck;
using Punchline.Quic.Recovery;
using Xunit;

namespace Punchline.Quic.Tests.Recovery;

public class SentPacketStoreTests
{
    private enum Step
    {
        Add,
        Skip,
        Settle,
        Trim,
        Clear,
    }

    private static readonly RecoveryPath Path = new(1200);

    /// <summary>Any sequence of steps leaves the store equal to a sorted dictionary.</summary>
    [Fact]
    public void Equals_a_dictionary_whatever_happens()
    {
        Gen<Step> step = Gen.Frequency(
            (12, Gen.Const(Step.Add)), (1, Gen.Const(Step.Skip)), (9, Gen.Const(Step.Settle)), (3, Gen.Const(Step.Trim)),
            (1, Gen.Int[0, 30].Select(i => i == 0 ? Step.Clear : Step.Add)));
        Gen.Select(step, Gen.Int[0, 1000]).Array[0, 400].Sample(
            steps =>
            {
                var store = new SentPacketStore();
                var model = new SortedDictionary<ulong, SentFrame[]>();
                ulong next = 0;
                foreach ((Step what, int value) in steps)
                {
                    switch (what)
                    {
                        case Step.Add:
                            SentFrame[] frames = Frames(next, value % 37 == 0 ? 300 : value % 7);
                            store.Add(new SentPacket(next, Instant.Zero, value, Path, SentPacketFlags.None), next * 3, frames);
                            model.Add(next++, frames);
                            break;
                        case Step.Skip:
                            store.Skip();
                            next++;
                            break;
                        case Step.Settle when model.Count > 0:
                            ulong settled = model.Keys.ElementAt(value % model.Count);
                            store.Settle(settled);
                            model.Remove(settled);
                            break;
                        case Step.Trim:
                            store.Trim();
                            break;
                        case Step.Clear:
                            store.Clear();
                            model.Clear();
                            break;
                        default:
                            break;
                    }
                    if (value % 16 == 0)
                        Check(store, model, next, (ulong)value);
                }
            },
            iter: 60);
    }

    [Fact]
    public void Numbers_left_out_are_skipped()
    {
        var store = new SentPacketStore();
        store.Add(new SentPacket(5, Instant.Zero, 1, Path, SentPacketFlags.None), 1, []);
        store.Add(new SentPacket(9, Instant.Zero, 1, Path, SentPacketFlags.None), 2, []);
        Assert.Equal(5ul, store.FindOpen(0));
        Assert.Equal(9ul, store.FindOpen(6));
        Assert.Equal(10ul, store.FindOpen(10));
        Assert.False(store.IsOpen(7));
    }

    [Fact]
    public void A_number_is_used_once()
    {
        var store = new SentPacketStore();
        store.Add(new SentPacket(5, Instant.Zero, 1, Path, SentPacketFlags.None), 1, []);
        Assert.Throws<ArgumentOutOfRangeException>(
            () => store.Add(new SentPacket(5, Instant.Zero, 1, Path, SentPacketFlags.None), 2, []));
    }

    private static void Check(SentPacketStore store, SortedDictionary<ulong, SentFrame[]> model, ulong next, ulong anywhere)
    {
        Assert.Equal(next, store.Next);
        var found = new List<ulong>();
        for (ulong n = store.FindOpen(0); n < store.Next; n = store.FindOpen(n + 1))
        {
            found.Add(n);
            Assert.True(store.IsOpen(n));
            Assert.Equal(n, store.Packet(n).Number);
            Assert.Equal(n * 3, store.Sequence(n));
            Assert.Equal(model[n], store.Frames(n).ToArray());
        }
        Assert.Equal(model.Keys, found);
        anywhere %= next + 1;
        Assert.Equal(model.Keys.Where(k => k >= anywhere).DefaultIfEmpty(next).First(), store.FindOpen(anywhere));
        Assert.Equal(model.ContainsKey(anywhere), store.IsOpen(anywhere));
    }

    private static SentFrame[] Frames(ulong pn, int count)
    {
        var frames = new SentFrame[count];
        for (int i = 0; i < count; i++)
            frames[i] = new SentFrame(SentFrameKind.Stream, pn, (ulong)i, i, false);
        return frames;
    }
}
