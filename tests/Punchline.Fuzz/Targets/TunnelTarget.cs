using Punchline.Hosting;
using Punchline.Invites;
using Punchline.Protocol;
using Punchline.Stun;
using Punchline.Traversal;

namespace Punchline.Fuzz.Targets;

/// <summary>The bytes of a control stream between two peers (docs/wire/tunnel.md): message after message.</summary>
internal sealed class TunnelTarget : IFuzzTarget
{
    public string Name => "tunnel";

    public string Reads => "messages of the control stream";

    public int MaxLength => 4096;

    public AllocationBound Allocation => new(8192, 128);

    public int TestRuns => 40_000;

    public IEnumerable<byte[]> Seeds()
    {
        TunnelMessage[] messages =
        [
            new TunnelHello(3, "0.1.0"),
            new TunnelServices([new ServiceInfo(1, ServiceProtocol.Tcp, 25_565, "minecraft"), new ServiceInfo(300, ServiceProtocol.Udp, 34_197, "fabrik")]),
            new FriendSecret(new InviteId(7), new byte[16]),
            new ServiceError(1, 2, ServiceErrorCode.NothingListens, "nothing listens"),
            new NatMessage(new NatReport(NatMapping.Unknown, NatFiltering.Unknown, true, false, null, PortAllocation.Sequential, 1)),
            new Traverse(1, TraversalMethod.ClientOpens),
            new TraverseReady(70_000, TraverseAnswer.Later, []),
            new TraverseReady(1, TraverseAnswer.Ready, [1, 1_023, 65_535]),
            new TraverseGo(2, [20_001, 20_002, 20_003, 20_004, 20_005, 20_006, 20_007, 20_008, 20_009, 20_010]),
            new QuietMessage(82),
            new StaysOnRelay(RelayStay.NoUdp),
        ];
        byte[][] each = [.. messages.Select(TunnelCodec.Write)];
        return [.. each, [.. each.SelectMany(static bytes => bytes)], [0x7f, 0xff, 2, 1, 2, .. each[0]]];
    }

    public void Run(ReadOnlySpan<byte> input)
    {
        while (true)
        {
            TunnelReadStatus status = TunnelCodec.TryRead(input, out TunnelMessage? message, out int consumed);
            Check.That((status == TunnelReadStatus.Ok) == (message is not null), "a message and no message");
            Check.That((status is TunnelReadStatus.Ok or TunnelReadStatus.Skip) == (consumed > 0) && consumed <= input.Length, "bytes consumed for nothing");
            if (message is not null)
            {
                byte[] written = TunnelCodec.Write(message);
                Check.That(TunnelCodec.TryRead(written, out TunnelMessage? again, out int whole) == TunnelReadStatus.Ok && whole == written.Length, "a message that we write is none");
                Check.Same(written, TunnelCodec.Write(again!), "a message does not come back");
            }
            if (consumed == 0)
                return;
            input = input[consumed..];
        }
    }
}

/// <summary>What stands in front of each stream and each DATAGRAM (docs/wire/tunnel.md).</summary>
internal sealed class FlowHeaderTarget : IFuzzTarget
{
    public string Name => "flow-header";

    public string Reads => "the headers of streams and DATAGRAMs";

    public int MaxLength => 64;

    public AllocationBound Allocation => new(512, 0);

    public int TestRuns => 100_000;

    public IEnumerable<byte[]> Seeds()
    {
        byte[] buffer = new byte[DatagramHeader.MaxLength];
        yield return buffer[..new StreamHeader(1, 2).Write(buffer)];
        yield return buffer[..new StreamHeader(70_000, 1UL << 40).Write(buffer)];
        yield return buffer[..new DatagramHeader(1, 2, 3).Write(buffer)];
        yield return [.. buffer[..new DatagramHeader(70_000, 1UL << 40, 100).Write(buffer)], 9, 9];
    }

    public void Run(ReadOnlySpan<byte> input)
    {
        Span<byte> buffer = stackalloc byte[DatagramHeader.MaxLength];
        if (StreamHeader.TryRead(input, out StreamHeader stream, out int consumed, out bool unknownKind))
        {
            Check.That(!unknownKind && consumed <= Math.Min(input.Length, StreamHeader.MaxLength), "a header that is too long");
            Check.That(StreamHeader.TryRead(buffer[..stream.Write(buffer)], out StreamHeader again, out _, out _) && again == stream, "a stream's header does not come back");
        }
        else
        {
            Check.That(unknownKind || input.Length < StreamHeader.MaxLength, "a header for which no bytes suffice");
        }
        if (DatagramHeader.TryRead(input, out DatagramHeader datagram, out consumed))
        {
            Check.That(consumed <= Math.Min(input.Length, DatagramHeader.MaxLength), "a header that is too long");
            Check.That(DatagramHeader.TryRead(buffer[..datagram.Write(buffer)], out DatagramHeader again, out _) && again == datagram, "a DATAGRAM's header does not come back");
        }
    }
}
