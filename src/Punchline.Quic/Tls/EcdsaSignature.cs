namespace Punchline.Quic.Tls;

/// <summary>
/// Turns a DER ECDSA-Sig-Value (RFC 9846 section 4.3.3) into the fixed form r ‖ s. We read it ourselves because some platforms'
/// verification throws on malformed DER, and a hostile packet must not cost a throw.
/// </summary>
internal static class EcdsaSignature
{
    /// <summary>r and s of P-256, in bytes.</summary>
    public const int FixedLength = 2 * HalfLength;

    private const int HalfLength = 32;

    /// <summary>Reads a signature.</summary>
    /// <param name="destination">64 bytes to fill.</param>
    /// <returns>False if it is not DER of two positive integers of at most 32 bytes each.</returns>
    public static bool TryRead(ReadOnlySpan<byte> signature, Span<byte> destination)
    {
        var outer = new DerReader(signature);
        if (!outer.TryRead(DerReader.Sequence, out _, out var numbers) || !outer.IsAtEnd)
            return false;
        var reader = new DerReader(numbers);
        return TryReadNumber(ref reader, destination[..HalfLength])
            && TryReadNumber(ref reader, destination[HalfLength..FixedLength])
            && reader.IsAtEnd;
    }

    private static bool TryReadNumber(ref DerReader reader, Span<byte> destination)
    {
        if (!reader.TryRead(DerReader.Integer, out _, out var number) || number.IsEmpty || number[0] >= 0x80)
            return false;
        if (number[0] == 0)
        {
            // A leading zero byte is there only to keep the number positive (X.690 section 8.3.2); zero itself is no signature.
            if (number.Length < 2 || number[1] < 0x80)
                return false;
            number = number[1..];
        }
        if (number.Length > HalfLength)
            return false;
        destination.Clear();
        number.CopyTo(destination[(HalfLength - number.Length)..]);
        return true;
    }
}
