using Punchline.Quic.Crypto;
using Punchline.Quic.Wire;
using Xunit;

namespace Punchline.Quic.Tests.Crypto;

/// <summary>The way of a packet through wire layer and protection allocates nothing once warm.</summary>
public class AllocationTests
{
    private const int Batch = 44;
    private const int PacketLength = 1200;
    private const int PacketNumberLength = 4;

    private static readonly ConnectionId Id = new([1, 2, 3, 4, 5, 6, 7, 8]);

    [Fact]
    public void Writing_sealing_opening_and_reading_packets_allocates_nothing()
    {
        using var sender = new OneRttKeys(new byte[32], [.. Enumerable.Repeat((byte)1, 32)]);
        using var receiver = new OneRttKeys([.. Enumerable.Repeat((byte)1, 32)], new byte[32]);
        byte[][] packets = [.. Enumerable.Range(0, Batch).Select(_ => new byte[PacketLength])];
        byte[] samples = new byte[Batch * HeaderKey.SampleLength];
        byte[] masks = new byte[Batch * HeaderKey.SampleLength];
        ulong next = 0;
        ulong sum = 0;
        RunBatches(20);

        long before = GC.GetAllocatedBytesForCurrentThread();
        RunBatches(20);
        long allocated = GC.GetAllocatedBytesForCurrentThread() - before;

        Assert.Equal(0, allocated);
        Assert.NotEqual(0ul, sum);

        void RunBatches(int count)
        {
            for (int i = 0; i < count; i++)
            {
                foreach (byte[] packet in packets)
                    Send(packet, next++);
                Mask();
                for (int p = 0; p < Batch; p++)
                {
                    ReadOnlySpan<byte> mask = masks.AsSpan(p * HeaderKey.SampleLength, HeaderKey.MaskLength);
                    HeaderKey.Apply(packets[p], 1 + Id.Length, PacketNumberLength, mask);
                }
                for (int p = 0; p < Batch; p++)
                    sum += Receive(packets[p], receiver);
                sender.OnAcked(next - 1);
            }
        }

        void Send(byte[] packet, ulong number)
        {
            var w = new WireWriter(packet);
            PacketHeaderWriter.WriteShort(ref w, Id, sender.KeyPhase, PacketNumberLength);
            PacketNumberCodec.Write(ref w, number, PacketNumberLength);
            int headerLength = w.Position;
            Span<PacketRange> ranges = [new(90, 100), new(50, 60), new(3, 5)];
            Assert.True(AckFrame.TryWrite(ref w, ranges, 10, new EcnCounts(1, 2, 3)));
            new MaxStreamDataFrame(new StreamId(4), number).Write(ref w);
            new NewConnectionIdFrame(3, 1, Id, masks.AsSpan(0, 16)).Write(ref w);
            new CandidateFrame(number, new Candidate(UdpAddress.FromBytes([192, 0, 2, 1], 0, 5000), CandidateKind.Host)).Write(ref w);
            int data = w.Remaining - AeadKey.TagLength - StreamFrame.HeaderLength(new StreamId(4), 70_000, PacketLength);
            StreamFrame.WriteHeader(ref w, new StreamId(4), 70_000, data, false);
            w.Reserve(data).Fill(0x55);
            sender.Seal(packet, headerLength, number);
        }

        void Mask()
        {
            for (int p = 0; p < Batch; p++)
            {
                if (HeaderKey.TryGetSample(packets[p], 1 + Id.Length, out ReadOnlySpan<byte> sample))
                    sample.CopyTo(samples.AsSpan(p * HeaderKey.SampleLength));
            }
            sender.WriteHeader.GetMasks(samples, Batch, masks);
        }
    }

    [Fact]
    public void Initial_keys_and_single_masks_allocate_nothing_per_packet()
    {
        using LevelKeys keys = LevelKeys.FromSecret(new byte[32]);
        byte[] packet = new byte[PacketLength];
        Run(100);

        long before = GC.GetAllocatedBytesForCurrentThread();
        int opened = Run(100);
        long allocated = GC.GetAllocatedBytesForCurrentThread() - before;

        Assert.Equal(0, allocated);
        Assert.Equal(100, opened);

        int Run(int count)
        {
            int opened = 0;
            for (int i = 0; i < count; i++)
            {
                var w = new WireWriter(packet);
                PacketHeaderWriter.WriteLong(ref w, PacketType.Initial, Id, Id, [], PacketNumberLength, out int lengthOffset);
                int pnOffset = w.Position;
                PacketNumberCodec.Write(ref w, (ulong)i, PacketNumberLength);
                PacketHeaderWriter.PatchLength(packet, lengthOffset, packet.Length - pnOffset);
                keys.Aead.Seal(packet, w.Position, (ulong)i);
                keys.Header.Protect(packet, pnOffset, PacketNumberLength);
                if (PacketHeader.TryRead(packet, Id.Length, out PacketHeader header)
                    && keys.Header.TryUnprotect(packet, header.PacketNumberOffset, out int pnLength)
                    && keys.Aead.TryOpen(packet, header.PacketNumberOffset + pnLength, (ulong)i))
                {
                    opened++;
                }
            }
            return opened;
        }
    }

    /// <summary>Opens a packet and walks its frames; the sum stands for what a connection would do with them.</summary>
    private static ulong Receive(byte[] packet, OneRttKeys keys)
    {
        Assert.True(PacketHeader.TryRead(packet, Id.Length, out PacketHeader header));
        Assert.True(keys.ReadHeader.TryUnprotect(packet, header.PacketNumberOffset, out int pnLength));
        int headerLength = header.PacketNumberOffset + pnLength;
        ulong truncated = PacketNumberCodec.ReadTruncated(packet.AsSpan(header.PacketNumberOffset, pnLength));
        ulong number = PacketNumberCodec.Decode(null, truncated, pnLength);
        bool keyPhase = FirstByte.KeyPhase(packet[0]);
        OpenResult result = keys.TryOpen(packet, headerLength, number, keyPhase, Instant.Zero, TimeSpan.FromSeconds(1));
        Assert.True(result == OpenResult.Opened);

        ulong sum = 0;
        var r = new WireReader(packet.AsSpan(headerLength..^AeadKey.TagLength));
        while (FrameTypes.TryReadType(ref r, out ulong type, out _))
        {
            switch (type)
            {
                case FrameTypes.Padding:
                    break;
                case FrameTypes.AckEcn when AckFrame.TryRead(ref r, type, out AckFrame ack):
                    foreach (PacketRange range in ack)
                        sum += range.Largest;
                    break;
                case FrameTypes.MaxStreamData when MaxStreamDataFrame.TryRead(ref r, out MaxStreamDataFrame maximum):
                    sum += maximum.Maximum;
                    break;
                case FrameTypes.NewConnectionId when NewConnectionIdFrame.TryRead(ref r, out NewConnectionIdFrame id):
                    sum += id.Sequence;
                    break;
                case FrameTypes.Candidate when CandidateFrame.TryRead(ref r, out CandidateFrame candidate):
                    sum += candidate.Sequence;
                    break;
                case >= FrameTypes.StreamFirst and <= FrameTypes.StreamLast when StreamFrame.TryRead(ref r, type, out StreamFrame stream):
                    sum += (ulong)stream.Data.Length;
                    break;
                default:
                    Assert.Fail("a frame was not read");
                    break;
            }
        }
        return sum;
    }
}
