using System.Buffers.Binary;
using System.Net;
using Punchline.Lab.Driver;

namespace Punchline.Lab.Silence;

/// <summary>What a watcher at the host's line has of one join: every byte that came to the host's socket, and the client's control channel.</summary>
internal sealed class WatchedJoin
{
    /// <summary>A relay frame's type and handle (docs/wire/relay.md) in front of a QUIC datagram.</summary>
    private const byte RelayData = 0x20;
    private const int RelayHeader = 9;

    /// <summary>UDP's share of the link's 1,500 bytes: a longer "packet" is a train that the kernel did not cut up for the capture.</summary>
    private const int LongestDatagram = 1472;

    private WatchedJoin(IReadOnlyList<byte[]> datagrams, ClientInitial first) => (Datagrams, First) = (datagrams, first);

    /// <summary>The QUIC datagrams from the client, in order, by whatever way they came.</summary>
    public IReadOnlyList<byte[]> Datagrams { get; }

    /// <summary>The Initial packet that opened the door.</summary>
    public ClientInitial First { get; }

    /// <summary>Finds them in a capture at the host's device.</summary>
    public static WatchedJoin Read(IReadOnlyList<CapturedPacket> packets, IPEndPoint host)
    {
        List<byte[]> datagrams = [];
        foreach (var packet in packets.Where(packet => packet.Kind == PacketKind.Udp && packet.Target.Equals(host) && packet.Payload.Length is > 0 and <= LongestDatagram))
            if (packet.Payload[0] == RelayData)
                datagrams.Add(packet.Payload[RelayHeader..]);
            else if ((packet.Payload[0] & 0x40) != 0)
                datagrams.Add(packet.Payload);
        var first = datagrams.Select(datagram => ClientInitial.Open(datagram)).FirstOrDefault(initial => initial?.Token.Length > 0);
        return new WatchedJoin(datagrams, first ?? throw new LabException($"no Initial with a token among {datagrams.Count} datagrams"));
    }

    /// <summary>The first message that a client sent on its WebSocket (RFC 6455 section 5.2), out of a capture at its device.</summary>
    public static byte[] FirstControlMessage(IReadOnlyList<CapturedPacket> packets, IPEndPoint server)
    {
        var sent = Stream(packets.Where(packet => packet.Kind == PacketKind.Tcp && packet.Target.Equals(server) && packet.Payload.Length > 0));
        var end = sent.AsSpan().IndexOf("\r\n\r\n"u8);
        if (end < 0)
            throw new LabException("no request of a WebSocket in the capture");
        var frame = sent.AsSpan(end + 4);
        if (frame[0] != 0x82 || (frame[1] & 0x80) == 0)
            throw new LabException("not one whole, masked, binary message");
        var (length, at) = (frame[1] & 0x7F) is var small and < 126 ? (small, 2) : (BinaryPrimitives.ReadUInt16BigEndian(frame[2..]), 4);
        var mask = frame.Slice(at, 4);
        var message = frame.Slice(at + 4, length).ToArray();
        for (var i = 0; i < message.Length; i++)
            message[i] ^= mask[i % 4];
        return message;
    }

    /// <summary>What one connection's segments hold, in order; what was sent twice counts once.</summary>
    private static byte[] Stream(IEnumerable<CapturedPacket> segments)
    {
        List<byte> bytes = [];
        uint? next = null;
        foreach (var segment in segments.OrderBy(segment => segment.Sequence))
        {
            next ??= segment.Sequence;
            if (segment.Sequence != next)
                continue;
            bytes.AddRange(segment.Payload);
            next += (uint)segment.Payload.Length;
        }

        return [.. bytes];
    }
}
