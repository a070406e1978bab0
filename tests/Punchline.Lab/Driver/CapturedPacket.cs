using System.Buffers.Binary;
using System.Net;

namespace Punchline.Lab.Driver;

/// <summary>What a captured packet is.</summary>
internal enum PacketKind
{
    Udp,
    Tcp,

    /// <summary>ICMP and all else above IP; without ports.</summary>
    Other,
}

/// <summary>A packet of a capture.</summary>
/// <param name="Kind">UDP, TCP or else.</param>
/// <param name="Source">From where.</param>
/// <param name="Target">Where to.</param>
/// <param name="Sequence">TCP's sequence number.</param>
/// <param name="Payload">What is inside UDP or TCP.</param>
internal sealed record CapturedPacket(PacketKind Kind, IPEndPoint Source, IPEndPoint Target, uint Sequence, byte[] Payload)
{
    private const uint Magic = 0xA1B2C3D4;
    private const int FileHeader = 24;
    private const int RecordHeader = 16;
    private const int EthernetHeader = 14;

    /// <summary>Reads a file of the classic pcap format, little-endian, of Ethernet; ARP and the like are left out.</summary>
    public static IReadOnlyList<CapturedPacket> ReadFile(ReadOnlySpan<byte> file)
    {
        if (file.Length < FileHeader || BinaryPrimitives.ReadUInt32LittleEndian(file) != Magic || file[20] != 1)
            throw new LabException("not a capture of Ethernet in the classic format");
        List<CapturedPacket> packets = [];
        for (var rest = file[FileHeader..]; rest.Length >= RecordHeader;)
        {
            var length = BinaryPrimitives.ReadInt32LittleEndian(rest[8..]);
            if (Read(rest.Slice(RecordHeader, length)) is { } packet)
                packets.Add(packet);
            rest = rest[(RecordHeader + length)..];
        }

        return packets;
    }

    private static CapturedPacket? Read(ReadOnlySpan<byte> frame)
    {
        var ip = frame[EthernetHeader..];
        switch (BinaryPrimitives.ReadUInt16BigEndian(frame[12..]))
        {
            case 0x0800:
                var total = BinaryPrimitives.ReadUInt16BigEndian(ip[2..]);
                return Read(ip[9], new IPAddress(ip[12..16]), new IPAddress(ip[16..20]), ip[((ip[0] & 15) * 4)..total]);
            case 0x86DD:
                var payload = BinaryPrimitives.ReadUInt16BigEndian(ip[4..]);
                return Read(ip[6], new IPAddress(ip[8..24]), new IPAddress(ip[24..40]), ip.Slice(40, payload));
            default:
                return null;
        }
    }

    private static CapturedPacket Read(byte protocol, IPAddress source, IPAddress target, ReadOnlySpan<byte> body)
    {
        if (protocol is not (6 or 17))
            return new CapturedPacket(PacketKind.Other, new IPEndPoint(source, 0), new IPEndPoint(target, 0), 0, body.ToArray());
        var from = new IPEndPoint(source, BinaryPrimitives.ReadUInt16BigEndian(body));
        var to = new IPEndPoint(target, BinaryPrimitives.ReadUInt16BigEndian(body[2..]));
        return protocol == 17
            ? new CapturedPacket(PacketKind.Udp, from, to, 0, body[8..].ToArray())
            : new CapturedPacket(PacketKind.Tcp, from, to, BinaryPrimitives.ReadUInt32BigEndian(body[4..]), body[((body[12] >> 4) * 4)..].ToArray());
    }
}
