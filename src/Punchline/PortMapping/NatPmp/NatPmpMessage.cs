using System.Buffers.Binary;
using Punchline.Quic;

namespace Punchline.PortMapping.NatPmp;

/// <summary>What became of a request (RFC 6886 section 3.5).</summary>
internal enum NatPmpResult : ushort
{
    Success = 0,
    UnsupportedVersion = 1,
    Refused = 2,
    NetworkFailure = 3,
    OutOfResources = 4,
    UnsupportedOpcode = 5,
}

/// <summary>The answer to the question for the router's outer address (RFC 6886 section 3.2).</summary>
/// <param name="Result">What became of it; a number that we do not know is a failure as well.</param>
/// <param name="Epoch">Seconds since the router began with an empty table.</param>
/// <param name="Address">The outer address without a port; none unless it is a success.</param>
internal readonly record struct NatPmpAddress(NatPmpResult Result, uint Epoch, UdpAddress Address);

/// <summary>The answer to a request for a UDP mapping (RFC 6886 section 3.3).</summary>
/// <param name="Result">What became of it.</param>
/// <param name="Epoch">Seconds since the router began with an empty table.</param>
/// <param name="InternalPort">Our port.</param>
/// <param name="ExternalPort">The port at the router.</param>
/// <param name="Lifetime">Seconds that the mapping lives.</param>
internal readonly record struct NatPmpMapping(NatPmpResult Result, uint Epoch, ushort InternalPort, ushort ExternalPort, uint Lifetime);

/// <summary>
/// NAT-PMP's messages (RFC 6886 section 3), without I/O.
/// <code>
///  version 0 (1) ‖ opcode (1)                                                          address, request
///  version 0 ‖ 128 ‖ result (2) ‖ epoch (4) ‖ address (4)                              address, answer
///  version 0 ‖ 1 ‖ 0 (2) ‖ internal port (2) ‖ external port (2) ‖ lifetime (4)        UDP mapping, request
///  version 0 ‖ 129 ‖ result (2) ‖ epoch (4) ‖ internal (2) ‖ external (2) ‖ lifetime (4)   UDP mapping, answer
/// </code>
/// </summary>
internal static class NatPmpMessage
{
    /// <summary>The router's port, PCP's as well.</summary>
    public const ushort Port = 5351;

    private const byte Version = 0;
    private const byte AnswerBit = 0x80;
    private const byte AddressOpcode = 0;
    private const byte MapUdpOpcode = 1;
    private const int ErrorLength = 8;
    private const int AddressLength = 12;
    private const int MappingLength = 16;

    /// <summary>The question for the outer address.</summary>
    public static byte[] AddressRequest() => [Version, AddressOpcode];

    /// <summary>A request for a UDP mapping.</summary>
    /// <param name="internalPort">Our port.</param>
    /// <param name="externalPort">The port that is wished for; 0 for any, and when taking back.</param>
    /// <param name="lifetime">Seconds; 0 takes the mapping back (RFC 6886 section 3.4).</param>
    public static byte[] MapRequest(ushort internalPort, ushort externalPort, uint lifetime)
    {
        byte[] request = new byte[12];
        request[1] = MapUdpOpcode;
        BinaryPrimitives.WriteUInt16BigEndian(request.AsSpan(4), internalPort);
        BinaryPrimitives.WriteUInt16BigEndian(request.AsSpan(6), externalPort);
        BinaryPrimitives.WriteUInt32BigEndian(request.AsSpan(8), lifetime);
        return request;
    }

    /// <summary>Reads the answer to <see cref="AddressRequest"/>. A failure may be cut off behind the epoch.</summary>
    public static bool TryReadAddress(ReadOnlySpan<byte> datagram, out NatPmpAddress answer)
    {
        answer = default;
        if (!TryReadHeader(datagram, AddressOpcode, AddressLength, out NatPmpResult result, out uint epoch))
            return false;
        UdpAddress address = result == NatPmpResult.Success ? UdpAddress.FromBytes(datagram.Slice(8, 4), 0, 0) : default;
        answer = new NatPmpAddress(result, epoch, address);
        return true;
    }

    /// <summary>Reads the answer to a mapping request. A failure may be cut off behind the epoch; its ports are 0 then.</summary>
    public static bool TryReadMapping(ReadOnlySpan<byte> datagram, out NatPmpMapping answer)
    {
        answer = default;
        if (!TryReadHeader(datagram, MapUdpOpcode, MappingLength, out NatPmpResult result, out uint epoch))
            return false;
        answer = datagram.Length < MappingLength
            ? new NatPmpMapping(result, epoch, 0, 0, 0)
            : new NatPmpMapping(
                result,
                epoch,
                BinaryPrimitives.ReadUInt16BigEndian(datagram[8..]),
                BinaryPrimitives.ReadUInt16BigEndian(datagram[10..]),
                BinaryPrimitives.ReadUInt32BigEndian(datagram[12..]));
        return true;
    }

    private static bool TryReadHeader(ReadOnlySpan<byte> datagram, byte opcode, int length, out NatPmpResult result, out uint epoch)
    {
        result = default;
        epoch = 0;
        if (datagram.Length < ErrorLength || datagram[0] != Version || datagram[1] != (AnswerBit | opcode))
            return false;
        result = (NatPmpResult)BinaryPrimitives.ReadUInt16BigEndian(datagram[2..]);
        epoch = BinaryPrimitives.ReadUInt32BigEndian(datagram[4..]);
        return result != NatPmpResult.Success || datagram.Length >= length;
    }
}
