using CsCheck;
using Punchline.Quic.Streams;
using Xunit;

namespace Punchline.Quic.Tests.Streams;

/// <summary>Bytes that wait for acknowledgement and bytes that wait for their predecessors, each against a plain model.</summary>
public class BufferTests
{
    private const int Size = 20_000;

    private static readonly StreamId Id = new(0);

    [Fact]
    public void Pieces_in_any_order_and_overlap_come_out_in_order() =>
        Gen.Select(Gen.Int[0, Size - 1], Gen.Int[0, 3000], Gen.Int[0, 4000]).Array[1, 60].Sample(pieces =>
        {
            var pool = new ChunkPool();
            var budget = new ReassemblyBudget();
            var buffer = new ReceiveBuffer(new ChunkAccount(pool), budget);
            var arrived = new bool[Size];
            ulong read = 0;
            foreach ((int offset, int length, int toRead) in pieces)
            {
                int count = Math.Min(length, Size - offset);
                Assert.True(buffer.Insert((ulong)offset, StreamPeer.Bytes(Id, (ulong)offset, count)));
                Array.Fill(arrived, true, offset, count);
                int contiguous = Array.IndexOf(arrived, false);
                Assert.Equal((ulong)(contiguous < 0 ? Size : contiguous), buffer.Contiguous);
                var destination = new byte[toRead];
                int got = buffer.ReadTo(destination);
                Assert.Equal(Math.Min((ulong)toRead, buffer.Contiguous - read), (ulong)got);
                Assert.Equal(StreamPeer.Bytes(Id, read, got), destination[..got]);
                read += (ulong)got;
                Assert.InRange(pool.Rented, 0, (Size >> ChunkPool.ChunkBits) + 1);
            }
            buffer.Drop();
            Assert.Equal(0, pool.Rented);
            Assert.Equal(0, budget.Ranges);
        }, iter: 100, threads: 1);

    [Fact]
    public void What_was_sent_is_kept_until_acknowledged_and_sent_again_when_lost() =>
        Gen.Select(Gen.Int[0, 9], Gen.Int[1, 1500], Gen.Int[0, 1000]).Array[1, 120].Sample(steps =>
        {
            var pool = new ChunkPool();
            var buffer = new SendBuffer(new ChunkAccount(pool));
            var acked = new bool[120 * 1500];
            var due = new bool[120 * 1500];
            List<(ulong Offset, int Length)> frames = [];
            ulong freed = 0;
            foreach ((int action, int count, int pick) in steps)
            {
                if (action < 2)
                {
                    buffer.Append(StreamPeer.Bytes(Id, buffer.End, count));
                }
                else if (action < 5 && (buffer.HasLost || buffer.Sent < buffer.End))
                {
                    OffsetRange range = buffer.HasLost ? buffer.FirstLost : new OffsetRange(buffer.Sent, buffer.End);
                    int length = (int)Math.Min((ulong)count, range.Length);
                    var bytes = new byte[length];
                    buffer.CopyTo(range.Start, bytes);
                    Assert.Equal(StreamPeer.Bytes(Id, range.Start, length), bytes);
                    buffer.OnSent(range.Start, length);
                    frames.Add((range.Start, length));
                    Array.Fill(due, false, (int)range.Start, length);
                }
                else if (action >= 5 && frames.Count != 0)
                {
                    // Frames stay, so that what was acknowledged may be lost later and the other way round.
                    (ulong offset, int length) = frames[pick % frames.Count];
                    if (action < 8)
                    {
                        freed += buffer.OnAcked(offset, length);
                        Array.Fill(acked, true, (int)offset, length);
                        Array.Fill(due, false, (int)offset, length);
                    }
                    else
                    {
                        buffer.OnLost(offset, length);
                        for (int i = (int)offset; i < (int)offset + length; i++)
                            due[i] = !acked[i];
                    }
                }
                Assert.Equal((ulong)Array.IndexOf(acked, false), buffer.Acked);
                Assert.Equal(buffer.Acked, freed);
                int firstDue = Array.IndexOf(due, true);
                Assert.Equal(firstDue >= 0, buffer.HasLost);
                if (buffer.HasLost)
                {
                    Assert.Equal((ulong)firstDue, buffer.FirstLost.Start);
                    Assert.Equal((ulong)Array.IndexOf(due, false, firstDue), buffer.FirstLost.End);
                }
                Assert.Equal(buffer.Retained == 0, pool.Rented == 0);
            }
        }, iter: 100, threads: 1);

    [Fact]
    public void Memory_follows_the_window_not_the_stream()
    {
        var pool = new ChunkPool();
        var buffer = new SendBuffer(new ChunkAccount(pool));
        for (ulong offset = 0; offset < 100_000_000; offset += 50_000)
        {
            buffer.Append(new byte[50_000]);
            buffer.OnSent(offset, 50_000);
            if (offset > 0)
                buffer.OnAcked(offset - 50_000, 50_000);
            Assert.InRange(pool.Rented, 1, 26);
        }
    }
}
