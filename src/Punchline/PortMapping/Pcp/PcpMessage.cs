using System.Buffers.Binary;
using Punchline.Quic;

namespace Punchline.PortMapping.Pcp;

/// <summary>What became of a request (RFC 6887 section 7.4).</summary>
internal enum PcpResult : byte
{
    Success = 0,
    UnsupportedVersion = 1,
    NotAuthorized = 2,
    MalformedRequest = 3,
    UnsupportedOpcode = 4,
    UnsupportedOption = 5,
    MalformedOption = 6,
    NetworkFailure = 7,
    NoResources = 8,
    UnsupportedProtocol = 9,
    UserExceededQuota = 10,
    CannotProvideExternal = 11,
    AddressMismatch = 12,
    ExcessiveRemotePeers = 13,
}

/// <summary>The 96 bits by which a mapping is its owner's (RFC 6887 section 11.1).</summary>
internal readonly record struct PcpNonce(ulong High, uint Low)
{
    /// <summary>A new one. It proves who asked, so it is a secret of ours.</summary>
    public static PcpNonce Draw(IRandomness randomness)
    {
        Span<byte> bytes = stackalloc byte[12];
        randomness.FillSecret(bytes);
        return new PcpNonce(BinaryPrimitives.ReadUInt64BigEndian(bytes), BinaryPrimitives.ReadUInt32BigEndian(bytes[8..]));
    }
}

/// <summary>An answer to MAP or ANNOUNCE.</summary>
/// <param name="Result">What became of it; a number that we do not know is a failure as well.</param>
/// <param name="Lifetime">Seconds that the mapping lives, or that the failure will last.</param>
/// <param name="Epoch">Seconds since the server began with an empty table; 0 from one that speaks NAT-PMP alone.</param>
/// <param name="External">The outer address and port; none unless it is a successful MAP.</param>
internal readonly record struct PcpAnswer(PcpResult Result, uint Lifetime, uint Epoch, UdpAddress External);

/// <summary>
/// PCP's messages, as far as one mapping needs them (RFC 6887 sections 7, 11 and 14.1), without I/O and options.
/// <code>
///  version 2 (1) ‖ opcode (1) ‖ 0 (2) ‖ lifetime (4) ‖ client address (16)                          request
///  version 2 ‖ 0x80 + opcode ‖ 0 (1) ‖ result (1) ‖ lifetime (4) ‖ epoch (4) ‖ 0 (12)               answer
///  nonce (12) ‖ protocol (1) ‖ 0 (3) ‖ internal port (2) ‖ external port (2) ‖ external address (16)   both of MAP
/// </code>
/// Addresses of IPv4 are IPv4-mapped (section 5).
/// </summary>
internal static class PcpMessage
{
    private const byte Version = 2;
    private const byte NatPmpVersion = 0;
    private const byte AnswerBit = 0x80;
    private const byte AnnounceOpcode = 0;
    private const byte MapOpcode = 1;
    private const byte UdpProtocol = 17;
    private const int HeaderLength = 24;
    private const int MapLength = HeaderLength + 36;

    /// <summary>Section 7: no message is longer.</summary>
    private const int MaxLength = 1100;

    /// <summary>ANNOUNCE, which asks for nothing but an answer.</summary>
    /// <param name="client">Our address towards the server.</param>
    public static byte[] AnnounceRequest(in UdpAddress client)
    {
        byte[] request = new byte[HeaderLength];
        WriteHeader(request, AnnounceOpcode, 0, client);
        return request;
    }

