using CsCheck;
using Punchline.Quic.Recovery;
using Punchline.Quic.Streams;
using Punchline.Quic.Wire;
using Xunit;

namespace Punchline.Quic.Tests.Streams;

/// <summary>The ordered streams of handshake bytes (RFC 9000 sections 7.5 and 19.6).</summary>
public class CryptoBufferTests
{
    private static readonly StreamId Id = new(0);

    [Fact]
    public void A_handshake_survives_loss_and_reordering() =>
        Gen.Int[0, int.MaxValue].Sample(seed =>
        {
            var random = new Random(seed);
            var pool = new ChunkPool();
            using var sender = new CryptoSendBuffer(pool);
            var receiver = new CryptoReceiveBuffer();
            var sent = new SentFrameList();
            List<(byte[] Bytes, SentFrame Frame)> flying = [];
            ulong written = 0;
            ulong read = 0;
            for (int step = 0; step < 200 || read < written; step++)
            {
                Assert.True(step < 10_000);
                if (step < 200 && random.Next(4) == 0 && written - read < 30_000)
                {
                    int count = random.Next(1, 3000);
                    sender.Append(StreamPeer.Bytes(Id, written, count));
                    written += (ulong)count;
                }
                sent.Clear();
                var w = new WireWriter(new byte[random.Next(1, 1200)]);
                if (sender.TryWriteFrame(ref w, sent))
                    flying.Add((w.Written.ToArray(), sent.AsSpan()[0]));
                if (flying.Count != 0)
                {
                    int i = random.Next(flying.Count);
                    (byte[] bytes, SentFrame frame) = flying[i];
                    flying.RemoveAt(i);
                    if (random.Next(4) == 0)
                    {
                        sender.OnLost(frame);
                    }
                    else
                    {
                        var r = new WireReader(bytes);
                        Assert.True(FrameTypes.TryReadType(ref r, out ulong type, out _) && type == FrameTypes.Crypto);
                        Assert.True(CryptoFrame.TryRead(ref r, out CryptoFrame crypto));
                        Assert.Null(receiver.Receive(crypto.Offset, crypto.Data));
                        if (random.Next(3) != 0)
                            sender.OnAcked(frame);
                        else
                            flying.Add((bytes, frame)); // once more
                    }
                }
                ReadOnlySpan<byte> ready = receiver.Peek();
                int take = random.Next(ready.Length + 1);
                Assert.True(ready.SequenceEqual(StreamPeer.Bytes(Id, read, ready.Length)));
                receiver.Advance(take);
                read += (ulong)take;
            }
            Assert.True(receiver.IsEmpty);
            flying.ForEach(f => sender.OnAcked(f.Frame));
        }, iter: 100, threads: 1);

    [Fact]
    public void Nothing_is_written_without_room_or_bytes()
    {
        var sent = new SentFrameList();
        using var sender = new CryptoSendBuffer(new ChunkPool());
        var w = new WireWriter(new byte[3]);
        Assert.False(sender.TryWriteFrame(ref w, sent));
        sender.Append(new byte[100]);
        Assert.False(sender.TryWriteFrame(ref w, sent));
        Assert.Equal(0, w.Position);
        Assert.Equal(0, sent.Count);
        Assert.True(sender.HasPending);
    }

    [Fact]
    public void Memory_returns_with_the_level()
    {
        var pool = new ChunkPool();
        var sender = new CryptoSendBuffer(pool);
        sender.Append(new byte[10_000]);
        Assert.True(pool.Rented > 0);
        sender.Dispose();
        Assert.Equal(0, pool.Rented);
    }

    [Fact]
    public void At_least_4096_bytes_wait_behind_a_gap_and_not_more_than_the_limit() // section 7.5
    {
        var receiver = new CryptoReceiveBuffer(4096);
        Assert.Null(receiver.Receive(1, StreamPeer.Bytes(Id, 1, 4095)));
        Assert.True(receiver.HasGap);
        Assert.True(receiver.Peek().IsEmpty);
        IsExceeded(receiver.Receive(4096, new byte[1]));
        IsExceeded(receiver.Receive(VarInt.MaxValue, []));
        Assert.Null(receiver.Receive(0, StreamPeer.Bytes(Id, 0, 1)));
        Assert.False(receiver.HasGap);
        receiver.Advance(100);
        Assert.Null(receiver.Receive(4096, StreamPeer.Bytes(Id, 4096, 100)));
        Assert.True(receiver.Peek().SequenceEqual(StreamPeer.Bytes(Id, 100, 4096)));
        Assert.Throws<ArgumentOutOfRangeException>(() => receiver.Advance(4097));
    }

    [Fact]
    public void Handshake_data_in_too_many_pieces_ends_the_connection()
    {
        var receiver = new CryptoReceiveBuffer();
        QuicError? error = null;
        for (ulong i = 1; i < 2000 && error is null; i++)
            error = receiver.Receive(i * 2, [1]);
        IsExceeded(error);
    }

    private static void IsExceeded(QuicError? error)
    {
        Assert.NotNull(error);
        Assert.Equal((ulong)TransportErrorCode.CryptoBufferExceeded, error.Code);
    }
}
