namespace Punchline.Quic.Wire;

/// <summary>
/// An address in the punch extension's frames: one encoding for each address, so that equal addresses are equal bytes.
/// <code>Family (8) = 4 or 6, Address (32 or 128), Port (16)</code>
/// </summary>
internal static class WireAddress
{
    private const byte IPv4 = 4;
    private const byte IPv6 = 6;

    /// <summary>The length of the encoding, in bytes.</summary>
    public static int Length(in UdpAddress address) => 1 + address.AddressLength + sizeof(ushort);

    /// <summary>Reads an address. Unknown families, port 0, and IPv4 in the clothes of IPv6 are malformed.</summary>
    public static bool TryRead(scoped ref WireReader r, out UdpAddress address)
    {
        address = default;
        if (!r.TryReadByte(out byte family) || family is not (IPv4 or IPv6))
            return false;
        if (!r.TryReadBytes(family == IPv4 ? 4UL : 16UL, out ReadOnlySpan<byte> bytes) || !r.TryReadUInt16(out ushort port) || port == 0)
            return false;
        UdpAddress read = UdpAddress.FromBytes(bytes, scope: 0, port);
        if (read.AddressLength != bytes.Length)
            return false;
        address = read;
        return true;
    }

    /// <summary>Writes an address, which must be one: neither none nor with port 0. Its scope stays here.</summary>
    public static void Write(scoped ref WireWriter w, in UdpAddress address)
    {
        if (address.IsNone || address.Port == 0)
            throw new InvalidOperationException("Only a real address goes onto the wire.");
        w.WriteByte(address.IsIPv4 ? IPv4 : IPv6);
        address.WriteAddress(w.Reserve(address.AddressLength));
        w.WriteUInt16(address.Port);
    }
}