    /// <summary>MAP for UDP.</summary>
    /// <param name="client">Our address towards the server; the server compares it with the source (section 8.1).</param>
    /// <param name="nonce">The mapping's, the same in all its requests.</param>
    /// <param name="internalPort">Our port.</param>
    /// <param name="suggested">The outer address and port that it had before; its port alone, or none, at first.</param>
    /// <param name="lifetime">Seconds; 0 takes the mapping back.</param>
    public static byte[] MapRequest(in UdpAddress client, PcpNonce nonce, ushort internalPort, in UdpAddress suggested, uint lifetime)
    {
        byte[] request = new byte[MapLength];
        WriteHeader(request, MapOpcode, lifetime, client);
        Span<byte> map = request.AsSpan(HeaderLength);
        BinaryPrimitives.WriteUInt64BigEndian(map, nonce.High);
        BinaryPrimitives.WriteUInt32BigEndian(map[8..], nonce.Low);
        map[12] = UdpProtocol;
        BinaryPrimitives.WriteUInt16BigEndian(map[16..], internalPort);
        BinaryPrimitives.WriteUInt16BigEndian(map[18..], suggested.Port);
        // Without a wish: all zeros, of the family that is wanted (section 11.1).
        WriteAddress(map[20..], suggested.IsNone ? UdpAddress.FromBytes(new byte[client.AddressLength], 0, 0) : suggested);
        return request;
    }

    /// <summary>Reads the answer to ANNOUNCE.</summary>
    public static bool TryReadAnnounce(ReadOnlySpan<byte> datagram, out PcpAnswer answer) =>
        TryReadVersion(datagram, out answer) || TryReadHeader(datagram, AnnounceOpcode, out answer);

    /// <summary>Reads the answer to a MAP request: only with its nonce and port. A failure may be the header alone.</summary>
    public static bool TryReadMap(ReadOnlySpan<byte> datagram, PcpNonce nonce, ushort internalPort, out PcpAnswer answer)
    {
        if (TryReadVersion(datagram, out answer))
            return true;
        if (!TryReadHeader(datagram, MapOpcode, out answer))
            return false;
        if (datagram.Length < MapLength)
            return answer.Result != PcpResult.Success && datagram.Length == HeaderLength;
        ReadOnlySpan<byte> map = datagram[HeaderLength..];
        var told = new PcpNonce(BinaryPrimitives.ReadUInt64BigEndian(map), BinaryPrimitives.ReadUInt32BigEndian(map[8..]));
        if (told != nonce || map[12] != UdpProtocol || BinaryPrimitives.ReadUInt16BigEndian(map[16..]) != internalPort)
            return false;
        if (answer.Result == PcpResult.Success)
            answer = answer with { External = UdpAddress.FromBytes(map.Slice(20, 16), 0, BinaryPrimitives.ReadUInt16BigEndian(map[18..])) };
        return true;
    }

    /// <summary>A server of NAT-PMP alone says that it does not know version 2 (RFC 6887 section 9, appendix A).</summary>
    private static bool TryReadVersion(ReadOnlySpan<byte> datagram, out PcpAnswer answer)
    {
        answer = new PcpAnswer(PcpResult.UnsupportedVersion, 0, 0, default);
        return datagram.Length >= 4 && datagram[0] == NatPmpVersion && (datagram[1] & AnswerBit) != 0
            && BinaryPrimitives.ReadUInt16BigEndian(datagram[2..]) == (ushort)PcpResult.UnsupportedVersion;
    }

    private static bool TryReadHeader(ReadOnlySpan<byte> datagram, byte opcode, out PcpAnswer answer)
    {
        answer = default;
        if (datagram.Length is < HeaderLength or > MaxLength || datagram.Length % 4 != 0
            || datagram[0] != Version || datagram[1] != (AnswerBit | opcode))
            return false;
        answer = new PcpAnswer(
            (PcpResult)datagram[3],
            BinaryPrimitives.ReadUInt32BigEndian(datagram[4..]),
            BinaryPrimitives.ReadUInt32BigEndian(datagram[8..]),
            default);
        return true;
    }

    private static void WriteHeader(Span<byte> request, byte opcode, uint lifetime, in UdpAddress client)
    {
        request[0] = Version;
        request[1] = opcode;
        BinaryPrimitives.WriteUInt32BigEndian(request[4..], lifetime);
        WriteAddress(request[8..], client);
    }

    private static void WriteAddress(Span<byte> destination, in UdpAddress address)
    {
        if (address.IsIPv6)
        {
            address.WriteAddress(destination);
            return;
        }
        destination[..10].Clear();
        destination[10..12].Fill(0xff);
        address.WriteAddress(destination[12..]);
    }
}
