using Punchline.Quic;
using Punchline.Quic.Wire;
using Punchline.Udp;

namespace Punchline.Fuzz.Targets;

/// <summary>
/// A UDP datagram as the socket hands it over: told apart from STUN and relay frames, then packet after packet (RFC 9000 sections 12.2 and 17),
/// with Retry's tag and the list of Version Negotiation.
/// </summary>
internal sealed class PacketTarget : IFuzzTarget
{
    /// <summary>Bytes of the ids that we issue.</summary>
    private const int LocalIdLength = 8;

    private static readonly ConnectionId Original = new([1, 2, 3, 4, 5, 6, 7, 8]);
    private static readonly ConnectionId Other = new([9, 8, 7, 6]);

    public string Name => "packet";

    public string Reads => "datagrams: QUIC packet headers, Retry, Version Negotiation";

    public int MaxLength => 1500;

    public AllocationBound Allocation => new(2048, 8);

    public int TestRuns => 60_000;

    public IEnumerable<byte[]> Seeds()
    {
        byte[] initial = Long(PacketType.Initial, [7, 7, 7]);
        byte[] handshake = Long(PacketType.Handshake, []);
        byte[] oneRtt = [0x43, .. Original.Span, 1, 2, 3, 4, 5, 6];
        byte[] buffer = new byte[200];
        yield return initial;
        yield return [.. initial, .. handshake, .. oneRtt];
        yield return oneRtt;
        yield return Long(PacketType.ZeroRtt, []);
        yield return buffer[..RetryPacket.Write(buffer, Other, Original, [1, 2, 3], Original)];
        yield return buffer[..VersionNegotiationPacket.Write(buffer, Other.Span, Original.Span, [QuicVersion.Version1, 0x6b33_43cf], 0x0a)];
    }

    public void Run(ReadOnlySpan<byte> input)
    {
        DatagramKind kind = Demultiplexer.Classify(input);
        bool isPacket = PacketHeader.TryRead(input, LocalIdLength, out _);
        Check.That(kind != DatagramKind.Relay || !isPacket || input[0] >= 0x80, "a relay frame reads as a short header");
        int offset = 0;
        while (offset < input.Length && PacketHeader.TryRead(input[offset..], LocalIdLength, out PacketHeader header))
        {
            ReadOnlySpan<byte> packet = input[offset..];
            Check.That(header.PacketLength > 0 && header.PacketLength <= packet.Length, "a packet ends beyond its datagram");
            Check.That(header.PacketNumberOffset <= header.PacketLength, "a packet number lies beyond its packet");
            packet = packet[..header.PacketLength];
            switch (header.Type)
            {
                case PacketType.Initial or PacketType.ZeroRtt or PacketType.Handshake:
                    ComesBack(header);
                    break;
                case PacketType.Retry:
                    RetryComesBack(header, packet);
                    break;
                case PacketType.VersionNegotiation:
                    ReadVersions(packet);
                    break;
                case PacketType.OneRtt:
                    Check.Same(header.Destination.Span, header.DestinationSpan, "two readings of one id");
                    break;
            }
            offset += header.PacketLength;
        }
    }

    private static void ComesBack(in PacketHeader header)
    {
        byte[] bytes = new byte[PacketHeader.RetryTagLength + header.Token.Length + 64];
        var writer = new WireWriter(bytes);
        PacketHeaderWriter.WriteLong(ref writer, header.Type, header.Destination, header.Source, header.Token, 1, out int lengthOffset);
        Check.That(writer.Position == PacketHeaderWriter.LongLength(header.Type, header.Destination, header.Source, header.Token.Length), "a header's length");
        PacketHeaderWriter.PatchLength(bytes, lengthOffset, 20);
        Check.That(PacketHeader.TryRead(bytes.AsSpan(0, writer.Position + 20), LocalIdLength, out PacketHeader again), "a header that we write is none");
        Check.That(again.Type == header.Type && again.Destination == header.Destination && again.Source == header.Source
            && again.PacketLength == writer.Position + 20, "a header does not come back");
        Check.Same(header.Token, again.Token, "a token does not come back");
    }

    private static void RetryComesBack(in PacketHeader header, ReadOnlySpan<byte> packet)
    {
        bool isGenuine = RetryPacket.Verify(packet, Original);
        byte[] bytes = new byte[packet.Length];
        int length = RetryPacket.Write(bytes, header.Destination, header.Source, header.Token, Original);
        Check.That(length == packet.Length, "the length of a Retry packet");
        Check.That(RetryPacket.Verify(bytes, Original), "our own tag is wrong");
        // The four bits that nobody reads are covered by the tag.
        Check.That(!isGenuine || packet[0] != bytes[0] || packet.SequenceEqual(bytes), "two Retry packets with one tag");
    }

    private static void ReadVersions(ReadOnlySpan<byte> packet)
    {
        if (!VersionNegotiationPacket.TryRead(packet, out VersionNegotiationPacket negotiation))
            return;
        Check.That(negotiation.Count > 0, "an empty list of versions");
        uint[] versions = new uint[negotiation.Count];
        for (int i = 0; i < versions.Length; i++)
            versions[i] = negotiation[i];
        Check.That(negotiation.Contains(versions[^1]), "a version that is listed is not found");
        byte[] bytes = new byte[packet.Length];
        int length = VersionNegotiationPacket.Write(bytes, negotiation.Destination, negotiation.Source, versions, packet[0]);
        Check.Same(packet[1..], bytes.AsSpan(1, length - 1), "a list of versions does not come back");
    }

    private static byte[] Long(PacketType type, ReadOnlySpan<byte> token)
    {
        byte[] bytes = new byte[100];
        var writer = new WireWriter(bytes);
        PacketHeaderWriter.WriteLong(ref writer, type, Original, Other, token, 2, out int lengthOffset);
        PacketHeaderWriter.PatchLength(bytes, lengthOffset, 20);
        return bytes[..(writer.Position + 20)];
    }
}
