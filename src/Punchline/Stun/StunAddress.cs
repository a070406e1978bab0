using System.Buffers.Binary;
using Punchline.Quic;

namespace Punchline.Stun;

/// <summary>
/// The value of every attribute that is an address (RFC 8489 sections 14.1 and 14.2).
/// <code>
///  0                   1                   2                   3
///  0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
/// |0 0 0 0 0 0 0 0|  family: 1, 2 |             port              |
/// |                 address: 32 bits or 128 bits                  |
/// </code>
/// In the XOR form the port is combined with the first half of the magic cookie, the address with the cookie and the transaction id.
/// </summary>
internal static class StunAddress
{
    private const byte FamilyIpv4 = 1;
    private const byte FamilyIpv6 = 2;
    private const int AddressOffset = 4;

    /// <summary>The value's length in bytes: 8 or 20.</summary>
    public static int LengthOf(in UdpAddress address) => AddressOffset + address.AddressLength;

    /// <summary>Reads an address in clear.</summary>
    public static bool TryRead(ReadOnlySpan<byte> value, out UdpAddress address) => TryRead(value, default, isXored: false, out address);

    /// <summary>Reads an address in XOR form.</summary>
    public static bool TryReadXored(ReadOnlySpan<byte> value, in StunTransactionId id, out UdpAddress address) =>
        TryRead(value, id, isXored: true, out address);

    /// <summary>Writes an address in clear.</summary>
    public static void Write(in UdpAddress address, Span<byte> value)
    {
        value[0] = 0;
        value[1] = address.IsIPv4 ? FamilyIpv4 : FamilyIpv6;
        BinaryPrimitives.WriteUInt16BigEndian(value[2..], address.Port);
        address.WriteAddress(value[AddressOffset..]);
    }

    /// <summary>Writes an address in XOR form.</summary>
    public static void WriteXored(in UdpAddress address, in StunTransactionId id, Span<byte> value)
    {
        Write(address, value);
        Mask(value[2..LengthOf(address)], id);
    }

    private static bool TryRead(ReadOnlySpan<byte> value, in StunTransactionId id, bool isXored, out UdpAddress address)
    {
        address = default;
        // The first byte MUST be ignored on receipt; the length MUST be that of the family.
        if (value.Length < AddressOffset)
            return false;
        int length = value[1] switch { FamilyIpv4 => 4, FamilyIpv6 => 16, _ => 0 };
        if (length == 0 || value.Length != AddressOffset + length)
            return false;
        Span<byte> clear = stackalloc byte[2 + 16];
        clear = clear[..(2 + length)];
        value[2..].CopyTo(clear);
        if (isXored)
            Mask(clear, id);
        address = UdpAddress.FromBytes(clear[2..], scope: 0, BinaryPrimitives.ReadUInt16BigEndian(clear));
        return true;
    }

    /// <summary>Masks a port and an address, or takes the mask off again.</summary>
    private static void Mask(Span<byte> portAndAddress, in StunTransactionId id)
    {
        Span<byte> mask = stackalloc byte[4 + StunTransactionId.Length];
        BinaryPrimitives.WriteUInt32BigEndian(mask, StunMessage.MagicCookie);
        id.Write(mask[4..]);
        for (int i = 0; i < 2; i++)
            portAndAddress[i] ^= mask[i];
        Span<byte> address = portAndAddress[2..];
        for (int i = 0; i < address.Length; i++)
            address[i] ^= mask[i];
    }
}
