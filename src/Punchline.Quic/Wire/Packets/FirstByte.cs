namespace Punchline.Quic.Wire;

/// <summary>
/// The first byte of a packet (RFC 9000 sections 17.2 and 17.3.1). R, K and P are under header protection.
/// <code>
/// long:  1 1 T T R R P P    T type, R reserved, P packet number length - 1
/// short: 0 1 S R R K P P    S spin, K key phase
/// </code>
/// </summary>
internal static class FirstByte
{
    public const byte LongForm = 0x80;
    public const byte FixedBit = 0x40;
    public const byte LongTypeMask = 0x30;
    public const byte KeyPhaseBit = 0x04;
    public const byte PacketNumberLengthMask = 0x03;

    /// <summary>The bits that header protection covers (RFC 9001 section 5.4.1).</summary>
    public const byte LongProtectedMask = 0x0f;

    /// <inheritdoc cref="LongProtectedMask"/>
    public const byte ShortProtectedMask = 0x1f;

    private const byte LongReservedMask = 0x0c;
    private const byte ShortReservedMask = 0x18; // not the spin bit, which is ignored (RFC 9000 section 17.4)

    public static bool IsLong(byte first) => (first & LongForm) != 0;

    /// <summary>The bits of this form that header protection covers.</summary>
    public static byte ProtectedMask(byte first) => IsLong(first) ? LongProtectedMask : ShortProtectedMask;

    /// <summary>
    /// True if a reserved bit is set. To be asked only once header and packet protection are both removed;
    /// then it is PROTOCOL_VIOLATION (RFC 9000 sections 17.2 and 17.3.1).
    /// </summary>
    public static bool HasReservedBits(byte first) => (first & (IsLong(first) ? LongReservedMask : ShortReservedMask)) != 0;

    /// <summary>The key phase of a short header whose protection is removed.</summary>
    public static bool KeyPhase(byte first) => (first & KeyPhaseBit) != 0;

    /// <summary>1 to 4, of a header whose protection is removed.</summary>
    public static int PacketNumberLength(byte first) => (first & PacketNumberLengthMask) + 1;
}
